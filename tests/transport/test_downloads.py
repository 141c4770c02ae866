"""Files that arrive whole or not at all."""

import asyncio
import errno
import gzip
import hashlib
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiofiles.threadpool.binary import AsyncBufferedReader

from mediatoolkit.errors import (
    DeadlineError,
    MediaError,
    MediaToolkitError,
    ProviderError,
    StorageError,
    TooLargeError,
    TransportError,
    UnsafeURLError,
)
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Event, Receiving
from mediatoolkit.transport import Limits, Retry, Transport, download, sessions
from mediatoolkit.transport.spool import Spool
from tests.deadline import cut_short
from tests.transport.conftest import KEY
from tests.transport.server import (
    Reply,
    Seen,
    Server,
    body,
    hang_up,
    head,
    in_pieces,
    reset,
    said,
    silence,
)

Make = Callable[..., Transport]
FILM = bytes(range(256)) * 20_000  # 5 MB


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that must hold nothing but the finished film, if that."""
    made = tmp_path / "out"
    made.mkdir()
    yield made
    assert {each.name for each in made.iterdir()} <= {"film.mp4"}


async def bring(transport: Transport, url: str, folder: Path, **options: Any) -> bytes:
    async with CallContext(
        options.pop("seconds", 20), listener=options.pop("listener", None)
    ) as context:
        path = await transport.download(url, folder / "film.mp4", context, **options)
    return path.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 100, len(FILM)])
async def test_a_file_arrives_as_it_is(
    server: Server, transport: Transport, folder: Path, size: int
) -> None:
    server.then(body(FILM[:size]))

    assert await bring(transport, server.url + "/film?x=1#top", folder) == FILM[:size]
    assert server.requests[0].path == "/film?x=1"


async def test_a_file_is_written_by_aiofiles_a_megabyte_at_a_time(
    server: Server, transport: Transport, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    real = AsyncBufferedReader.writelines

    def spy(file: Any, pieces: list[bytes]) -> Any:
        batches.append(sum(map(len, pieces)))
        return real(file, pieces)

    monkeypatch.setattr(AsyncBufferedReader, "writelines", spy)
    server.then(body(FILM))

    assert await bring(transport, server.url + "/film", folder) == FILM
    assert sum(batches) == len(FILM)
    assert len(batches) <= len(FILM) // 1_000_000 + 1


async def test_chunks_and_packing_make_no_difference(
    server: Server, transport: Transport, folder: Path
) -> None:
    chunks = b"%x\r\n%b\r\n" % (len(FILM), FILM)
    server.then(
        in_pieces(head(Transfer_Encoding="chunked") + chunks + b"0\r\n\r\n", 100_000),
        body(gzip.compress(FILM, 1), Content_Encoding="gzip"),
    )

    assert await bring(transport, server.url, folder) == FILM
    assert await bring(transport, server.url, folder) == FILM


async def test_progress_counts_up_to_the_length(
    server: Server, transport: Transport, folder: Path
) -> None:
    heard: list[Event] = []
    server.then(in_pieces(head(Content_Length=len(FILM)) + FILM, 10_000))

    await bring(transport, server.url, folder, listener=heard.append)

    steps = [event for event in heard if isinstance(event, Receiving)]
    assert all(step.total == len(FILM) for step in steps)
    assert [step.received for step in steps] == sorted(step.received for step in steps)


def ranged(cut: int, etag: str = '"v1"', **wrong: Any) -> Callable[..., Any]:
    """A file server that hangs up after *cut* bytes of each answer."""

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> bool:
        asked = seen.headers.get("range")
        at = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        fields: dict[str, Any] = {"ETag": etag, "Content_Length": len(FILM) - at}
        if at:
            fields["Content_Range"] = f"bytes {at}-{len(FILM) - 1}/{len(FILM)}"
        writer.write(head(206 if at else 200, **(fields | wrong)) + FILM[at : at + cut])
        return at + cut >= len(FILM)

    return reply


async def test_a_cut_is_mended_from_where_it_was(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(ranged(2_000_000))

    assert await bring(transport, server.url, folder) == FILM
    asked = [seen.headers.get("range") for seen in server.requests]
    assert asked == [None, "bytes=2000000-", "bytes=4000000-"]
    assert server.requests[1].headers["if-range"] == '"v1"'


@pytest.mark.parametrize(
    "second",
    [
        body(FILM),
        body(b"", 416),
        body(FILM[5:], 206, Content_Range=f"bytes 5-{len(FILM) - 1}/{len(FILM)}"),
        body(FILM[5:], 206),
    ],
    ids=["whole file", "no such range", "other range", "no range named"],
)
async def test_a_server_that_does_not_play_along_makes_it_start_over(
    server: Server, transport: Transport, folder: Path, second: Any
) -> None:
    server.then(ranged(1000), second, body(FILM))

    assert await bring(transport, server.url, folder) == FILM


@pytest.mark.parametrize("etag", ['W/"weak"', "", "unquoted"])
async def test_without_a_strong_etag_a_cut_starts_over(
    server: Server, transport: Transport, folder: Path, etag: str
) -> None:
    server.then(ranged(1000, etag), body(FILM))

    assert await bring(transport, server.url, folder) == FILM
    assert "range" not in server.requests[1].headers


async def test_a_packed_file_that_was_cut_starts_over(
    server: Server, transport: Transport, folder: Path
) -> None:
    packed = gzip.compress(FILM, 1)
    fields: dict[str, Any] = {
        "ETag": '"v1"',
        "Content_Encoding": "gzip",
        "Content_Length": len(packed),
    }
    server.then(hang_up(head(**fields) + packed[:-9]), body(packed, **fields))

    assert await bring(transport, server.url, folder) == FILM
    assert "range" not in server.requests[1].headers


async def test_a_changed_file_is_not_glued_to_the_old_one(
    server: Server, transport: Transport, folder: Path
) -> None:
    fresh = FILM[::-1]
    server.then(ranged(1000), body(fresh, ETag='"v2"'))

    assert await bring(transport, server.url, folder) == fresh


async def test_a_file_that_never_arrives_whole_leaves_nothing(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(hang_up(head(Content_Length=100) + b"half"))

    with pytest.raises(TransportError, match="cut short"):
        await bring(transport, server.url, folder)

    assert len(server.requests) == 4
    assert not list(folder.iterdir())


async def test_the_old_file_stays_when_the_new_one_fails(
    server: Server, transport: Transport, folder: Path
) -> None:
    (folder / "film.mp4").write_bytes(b"old")
    server.then(body(b"", 404))

    with pytest.raises(ProviderError, match="404"):
        await bring(transport, server.url, folder)

    assert (folder / "film.mp4").read_bytes() == b"old"


async def test_a_digest_is_held_against_the_file(
    server: Server, transport: Transport, folder: Path
) -> None:
    digest = hashlib.sha256(FILM).hexdigest()
    server.then(body(FILM[::-1]), body(FILM))

    assert await bring(transport, server.url, folder, digest=digest.upper()) == FILM


async def test_a_file_that_does_not_match_its_digest_is_not_kept(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(body(b"other"))

    with pytest.raises(TransportError, match="checksum"):
        await bring(transport, server.url, folder, digest="0" * 64)

    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "reply",
    [
        silence(head(Content_Length=2001)),
        silence(head(Transfer_Encoding="chunked") + b"7d1\r\n" + b"a" * 2001),
        body(gzip.compress(b"a" * 10_000), Content_Encoding="gzip"),
    ],
    ids=["declared", "counted", "unpacked"],
)
async def test_a_file_over_the_cap_is_not_kept(
    server: Server, make: Make, folder: Path, reply: Any
) -> None:
    server.then(reply)

    with pytest.raises(TooLargeError):
        await bring(make(limits=Limits(video=2000)), server.url, folder)

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_refused_download_is_one_request(
    server: Server, transport: Transport, folder: Path, status: int
) -> None:
    server.then(said({}, status))

    with pytest.raises(ProviderError) as caught:
        await bring(transport, server.url, folder)

    assert (caught.value.status, len(server.requests)) == (status, 1)


async def test_an_overloaded_file_server_is_asked_again(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(said({}, 503, Retry_After="0"), body(FILM))

    assert await bring(transport, server.url, folder) == FILM


async def test_a_missing_folder_is_told_before_anything_is_sent(
    server: Server, transport: Transport, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="folder first"):
        await bring(transport, server.url, tmp_path / "nowhere")
    with pytest.raises(StorageError, match="is a folder"):
        async with CallContext(5) as context:
            await transport.download(server.url, tmp_path, context)

    assert server.connections == 0


async def test_a_full_disk_is_a_storage_error_and_leaves_nothing(
    server: Server, transport: Transport, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: Spool) -> None:
        self._check(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr(Spool, "drain", full)
    server.then(body(FILM))

    with pytest.raises(StorageError, match="No space left") as caught:
        await bring(transport, server.url, folder)

    assert caught.value.errno == errno.ENOSPC
    assert len(server.requests) == 1


@pytest.mark.usefixtures("full_disk")
async def test_a_write_that_the_system_ends_half_way_is_one_request(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(body(FILM))

    with pytest.raises(StorageError, match="File too large"):
        await bring(transport, server.url, folder)

    assert len(server.requests) == 1


def parts(folder: Path) -> list[Path]:
    """Files that have begun to come."""
    return [each for each in folder.glob(".*.part") if each.stat().st_size]


async def until_parts(folder: Path) -> None:
    while not parts(folder):
        await asyncio.sleep(0.01)


async def test_a_cancel_removes_the_file_and_ends_at_once(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(silence(head(Content_Length=2 * len(FILM)) + FILM))
    task = asyncio.create_task(bring(transport, server.url, folder))
    await until_parts(folder)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(folder.iterdir())


async def test_the_deadline_removes_the_file(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(silence(head(Content_Length=2 * len(FILM)) + FILM))

    with pytest.raises(DeadlineError) as caught:
        await cut_short(
            lambda context: transport.download(server.url, folder / "film.mp4", context),
            lambda _call: parts(folder),
        )

    assert caught.value.stage == "receiving"
    assert not caught.value.may_have_been_billed
    assert not list(folder.iterdir())


def test_ctrl_c_removes_the_file(folder: Path) -> None:
    from tests.transport.server import serving

    async def work() -> None:
        async with serving() as server:
            server.then(silence(head(Content_Length=2 * len(FILM)) + FILM))

            def stop(event: Event) -> None:
                if isinstance(event, Receiving):
                    raise KeyboardInterrupt

            async with CallContext(5, listener=stop) as context:
                await download(server.url, folder / "film.mp4", context)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(work())
    assert not list(folder.iterdir())


async def test_the_key_goes_to_the_base_origin_alone(
    server: Server, other: Server, make: Make, folder: Path
) -> None:
    server.then(body(FILM))
    other.then(body(FILM))
    transport = make(trusted_origins=(other.url,))

    await bring(transport, server.url + "/own", folder)
    await bring(transport, other.url + "/trusted", folder)

    assert server.requests[0].headers["x-acme-key"] == KEY
    assert "x-acme-key" not in other.requests[0].headers


async def test_a_redirect_to_a_trusted_origin_is_followed_without_the_key(
    server: Server, other: Server, make: Make, folder: Path
) -> None:
    server.then(body(b"", 302, Location=other.url + "/film"))
    other.then(body(FILM))

    assert await bring(make(trusted_origins=(other.url,)), server.url, folder) == FILM
    assert "x-acme-key" not in other.requests[0].headers
    assert KEY not in str(other.requests[0].headers)


WAYS: dict[str, Callable[[Transport, str, Path], Awaitable[bytes]]] = {
    "download": bring,
    "fetch": lambda transport, url, _folder: fetched(transport, url),
}
FAULTS: dict[str, Reply | None] = {
    "nobody there": None,
    "no answer": hang_up(),
    "reset": reset(),
    "cut": hang_up(head(Content_Length=99) + b"a"),
    "silent": silence(),
    "silent after a while": silence(head(Content_Length=99) + b"a"),
    "not HTTP": hang_up(b"220 mail\r\n"),
    "not there": body(b"", 404),
    "packed wrongly": body(b"\x1f\x8b", Content_Encoding="gzip"),
    "in an odd packing": body(b"a", Content_Encoding="br"),
    "too large": hang_up(head(Content_Length=1 << 40)),
}


async def fetched(transport: Transport, url: str) -> bytes:
    async with CallContext(20) as context:
        return await transport.fetch(url, context)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", WAYS)
async def test_after_a_redirect_the_host_that_failed_is_named(
    *, server: Server, other: Server, make: Make, folder: Path, way: str, fault: str
) -> None:
    reply = FAULTS[fault]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = other.port if reply else nobody.getsockname()[1]
        leads_to = f"http://127.0.0.1:{port}"
        server.then(body(b"", 302, Location=f"{leads_to}/film"))
        if reply:
            other.then(reply)
        timeout = Timeout(read=0.2) if "silent" in fault else Timeout()
        retry = Retry(attempts=2, base=0.001)
        transport = make(trusted_origins=(leads_to,), timeout=timeout, retry=retry)

        with pytest.raises(MediaToolkitError) as caught:
            await WAYS[way](transport, server.url, folder)

    assert f"127.0.0.1:{port}" in str(caught.value)
    assert f"127.0.0.1:{server.port}" not in str(caught.value)


async def test_a_relative_redirect_stays_at_home(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(body(b"", 307, Location="../real"), body(FILM))

    assert await bring(transport, server.url + "/a/b", folder) == FILM
    assert server.requests[1].path == "/real"


async def test_five_redirects_are_the_most(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(body(b"", 302, Location="/again"))

    with pytest.raises(UnsafeURLError, match="more than 5"):
        await bring(transport, server.url, folder)

    assert len(server.requests) == 6


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::1]"])
async def test_a_strangers_private_address_is_never_contacted(
    other: Server, transport: Transport, folder: Path, host: str
) -> None:
    with pytest.raises(UnsafeURLError, match="not public"):
        await bring(transport, f"http://{host}:{other.port}/", folder)

    assert other.connections == 0


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "file:///etc/passwd", "//", ""],
)
async def test_a_redirect_to_a_private_address_is_not_followed(
    server: Server, other: Server, transport: Transport, folder: Path, location: str
) -> None:
    server.then(body(b"", 302, Location=location.format(port=other.port)))

    with pytest.raises(MediaToolkitError):
        await bring(transport, server.url, folder)

    assert other.connections == 0


async def test_the_callers_own_private_address_is_trusted_but_not_where_it_leads(
    server: Server, other: Server, folder: Path
) -> None:
    server.then(body(FILM), body(b"", 302, Location=other.url))

    async with CallContext(10) as context:
        path = await download(server.url, folder / "film.mp4", context)
    assert path.read_bytes() == FILM
    with pytest.raises(UnsafeURLError):
        async with CallContext(10) as context:
            await download(server.url, folder / "film.mp4", context)

    assert other.connections == 0
    await sessions.close()


async def test_a_picture_can_be_fetched_into_memory(server: Server, make: Make) -> None:
    transport = make(limits=Limits(image=1000))
    server.then(said({}, 503), body(b"pixels"), body(b"a" * 1001), body(b"", 404))

    async with CallContext(5) as context:
        assert await transport.fetch(server.url + "/a.png", context) == b"pixels"
    with pytest.raises(TooLargeError):
        async with CallContext(5) as context:
            await transport.fetch(server.url + "/a.png", context)
    with pytest.raises(ProviderError):
        async with CallContext(5) as context:
            await transport.fetch(server.url + "/a.png", context)


async def test_closing_the_transport_ends_a_download(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(silence(head(Content_Length=2 * len(FILM)) + FILM))
    task = asyncio.create_task(bring(transport, server.url, folder))
    await until_parts(folder)

    await transport.close()

    with pytest.raises(MediaToolkitError, match="closed"):
        await task
    assert not list(folder.iterdir())


def fail(part: Path) -> None:
    assert part.read_bytes() == FILM
    raise MediaError("not that")


async def test_what_a_check_refuses_leaves_nothing(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(body(FILM))

    with pytest.raises(MediaError, match="not that"):
        await bring(transport, server.url, folder, check=fail)

    assert not list(folder.iterdir())
    assert await bring(transport, server.url, folder, check=lambda part: part.stat()) == FILM


@pytest.mark.parametrize("ending", ["whole", "cap", "cancel", "start over"])
async def test_a_large_file_is_put_in_place_or_removed_off_the_loop(
    server: Server, make: Make, folder: Path, ending: str
) -> None:
    """The disk takes a second for 2 GiB; so the loop asks it for nothing of the kind."""
    loop_thread = threading.get_ident()
    places: list[tuple[str, int]] = []

    def hook(event: str, _facts: object) -> None:
        if event in {"os.remove", "os.rename"}:
            places.append((event, threading.get_ident()))

    hooks.append(hook)
    (folder / "film.mp4").write_bytes(b"old")
    cut = hang_up(head(Content_Length=len(FILM)) + FILM[:9000])
    endless = silence(head(Content_Length=2 * len(FILM)) + FILM)
    server.then(*{"cancel": [endless], "start over": [cut]}.get(ending, []), body(FILM))
    transport = make(limits=Limits(video=1000 if ending == "cap" else 1 << 30))
    task = asyncio.create_task(bring(transport, server.url, folder))
    if ending == "cancel":
        await until_parts(folder)
        task.cancel()

    (result,) = await asyncio.gather(task, return_exceptions=True)

    hooks.remove(hook)
    assert {"whole": FILM, "start over": FILM}.get(ending) == (
        result if isinstance(result, bytes) else None
    )
    assert len(list(folder.iterdir())) == 1
    assert places
    assert loop_thread not in {thread for _, thread in places}


hooks: list[Callable[[str, object], None]] = []
sys.addaudithook(lambda event, facts: [hook(event, facts) for hook in hooks])


async def test_a_second_cancel_does_not_leave_the_file(
    server: Server, transport: Transport, folder: Path
) -> None:
    server.then(silence(head(Content_Length=2 * len(FILM)) + FILM))
    task = asyncio.create_task(bring(transport, server.url, folder))
    await until_parts(folder)

    task.cancel()
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(folder.iterdir())

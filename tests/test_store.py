"""The store: whole files or none, and the paid picture is never lost."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mediatoolkit.errors import StorageError, TransportError
from mediatoolkit.media import Audio, Image, Provenance
from mediatoolkit.runtime import files
from mediatoolkit.store import Pending, Store
from tests.test_prompts import picture

FOX = Provenance(model="local/painter", prompt="a red fox", engine="local", seed=7)


async def test_a_picture_is_kept_under_its_digest_with_its_origin(tmp_path: Path) -> None:
    kept = await Store(tmp_path).put(Image(picture(), provenance=FOX))
    assert kept.path == tmp_path / f"{kept.digest()[:16]}.png"
    assert Image.open(kept.path).provenance == FOX


async def test_the_same_picture_is_kept_once(tmp_path: Path) -> None:
    for _ in range(2):
        await Store(tmp_path).put(Image(picture(), provenance=FOX))
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_missing_folder_is_made_those_above_it_only_on_demand(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="make it first"):
        await Store(tmp_path / "above" / "new").check()
    await Store(tmp_path / "new").check()
    await Store(tmp_path / "above" / "new", create=True).check()
    assert (tmp_path / "new").is_dir()
    assert (tmp_path / "above" / "new").is_dir()
    kept = await Store(tmp_path / "unchecked").put(Image(picture()))
    assert kept.path
    assert kept.path.parent == tmp_path / "unchecked"


async def test_a_store_stays_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook changes its folder with `%cd`, also between two cells."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATOOLKIT_STORE", "mine")
    stores = [Store("out"), Store.default(), Store(Path("deep") / "out", create=True)]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")

    for store, name in zip(stores, ("out", "mine", "deep/out"), strict=True):
        await store.remember(Pending("v1_a", "video", FOX))
        kept = await store.put(Image(picture(), provenance=FOX))
        assert kept.path
        assert kept.path.parent == store.folder == tmp_path / name
        assert [one.id for one in store.pending()] == ["v1_a"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_that_is_gone_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StorageError, match="current folder is gone"):
        Store("out")
    assert Store(tmp_path).folder == tmp_path


async def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for store in (Store(tmp_path / "file"), Store(tmp_path / "file" / "sub", create=True)):
        with pytest.raises(StorageError):
            await store.check()


async def test_a_read_only_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the system's answer is given here."""
    monkeypatch.setattr(os, "access", lambda *_args: False)
    with pytest.raises(StorageError, match="may not be written"):
        await Store(tmp_path).check()


async def test_a_name_that_is_taken_by_a_folder_is_an_error(tmp_path: Path) -> None:
    image = Image(picture(), provenance=FOX)
    (tmp_path / f"{image.digest()[:16]}.png" / "sub").mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        await Store(tmp_path).put(image)
    assert caught.value.media is image
    assert len(list(tmp_path.iterdir())) == 1, "no temporary file is left"


async def test_a_full_disk_leaves_nothing_and_gives_the_picture_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image(picture(), provenance=FOX)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        await Store(tmp_path).put(image)
    assert caught.value.media is image
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("full_disk")
async def test_a_write_that_the_system_ends_half_way_leaves_nothing(tmp_path: Path) -> None:
    sound = Audio.from_pcm(bytes(200_000), sample_rate=24_000)
    with pytest.raises(StorageError, match="File too large") as caught:
        await Store(tmp_path).put(sound)
    assert caught.value.media is sound
    with pytest.raises(StorageError, match="File too large"):
        sound.save(tmp_path / "sound.wav")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_leaves_no_temporary_file(tmp_path: Path, stop: type[BaseException]) -> None:
    def interrupted() -> None:
        with files.partial_file(tmp_path / "fox.png") as part:
            part.write_bytes(b"half")
            raise stop

    with pytest.raises(stop):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_an_error_of_ours_passes_a_partial_file_unchanged(tmp_path: Path) -> None:
    """A `TransportError` is an `OSError` too, but says nothing of the disk."""
    cut = TransportError("The answer was cut short.")

    def lost() -> None:
        with files.partial_file(tmp_path / "fox.png") as part:
            part.write_bytes(b"half")
            raise cut

    with pytest.raises(TransportError) as caught:
        lost()
    assert caught.value is cut
    assert not list(tmp_path.iterdir())


async def test_a_link_in_the_folder_is_replaced_and_never_written_through(tmp_path: Path) -> None:
    """Whatever leads out of the store stays as it is."""
    (tmp_path / "secret").write_text("secret")
    store, image = Store(tmp_path / "out"), Image(picture())
    await store.remember(Pending("v1_a", "video", FOX))
    (record,) = (tmp_path / "out" / "pending").iterdir()
    for link in (tmp_path / "out" / f"{image.digest()[:16]}.png", record):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / "secret")
    await store.put(image)
    await store.remember(Pending("v1_a", "video", FOX))
    assert (tmp_path / "secret").read_text() == "secret"
    assert [one.id for one in store.pending()] == ["v1_a"]


async def test_a_record_that_cannot_be_dropped_stays(tmp_path: Path) -> None:
    (tmp_path / "pending").write_text("a file in the way")
    await Store(tmp_path).forget("job")
    assert (tmp_path / "pending").is_file()


async def test_a_picture_takes_one_trip_to_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trip costs as much as all that is done there, so a batch of small pictures feels each."""
    loop, trips = asyncio.get_running_loop(), list[object]()
    real = loop.run_in_executor

    def spy(executor: Any, function: Any, *args: Any) -> Any:
        trips.append(function)
        return real(executor, function, *args)

    monkeypatch.setattr(loop, "run_in_executor", spy)
    store = Store(tmp_path)
    await store.check()
    trips.clear()
    for _ in range(2):
        await store.check()
        await store.put(Image(picture()))
    assert len(trips) == 2


async def test_a_cancel_waits_for_a_picture_that_is_being_kept(tmp_path: Path) -> None:
    keeping = asyncio.ensure_future(Store(tmp_path).put(Image(picture(), provenance=FOX)))
    await asyncio.sleep(0)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    (path,) = tmp_path.iterdir()
    assert Image.open(path).provenance == FOX


def test_the_default_store_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "mine"))
    assert Store.default().folder == tmp_path / "mine"
    monkeypatch.delenv("MEDIATOOLKIT_STORE")
    assert Store.default().folder.parts[-2:] == ("mediatoolkit", "media")


async def test_a_store_lists_what_it_keeps_newest_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = await store.put(Image(picture(), provenance=FOX))
    os.utime(old.path or "", (1_000, 1_000))
    new = await store.put(Image(picture((9, 9))))
    (tmp_path / "notes.txt").write_text("no picture")

    entries = await store.entries()

    assert [entry.path for entry in entries] == [new.path, old.path]
    assert [entry.prompt for entry in entries] == ["", "a red fox"]


async def test_a_store_that_is_not_made_yet_is_empty(tmp_path: Path) -> None:
    assert await Store(tmp_path / "new", create=True).entries() == []
    with pytest.raises(StorageError):
        await Store(tmp_path / "new").entries()


async def test_whoever_watches_a_folder_hears_of_every_store_over_it(tmp_path: Path) -> None:
    heard: list[str] = []
    end = Store(tmp_path).watch(lambda: heard.append("new"))

    await Store(tmp_path).put(Image(picture()))
    end()
    end()
    await Store(tmp_path).put(Image(picture()))

    assert heard == ["new"]

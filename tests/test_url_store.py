"""Stores at addresses: whole files or none, bounds, and errors without secrets."""

import asyncio
import pickle
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mediatoolkit.errors import MissingExtraError, StorageError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.runtime import url_files
from mediatoolkit.runtime.url_files import UrlFiles, shown_url
from mediatoolkit.store import Pending, Store
from mediatoolkit.url_store import UrlStore, store_at
from tests.storages import SECRET, Moody
from tests.test_prompts import picture

FOX = Provenance(model="local/painter", prompt="a red fox", engine="local", seed=7)
WITH_SECRETS = f"moody://user:{SECRET}@host/bucket?token={SECRET}"


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    Moody.calm()
    fsspec.filesystem("memory").store.clear()
    yield
    Moody.calm()


@pytest.fixture(params=["memory", "file", "moody"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> UrlStore:
    """An object store, a plain folder through fsspec, and a storage of our own."""
    urls = {"memory": "memory://bucket/out", "file": f"file://{tmp_path}/deep/out"}
    return UrlStore(urls.get(request.param, WITH_SECRETS))


def fox(side: int = 8) -> Image:
    return Image(picture((side, side)), provenance=FOX)


class TestPlaces:
    """Which store a place gets."""

    def test_a_path_is_a_folder_and_so_is_its_address(self, tmp_path: Path) -> None:
        spaced = tmp_path / "my pictures"
        for place in (spaced, str(spaced), spaced.as_uri()):
            store = store_at(place)
            assert type(store) is Store
            assert store.folder == spaced

    def test_an_address_is_an_address_and_a_store_stays(self) -> None:
        store = store_at("memory://bucket/out")
        assert isinstance(store, UrlStore)
        assert store_at(store) is store
        assert store.run_folder("foxes") == "memory://bucket/out/runs/foxes"

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("zzz://bucket", "zzz:// is no address that fsspec knows"),
            ("https://host/out", "is an address, not a path"),
        ],
    )
    def test_what_cannot_be_one_is_an_error(self, url: str, message: str) -> None:
        with pytest.raises(StorageError, match=message):
            store_at(url)

    def test_a_missing_package_is_named_with_its_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(MissingExtraError) as caught:
            store_at("gs://bucket/out")
        assert 'pip install "mediatoolkit[storage]" gcsfs' in str(caught.value)

        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(MissingExtraError) as caught:
            store_at("memory://bucket/out")
        assert 'pip install "mediatoolkit[storage]".' in str(caught.value)


class TestMedia:
    """What is kept, and read again."""

    async def test_media_is_read_by_its_name_with_its_origin(self, store: UrlStore) -> None:
        await store.check()
        kept = await store.put(fox())

        name = store.name_of(kept)
        assert name == f"{kept.digest()[:16]}.png"
        assert store.holds(name)
        assert not store.holds("0" * 16 + ".png")
        assert kept.path is None
        assert Image(store.read(name)).provenance == FOX

    async def test_a_folder_has_the_same_verbs(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        kept = await store.put(fox())

        name = store.name_of(kept)
        assert store.holds(name)
        assert store.read(name) == (tmp_path / name).read_bytes()
        assert store.path_of(name) == kept.path

    async def test_the_same_picture_is_kept_once(self, store: UrlStore) -> None:
        for _ in range(2):
            await store.put(fox())
        assert len(store.look()) == 1

    async def test_entries_come_newest_first_and_read_when_used(self, store: UrlStore) -> None:
        pictures = [await store.put(fox(side)) for side in (8, 16, 32)]
        store.files.write("note.png", b"no picture")

        entries = await store.entries()

        pieces = [entry.open() for entry in entries]
        assert sorted(each.width for each in pieces if isinstance(each, Image)) == [8, 16, 32]
        assert [entry.prompt for entry in entries] == ["a red fox"] * 3
        assert entries == await store.entries()
        times = [entry.modified for entry in entries]
        assert times == sorted(times, reverse=True)
        store.remove("note.png")
        assert len(store.look(newest=2)) == 2
        store.remove(store.name_of(pictures[0]))
        assert len(store.look()) == 2

    async def test_those_who_watch_are_told(self, store: UrlStore) -> None:
        news: list[str] = []
        end = store.watch(lambda: news.append("news"))

        kept = await store.put(fox())
        store.remove(store.name_of(kept))
        end()
        await store.put(fox())

        assert news == ["news", "news"]

    def test_a_mark_is_there_while_its_block_lasts(self, store: UrlStore, tmp_path: Path) -> None:
        for each in (store, Store(tmp_path)):
            with each.mark("foxes"):
                assert each.is_marked("foxes")
                assert not each.is_marked("others")
            assert not each.is_marked("foxes")

    async def test_a_store_can_be_pickled(self, store: UrlStore) -> None:
        name = store.name_of(await store.put(fox()))

        copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own

        assert copy.read(name) == store.read(name)

    @pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "", ".a.png", "a/../../b"])
    def test_no_name_leads_out_of_the_store(self, store: UrlStore, name: str) -> None:
        with pytest.raises(StorageError, match="is no name of a file"):
            store.read(name)

    def test_the_cache_says_that_it_needs_a_folder(self, store: UrlStore) -> None:
        with pytest.raises(StorageError, match="leave cache= out"):
            _ = store.folder


class TestJobs:
    """Records of vendors' jobs."""

    async def test_jobs_are_remembered_until_they_are_forgotten(self, store: UrlStore) -> None:
        intent = Pending.intent("video", FOX)
        await store.remember(intent)
        assert store.pending() == [intent]
        await store.remember(intent.begun("v1_a"), instead_of=intent)
        await store.remember(Pending("v1_b", "video", FOX))
        store.files.write("pending/broken.json", b"{")

        assert [job.id for job in store.pending()] == ["v1_a", "v1_b"]
        await store.forget("v1_a", "v1_c")
        assert [job.id for job in store.pending()] == ["v1_b"]

    def test_those_who_wait_know_of_each_other(self, store: UrlStore) -> None:
        job = Pending("v1_a", "video", FOX)
        with store.waiting(job) as others:
            assert not others()
            with store.waiting(job):
                assert others()
            assert not others()


class TestTrouble:
    """A storage that fails, or hangs."""

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (PermissionError(f"no access with {SECRET}"), "permission is denied"),
            (FileNotFoundError(f"no bucket {SECRET}"), "it is not there"),
            (OSError(28, f"full: {SECRET}"), "No space left on device"),
            (RuntimeError(f"signature of {SECRET}"), "RuntimeError in the storage"),
            (type("ConnectError", (Exception,), {})(SECRET), "cannot be reached"),
        ],
        ids=["permission", "missing", "full", "unknown", "connection"],
    )
    async def test_a_failure_is_told_without_secrets(self, error: Exception, reason: str) -> None:
        store = UrlStore(WITH_SECRETS)
        Moody.fail(error, "write")

        with pytest.raises(StorageError, match=reason) as caught:
            await store.check()
        with pytest.raises(StorageError, match=reason) as again:
            await store.put(fox())

        assert isinstance(again.value.media, Image)
        for each in (caught, again):
            assert "moody://host/bucket" in str(each.value)
            assert SECRET not in "".join(traceback.format_exception(each.value))
        assert SECRET not in repr(store)
        assert SECRET not in repr(store.files)

    async def test_a_storage_that_hangs_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(url_files, "SECONDS", 0.05)
        end = threading.Event()
        Moody.hang(end, "write", "read", "list")
        store = UrlStore(WITH_SECRETS)

        with pytest.raises(StorageError, match="did not answer in time"):
            await store.put(fox())
        for call in (store.look, store.pending):
            with pytest.raises(StorageError, match="did not answer in time"):
                await asyncio.to_thread(call)
        end.set()

    async def test_a_put_that_is_cancelled_is_finished(self) -> None:
        begun, end = threading.Event(), threading.Event()

        def trouble(operation: str, _path: str) -> None:
            if operation == "write":
                begun.set()
                end.wait()

        Moody.trouble = staticmethod(trouble)
        store = UrlStore(WITH_SECRETS)
        task = asyncio.ensure_future(store.put(fox()))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.sleep(0)
        end.set()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(store.look()) == 1

    def test_a_file_that_cannot_be_moved_leaves_nothing(self, tmp_path: Path) -> None:
        """What is no object store gets a file beside the target first."""
        files = UrlFiles(f"file://{tmp_path}")
        (tmp_path / "a.png").mkdir()
        (tmp_path / "a.png" / "inside").touch()
        before = sorted(tmp_path.rglob("*"))

        with pytest.raises(StorageError):
            files.write("a.png/inside/b", b"data")

        assert sorted(tmp_path.rglob("*")) == before

    async def test_what_others_have_written_is_seen_at_once(self, store: UrlStore) -> None:
        other = UrlStore(store.files.__reduce__()[1][0])  # type: ignore[index]
        assert store.look() == []
        kept = await other.put(fox())

        assert len(store.look()) == 1
        assert store.holds(store.name_of(kept))

    def test_a_file_that_is_too_large_is_not_read(self) -> None:
        files = UrlFiles("memory://bucket")
        files.write("a", b"12345")

        assert files.read("a", largest=5) == b"12345"
        with pytest.raises(StorageError, match="more than 4 bytes"):
            files.read("a", largest=4)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/", "s3://bucket/a"),
        ("sftp://user:word@host/a?key=1#2", "sftp://host/a"),
        ("simplecache::s3://bucket/a", "simplecache::s3://bucket/a"),
    ],
    ids=["plain", "secrets", "chain"],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown

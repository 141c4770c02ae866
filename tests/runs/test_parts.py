"""A ledger of parts: what is committed is there, whatever ends the process that wrote it."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import fsspec
import pytest

from mediatoolkit.errors import RateLimitError, StorageError
from mediatoolkit.runs import folder_lock, parts
from mediatoolkit.runs.folder_lock import FolderLock
from mediatoolkit.runs.ledger import (
    BatchNoted,
    Change,
    Contents,
    HeaderNoted,
    RowsAdded,
    RowsDropped,
    RunLedger,
)
from mediatoolkit.runs.parts import PartsLedger
from mediatoolkit.runs.rows import RowId
from mediatoolkit.runs.sqlite_ledger import SqliteLedger
from mediatoolkit.runs.work import Outcome, RowStatus
from mediatoolkit.runtime.url_files import UrlFiles
from tests.storages import Moody

URL = "moody://bucket/runs/foxes"


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    Moody.calm()
    fsspec.filesystem("memory").store.clear()
    yield
    Moody.calm()


@pytest.fixture(params=["memory", "file"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> UrlFiles:
    url = "memory://bucket/runs/foxes" if request.param == "memory" else f"file://{tmp_path}/foxes"
    return UrlFiles(url)


def done(number: int) -> Outcome:
    usd = Decimal("0.067")
    return Outcome(number, RowStatus.DONE, file=f"{number:016x}.png", usd=usd, seconds=1.5)


def written(files: UrlFiles, *commits: Sequence[Change]) -> None:
    ledger = PartsLedger("foxes", files)
    ledger.load()
    for changes in commits:
        ledger.commit(changes)
    ledger.shut()


def read(files: UrlFiles) -> Contents:
    ledger = PartsLedger("foxes", files)
    contents = ledger.load()
    ledger.shut()
    return contents


def names(files: UrlFiles) -> list[str]:
    return sorted(each.name for each in files.names("parts"))


COMMITS: list[list[Change]] = [
    [
        HeaderNoted({"model": "a"}),
        RowsAdded(0, [RowId(f"id{n}", '{"ü": "\ud800"}') for n in (0, 1)]),
    ],
    [RowsAdded(2, [RowId(f"id{number}", "{}") for number in range(2, 2_500)])],
    [Outcome(0, RowStatus.SENT), Outcome(1, RowStatus.SENT), Outcome(2, RowStatus.SENT)],
    [done(0), Outcome(1, RowStatus.FAILED, error=RateLimitError("Later.", retry_after=5.0))],
    [BatchNoted("batches/a", [5, 6]), BatchNoted("batches/b", [7])],
    [Outcome(2, RowStatus.WAITING), BatchNoted("batches/b", [])],
    [RowsDropped([3, 1]), HeaderNoted({"model": "b"})],
]


@pytest.mark.parametrize("count", range(len(COMMITS) + 1))
def test_it_holds_what_a_database_does(files: UrlFiles, tmp_path: Path, count: int) -> None:
    ledgers: list[RunLedger] = [PartsLedger("foxes", files), SqliteLedger("foxes", tmp_path / "db")]
    found = []
    for ledger in ledgers:
        ledger.load()
        for changes in COMMITS[:count]:
            ledger.commit(changes)
        ledger.shut()
        contents = ledger.load()
        ledger.shut()
        errors = [repr(each.error) for each in contents.outcomes.values()]
        plain = {number: (each.status, each.usd) for number, each in contents.outcomes.items()}
        found.append((contents.header, contents.rows, plain, errors, contents.batches))

    assert found[0] == found[1]


async def test_it_writes_as_every_ledger_does(files: UrlFiles) -> None:
    ledger = PartsLedger("foxes", files)
    await ledger.open()
    await asyncio.gather(*(ledger.write(Outcome(number, RowStatus.SENT)) for number in range(50)))
    ledger.write_soon(done(7))
    await ledger.close()

    outcomes = read(files).outcomes
    assert len(outcomes) == 50
    assert outcomes[7].status is RowStatus.DONE
    assert len(names(files)) < 50  # what waits is written together


@pytest.mark.parametrize("count", [3, 4, 5, 15, 16, 17, 64, 65, 100])
def test_many_parts_become_few(
    files: UrlFiles, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(parts, "MOST", 4)
    written(files, *([Outcome(number, RowStatus.SENT)] for number in range(count)))
    assert len(names(files)) <= 3 * 4

    written(files, *([done(number)] for number in range(count)))

    outcomes = read(files).outcomes
    assert sorted(outcomes) == list(range(count))
    assert {each.status for each in outcomes.values()} == {RowStatus.DONE}


@pytest.mark.parametrize("step", range(12))
def test_a_kill_while_parts_become_one_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The storage is left as it is after each step of the tidying."""
    monkeypatch.setattr(parts, "MOST", 4)
    files = UrlFiles(URL)
    ledger = PartsLedger("foxes", files)
    ledger.load()
    steps = 0
    kept: dict[str, object] = {}

    def trouble(operation: str, _path: str) -> None:
        nonlocal steps
        if operation == "write":
            if steps == step + 20:
                kept.update(Moody.store)
            steps += 1

    Moody.trouble = staticmethod(trouble)
    for number in range(40):
        ledger.commit([Outcome(number, RowStatus.SENT)])
        if not kept:
            sure = number
    Moody.calm()
    Moody.store.update(kept)
    Moody.store.pop("/bucket/runs/foxes/owner.json")

    assert set(read(files).outcomes) >= set(range(sure + 1))
    written(files, [Outcome(99, RowStatus.SENT)])
    assert 99 in read(files).outcomes
    ledger.shut()


def test_a_line_that_was_broken_off_counts_for_nothing(files: UrlFiles) -> None:
    written(files, [Outcome(0, RowStatus.SENT)])
    whole = files.read("parts/0-00000000.jsonl")
    files.write("parts/0-00000001.jsonl", whole + whole[:9])

    assert list(read(files).outcomes) == [0]
    written(files, [Outcome(5, RowStatus.SENT)])
    assert sorted(read(files).outcomes) == [0, 5]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("manifest.json", b"{"),
        ("manifest.json", b'{"version": 1, "next": 1, "parts": ["../a"]}'),
        ("manifest.json", b'{"version": 1, "next": 9, "parts": ["1-00000008.jsonl"]}'),
        ("parts/0-00000001.jsonl", b'{"outcomes": [[1]]}\n'),
        ("parts/0-00000001.jsonl", b'{"wishes": 7}\n'),
        ("parts/0-00000001.jsonl.gz", b"\x1f\x8bnothing"),
    ],
    ids=["json", "name", "missing", "short", "unknown", "gzip"],
)
def test_a_broken_ledger_is_an_error_and_stays_as_it_is(
    files: UrlFiles, name: str, data: bytes
) -> None:
    written(files, [Outcome(0, RowStatus.SENT)])
    files.write(name, data)

    for _ in range(2):  # the second time, too: nobody owns it
        with pytest.raises(StorageError, match=r"cannot be read|is not there"):
            read(files)
    assert files.read(name) == data


def test_a_later_version_is_not_read(files: UrlFiles) -> None:
    written(files, [HeaderNoted({"model": "a"})])
    files.write("manifest.json", json.dumps({"version": 9, "next": 0, "parts": []}).encode())

    with pytest.raises(StorageError, match="pip install -U mediatoolkit"):
        read(files)


def test_a_commit_that_fails_says_so_and_the_next_one_works() -> None:
    ledger = PartsLedger("foxes", UrlFiles(URL))
    ledger.load()
    Moody.fail(OSError(28, "full"), "write")
    with pytest.raises(StorageError, match="No space left"):
        ledger.commit([done(0)])
    Moody.trouble = staticmethod(lambda _operation, _path: None)
    ledger.commit([done(0), done(1)])
    ledger.shut()

    assert sorted(read(UrlFiles(URL)).outcomes) == [0, 1]
    with pytest.raises(StorageError, match="is closed"):
        ledger.commit([done(2)])


class TestOwners:
    """One process at a time."""

    def test_a_second_one_is_refused_until_the_first_lets_go(self, files: UrlFiles) -> None:
        first = PartsLedger("foxes", files)
        first.load()
        with pytest.raises(StorageError, match="is running already"):
            read(files)
        first.commit([done(0)])
        first.shut()
        first.shut()

        assert list(read(files).outcomes) == [0]

    def test_that_of_another_machine_counts_until_its_time(self, files: UrlFiles) -> None:
        written(files, [done(0)])
        other = {"token": "x", "process": "01234567-1-7-9", "until": 1e12}
        files.write("owner.json", json.dumps(other).encode())
        with pytest.raises(StorageError, match=r"in another process, or was until .* in \d+ s"):
            read(files)

        files.write("owner.json", json.dumps(other | {"until": 1.0}).encode())
        assert list(read(files).outcomes) == [0]

    @pytest.mark.parametrize("data", [b"", b"[]", b'{"token": 7}'], ids=["none", "list", "other"])
    def test_a_broken_record_of_an_owner_hinders_nobody(self, files: UrlFiles, data: bytes) -> None:
        written(files, [done(0)])
        files.write("owner.json", data)

        assert list(read(files).outcomes) == [0]

    def test_whoever_lost_it_writes_nothing_more(self, files: UrlFiles) -> None:
        ledger = PartsLedger("foxes", files)
        ledger.load()
        written_by_other = PartsLedger("foxes", files)
        files.remove("owner.json")
        written_by_other.load()
        written_by_other.commit([done(0)])

        with pytest.raises(StorageError, match="Another process writes to the run"):
            ledger.commit([done(1)])
        ledger.shut()
        written_by_other.commit([done(2)])
        written_by_other.shut()
        assert sorted(read(files).outcomes) == [0, 2]

    def test_a_lease_is_renewed_while_the_run_goes_on(self) -> None:
        files = UrlFiles(URL)
        lock = FolderLock(files, "foxes", seconds=0.4)
        lock.take()
        until = json.loads(files.read("owner.json"))["until"]
        while json.loads(files.read("owner.json"))["until"] == until:
            lock.check()
        lock.release()
        with pytest.raises(StorageError, match="is not there"):
            files.read("owner.json")

    def test_a_lease_that_cannot_be_renewed_ends(self) -> None:
        lock = FolderLock(UrlFiles(URL), "foxes", seconds=0.2)
        lock.take()
        Moody.fail(PermissionError(), "write")

        def ended() -> None:
            while True:
                lock.check()

        with pytest.raises(StorageError, match="is another process's now"):
            ended()
        Moody.calm()
        lock.release()

    def test_a_lease_counts_longer_than_two_renewals(self) -> None:
        assert folder_lock._RENEWALS > 2


async def test_a_killed_process_has_written_what_it_says(tmp_path: Path) -> None:
    """And its lock hinders nobody on the same machine."""
    url = f"file://{tmp_path}/foxes"
    sure = -1
    for wanted in (30, 100, 150):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.runs.killed_parts", url, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        while sure < wanted:
            sure = int(await process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).split(b"\n")[:-1]
        await process.wait()
        sure = max([sure, *map(int, rest)])

        contents = read(UrlFiles(url))

        assert set(contents.outcomes) >= set(range(sure + 1))
        assert len(contents.rows) - len(contents.outcomes) <= 1
    assert list(tmp_path.rglob("parts/*.part")) == []

"""Temporary files: whose they are, and what becomes of those that nobody owns any more."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mediatoolkit.errors import StorageError
from mediatoolkit.media import Image
from mediatoolkit.runtime import files, owners
from tests.test_prompts import picture

OWNER = """
import sys, tempfile
from pathlib import Path
from mediatoolkit.runtime import files, owners
tempfile.tempdir = sys.argv[1]
folder = Path(sys.argv[1])
with (
    files.partial_file(folder / "fox.png") as part,
    owners.scratch_folder() as scratch,
    owners.presence(folder, "film"),
):
    part.write_bytes(b"half")
    (scratch / "film").write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a file, a scratch folder and a wait in *folder*."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our own interpreter
        assert process.stdout
        assert process.stdout.readline() == "writing\n"
        yield process


@pytest.fixture(autouse=True)
def a_new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is swept yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    for once in (owners.sweep_once, owners.sweep_scratch):
        once.cache_clear()


def sweep(folder: Path) -> list[str]:
    """What is left of *folder* after a start."""
    owners.sweep_once.cache_clear()
    owners.sweep_scratch.cache_clear()
    owners.sweep_once(str(folder))
    owners.sweep_scratch()
    return sorted(path.name.split(".")[-1].split("-")[0] for path in folder.iterdir())


ALL = ["mediatoolkit", "part", "waiter"]


def elsewhere(monkeypatch: pytest.MonkeyPatch, **facts: object) -> None:
    """Let this process be one of another container or machine."""
    ourselves = replace(owners._ourselves(os.getpid()), **facts)  # type: ignore[arg-type]
    monkeypatch.setattr(owners, "_ourselves", lambda _pid: ourselves)


@pytest.mark.parametrize(
    "facts", [{}, {"space": 1}, {"machine": "00000000"}], ids=["here", "container", "machine"]
)
def test_what_a_living_process_owns_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, object]
) -> None:
    with owner(tmp_path):
        elsewhere(monkeypatch, **facts)
        for path in tmp_path.iterdir():
            os.utime(path, (0, 0))  # a lock tells more than an age
        assert sweep(tmp_path) == ALL


@pytest.mark.parametrize("facts", [{}, {"space": 1}], ids=["here", "container"])
def test_what_a_killed_process_owned_is_swept_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, object]
) -> None:
    with owner(tmp_path) as process:
        process.kill()
    elsewhere(monkeypatch, **facts)
    assert sweep(tmp_path) == []


def test_what_a_killed_process_of_another_machine_owned_is_swept_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks may not be seen here."""
    with owner(tmp_path) as process:
        process.kill()
    elsewhere(monkeypatch, machine="00000000")
    assert sweep(tmp_path) == ALL
    long_ago = time.time() - 7200
    for path in [*tmp_path.glob("*/*"), *tmp_path.iterdir()]:
        os.utime(path, (long_ago, long_ago))
    assert sweep(tmp_path) == []


@pytest.mark.parametrize("start", ["1", "0"], ids=["told", "untold"])
def test_a_process_id_that_is_used_again_owns_nothing(tmp_path: Path, start: str) -> None:
    """The kernel of a container often is process 7, as the one before it was."""
    ourselves = str(replace(owners._ourselves(os.getpid()), start=int(start)))
    (tmp_path / f".fox.png.{ourselves}-0123abcd.part").touch()
    (tmp_path / f"mediatoolkit-{ourselves}-0123abcd" / "film").mkdir(parents=True)
    assert sweep(tmp_path) == []


def test_a_process_that_is_dead_and_not_yet_waited_for_owns_nothing(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert sweep(tmp_path) == []


def test_what_is_not_ours_or_cannot_be_removed_stays(tmp_path: Path) -> None:
    names = [
        ".notes.part",
        "film.part",
        "mediatoolkit-examples",
        f".fox.png.{os.getpid()}-0123abcd.part",  # as earlier versions wrote it, and young
        f".fox.png.{'9' * 40}-0123abcd.part",
    ]
    for name in names:
        (tmp_path / name).touch()
    ourselves = replace(owners._ourselves(os.getpid()), start=1)
    (tmp_path / f".fox.png.{ourselves}-0123abcd.part" / "inside").mkdir(parents=True)
    (tmp_path / f"mediatoolkit-{ourselves}-0123abcd").symlink_to("/")
    assert len(sweep(tmp_path)) == len(names) + 2


def test_what_an_earlier_version_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / ".fox.png.999999999-0123abcd.part"
    path.touch()
    os.utime(path, (0, 0))
    assert sweep(tmp_path) == []


def test_a_folder_is_swept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looks.append(path) or real(path))  # type: ignore[func-returns-value]
    for number in range(3):
        files.write_file(tmp_path / f"{number}.txt", [b"text"])
    assert looks == [str(tmp_path)]


def test_what_was_left_beside_a_file_is_swept_when_another_is_saved(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        process.kill()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "fox.png").symlink_to(tmp_path / "fox.png")
    Image(picture()).save(tmp_path / "links" / "fox.png")
    assert list(tmp_path.glob(".*")) == []


def test_without_locks_a_young_file_of_another_container_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no such locks, and some network drives have none either."""
    monkeypatch.setattr(owners, "fcntl", None)
    with owner(tmp_path):
        elsewhere(monkeypatch, space=1)
        assert sweep(tmp_path) == ALL
        files.write_file(tmp_path / "fox.txt", [b"text"])
        with owners.scratch_folder() as folder:
            assert folder.is_dir()
        assert not folder.exists()
        for path in [*tmp_path.glob("*/*"), *tmp_path.glob("*")]:
            os.utime(path, (0, 0))
        assert sweep(tmp_path) == ["txt"], "when it is old, it goes"
    assert (tmp_path / "fox.txt").read_bytes() == b"text"


def test_who_waits_for_the_same_is_seen(tmp_path: Path) -> None:
    with owners.presence(tmp_path, "film") as others:
        assert not others()
        with owners.presence(tmp_path, "film"), owners.presence(tmp_path, "another"):
            assert others()
        assert not others()
        with owner(tmp_path) as process:
            assert others()
            process.kill()
            process.wait()
            assert not others(), "the dead do not wait"


def test_a_presence_ends_in_silence_where_its_folder_is_another_thing_by_then(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "pending"
    folder.mkdir()
    with owners.presence(folder, "film"):
        shutil.rmtree(folder)
        folder.write_bytes(b"a file")
    assert folder.read_bytes() == b"a file"


def test_nobody_is_alone_who_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with owner(tmp_path) as process, owners.presence(tmp_path, "film") as others:
        process.kill()
        process.wait()
        elsewhere(monkeypatch, machine="00000000")
        assert others(), "it may wait on another machine"
    with owners.presence(tmp_path / "missing", "film") as others:
        assert others()


def test_a_link_is_followed_when_a_file_is_saved(tmp_path: Path) -> None:
    real, link = tmp_path / "data" / "fox", tmp_path / "fox.png"
    real.parent.mkdir()
    link.symlink_to(real)
    for size in ((8, 8), (9, 9)):  # at first it leads nowhere
        assert Image(picture(size)).save(link) == link
        assert link.is_symlink()
        assert Image.open(real).width == size[0]
    assert [path.name for path in real.parent.iterdir()] == ["fox"]


def test_a_link_into_a_folder_that_is_missing_names_that_folder(tmp_path: Path) -> None:
    link = tmp_path / "fox.png"
    link.symlink_to(tmp_path / "missing" / "fox.png")
    with pytest.raises(StorageError, match=r"missing: No such file or directory\. Make the folder"):
        Image(picture()).save(link)
    assert link.is_symlink()


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    link = tmp_path / "fox.png"
    link.symlink_to(link)
    with pytest.raises(StorageError, match="fox"):
        Image(picture()).save(link)
    assert link.is_symlink()


def test_a_pipe_and_a_device_are_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    (tmp_path / "null.png").symlink_to(os.devnull)
    for path in (pipe, tmp_path / "null.png"):
        with pytest.raises(StorageError, match="a device or a pipe"):
            Image(picture()).save(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR((tmp_path / "null.png").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_sweep_between_the_making_and_the_lock_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of another container could."""
    real = owners._new_file
    swept: list[Path] = []

    def make(path: str) -> int | None:
        handle = real(path)
        if not swept:
            Path(path).unlink()
            swept.append(Path(path))
        return handle

    monkeypatch.setattr(owners, "_new_file", make)
    with ExitStack() as stack:
        part = stack.enter_context(files.partial_file(tmp_path / "fox.txt"))
        assert part not in swept
        part.write_text("whole")
    assert (tmp_path / "fox.txt").read_text() == "whole"
    assert len(list(tmp_path.iterdir())) == 1

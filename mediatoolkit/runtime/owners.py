"""Temporary files and folders that know which process owns them.

A process that is killed cleans up nothing. So the name of every temporary file carries the mark of
its owner, who also holds a lock on it, and a later process removes those whose owner is gone.
"""

import contextlib
import functools
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediatoolkit.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_AGE = 3600.0  # seconds untouched after which a file of unknown owner counts as left behind
_MARK = r"([0-9a-f]{8})-([0-9a-f]{1,16})-([0-9]{1,20})-([0-9a-f]{1,16})"
_FILE = re.compile(rf"\..*\.(?:{_MARK}|[0-9]+)-[0-9a-f]{{8}}\.(?:part|waiter)", re.DOTALL)
_FOLDER = re.compile(rf"mediatoolkit-{_MARK}-[0-9a-f]{{8}}")


def owned_file(folder: Path, name: str, suffix: str) -> AbstractContextManager[str]:
    """Make an empty file in *folder* that is locked and marked as ours while the block lasts.

    Returns:
        A context manager that yields the path, `.name.mark.suffix`. The block removes the file.

    Raises:
        OSError: The file cannot be made.
    """
    return _claim(folder, f".{name}.", suffix, _new_file)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend an empty folder among the system's temporary files; it is removed on any way out.

    Raises:
        StorageError: No folder can be made.
    """
    import shutil
    import tempfile

    sweep_scratch()
    with contextlib.ExitStack() as stack:
        try:
            parent = Path(tempfile.gettempdir())
            folder = Path(stack.enter_context(_claim(parent, "mediatoolkit-", "", _new_folder)))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            message = f"Could not make a temporary folder: {reason}; set TMPDIR."
            raise StorageError(message) from error
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


@contextlib.contextmanager
def presence(folder: Path, name: str) -> Iterator[Callable[[], bool]]:
    """Tell other processes that this one attends to *name*, for as long as the block lasts.

    Any number of blocks, in one process or several, may attend to the same name.

    Yields:
        A function that says whether another block attends to it as well, or may do so.
    """
    with contextlib.ExitStack() as stack:
        own_path: Path | None = None
        with contextlib.suppress(OSError):  # then others cannot know of us, nor we of them
            own_path = Path(stack.enter_context(owned_file(folder, name, ".waiter")))
            stack.callback(_remove_if_possible, own_path)

        def has_others() -> bool:
            if own_path is None:
                return True
            paths = [path for path in folder.glob(f".{name}.*.waiter") if path != own_path]
            return any(_owner_lives(path) is not False for path in paths)

        yield has_others


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a lock on the file *path*, which is made where there is none, while the block lasts.

    It goes with the process, however that ends. Where there are no such locks, all have it.

    Yields:
        Whether it is ours; else somebody else has it, in this process or another one.

    Raises:
        OSError: The file cannot be made.
    """
    if fcntl is None:
        yield True
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield _lock(handle, exclusive=True) is not False
    finally:
        os.close(handle)


def this_process() -> str:
    """The mark of this process, by which any process can tell whether it lives."""
    return str(_ourselves(os.getpid()))


def is_running(mark: str) -> bool | None:
    """Whether the process with that mark runs; None when nobody can tell from here."""
    match = re.fullmatch(_MARK, mark)
    if match is None:
        return None
    owner = _Owner(match[1], int(match[2], 16), int(match[3]), int(match[4], 16))
    ourselves = _ourselves(os.getpid())
    if (owner.machine, owner.space) != (ourselves.machine, ourselves.space):
        return None
    return _runs(owner)


def _remove_if_possible(path: Path) -> None:
    """Remove *path*, or leave it to a sweep; what was done meanwhile must not be lost over it."""
    with contextlib.suppress(OSError):
        path.unlink()


@functools.lru_cache(maxsize=1024)
def sweep_once(folder: str) -> None:
    """Remove temporary files of ours in *folder* whose owner is gone; blocks.

    Every folder is swept once in the life of this process; *folder* is absolute.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.name.endswith((".part", ".waiter")):
                _remove_abandoned(Path(entry.path), _FILE, Path.unlink)


@functools.lru_cache(maxsize=1)
def sweep_scratch() -> None:
    """Remove scratch folders whose owner is gone, once in the life of this process; blocks."""
    import shutil
    import tempfile

    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                _remove_abandoned(Path(entry.path), _FOLDER, shutil.rmtree)


@dataclass(frozen=True, slots=True)
class _Owner:
    """A process, distinct from every other that can reach the same folder, now or later.

    Attributes:
        machine: Digest of the machine's boot; its containers share it, and a restart changes it.
        space: Number of the namespace of the process id, as a container has one; 0 for unknown.
        pid: Process id in that namespace.
        start: Ticks of the machine's clock at which the process began; 0 for unknown.
    """

    machine: str
    space: int
    pid: int
    start: int

    def __str__(self) -> str:
        """The mark that stands in a name."""
        return f"{self.machine}-{self.space:x}-{self.pid}-{self.start:x}"


@functools.lru_cache(maxsize=1)
def _ourselves(pid: int) -> _Owner:
    """This process; the cache goes by *pid*, which a fork changes."""
    try:
        machine = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    except OSError:
        import platform

        machine = platform.node()
    space = 0
    with contextlib.suppress(OSError):
        space = Path("/proc/self/ns/pid").stat().st_ino
    return _Owner(hashlib.sha256(machine.encode()).hexdigest()[:8], space, pid, _start_of(pid))


def _start_of(pid: int) -> int:
    """When a process of our own namespace began; -1 for a dead one that is not reaped yet."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return -1 if fields[0] in {b"Z", b"X"} else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0


@contextlib.contextmanager
def _claim(folder: Path, head: str, tail: str, make: Callable[[str], int | None]) -> Iterator[str]:
    """Make a file or folder with our mark between *head* and *tail*, and hold a lock on it."""
    while True:
        mark = f"{_ourselves(os.getpid())}-{os.urandom(4).hex()}"
        # Every kept picture comes here, and making a Path takes as long as making a file.
        path = f"{folder}{os.sep}{head}{mark}{tail}"
        handle = make(path)
        try:
            if _lock(handle, exclusive=True) is not False and os.path.exists(path):  # noqa: PTH110
                yield path
                return
            with contextlib.suppress(OSError):  # a sweep came between the making and the lock
                (Path.rmdir if make is _new_folder else Path.unlink)(Path(path))
        finally:
            if handle is not None:
                os.close(handle)


def _new_file(path: str) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    handle = os.open(path, flags, 0o666)
    if fcntl is not None:
        return handle
    os.close(handle)  # Windows renames and removes no file that is open
    return None


def _new_folder(path: str) -> int | None:
    Path(path).mkdir(0o700)
    return None if fcntl is None else os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _lock(handle: int | None, *, exclusive: bool) -> bool | None:
    """Take a lock, which lasts until *handle* is closed.

    Returns:
        False when somebody else has it, None where there are no locks.
    """
    if fcntl is None or handle is None:
        return None
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_abandoned(path: Path, names: re.Pattern[str], remove: Callable[[Path], Any]) -> None:
    """Remove *path* if it has one of our *names* and its owner is gone."""
    if not names.fullmatch(path.name):
        return
    with contextlib.suppress(OSError), _probe(path) as is_locked:  # another user's, or a folder
        lives = _is_owned(path, is_locked=is_locked)
        if lives is None:
            lives = time.time() - _touched(path) < _AGE
        if not lives:
            remove(path)


def _owner_lives(path: Path) -> bool | None:
    """Whether the owner of *path* lives; None when nobody can tell."""
    with _probe(path) as is_locked:
        return _is_owned(path, is_locked=is_locked)


@contextlib.contextmanager
def _probe(path: Path) -> Iterator[bool | None]:
    """Whether *path* is locked, or None; if not, nobody can lock it within the block."""
    if fcntl is None:
        yield None  # nor is it opened, since Windows removes no file that is open
        return
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        yield None
        return
    try:
        free = _lock(handle, exclusive=False)
        yield None if free is None else not free
    finally:
        os.close(handle)


def _is_owned(path: Path, *, is_locked: bool | None) -> bool | None:
    """Whether the owner of *path* lives; None when nobody can tell.

    A lock tells exactly, but only on the machine where it was taken: some network drives do not
    share their locks. A process id tells within one container.
    """
    mark = re.search(rf"[.-]{_MARK}-[0-9a-f]{{8}}", path.name)
    if mark is None:
        return is_locked or None  # of an earlier version, which took no locks
    owner = _Owner(mark[1], int(mark[2], 16), int(mark[3]), int(mark[4], 16))
    ourselves = _ourselves(os.getpid())
    if owner.machine != ourselves.machine:
        return is_locked or None
    runs = _runs(owner) if owner.space == ourselves.space else None
    return is_locked if runs is None else runs


def _runs(owner: _Owner) -> bool | None:
    """Whether a process of our own namespace runs; None when nobody can tell."""
    if os.name == "nt":
        return None  # signal 0 is Ctrl-C there
    try:
        os.kill(owner.pid, 0)
    except (ProcessLookupError, OverflowError):  # the second for a number that no process has
        return False
    except OSError:
        pass
    start = _start_of(owner.pid)
    return start == owner.start if start and owner.start else None


def _touched(path: Path) -> float:
    """When *path*, or what lies in it, was last written to; seconds since the epoch."""
    paths = [path, *path.iterdir()] if path.is_dir() else [path]
    return max(entry.lstat().st_mtime for entry in paths)

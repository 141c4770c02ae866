"""Files of ours, each written whole or not at all.

Bytes go to an exclusive temporary file beside the target, are flushed to disk and then renamed.
Clean-up is synchronous on purpose: it cannot be cancelled half-way.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaToolkitError, StorageError
from mediatoolkit.runtime.owners import owned_file, sweep_once

LARGEST = 2 << 30
"""Bytes of a file that is read whole."""

_LONGEST = 4096  # bytes of a path that any system takes


@contextlib.contextmanager
def partial_file(target: Path, *, follow_symlinks: bool = True) -> Iterator[Path]:
    """Lend the path of a temporary file that becomes *target* when the block succeeds.

    The file is there, empty and locked; the block fills it. On any other way out, Ctrl-C
    included, it is removed.

    Args:
        target: File to make or replace.
        follow_symlinks: Where *target* is a link, replace the file that it leads to.

    Raises:
        StorageError: The file could not be written or put in place. Errors of ours that the
            block raises pass unchanged.
    """
    with _part_of(target, follow_symlinks) as part:
        yield Path(part)


@contextlib.contextmanager
def _part_of(target: Path, follow_symlinks: bool) -> Iterator[str]:  # noqa: FBT001
    """As `partial_file`, without making a Path, which takes as long as making a file."""
    short = target.name.encode(errors="ignore")[:80].decode(errors="ignore")
    place = target
    try:
        if follow_symlinks:
            place = _plain_file(target)
        with owned_file(place.parent, short, ".part") as part:
            try:
                yield part
                os.replace(part, place)  # noqa: PTH105
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(part)  # noqa: PTH108
                raise
    except MediaToolkitError:
        raise  # some are an OSError too, and say better what went wrong
    except OSError as error:
        raise storage_error(place, error) from error


def write_file(
    target: Path, pieces: Iterable[bytes | memoryview], *, follow_symlinks: bool = True
) -> None:
    """Write *pieces* one after the other; blocks until the disk has them.

    Raises:
        StorageError: No such folder, no permission, no space; nothing is left behind.
    """
    sweep_beside(target)
    with _part_of(target, follow_symlinks) as part, open(part, "r+b") as file:  # noqa: PTH123
        file.writelines(pieces)
        flush_to_disk(file)


def path_of(value: object) -> Path:
    """Return *value* as a path that the system can look up.

    Raises:
        StorageError: *value* is no path, or it holds a character that no path has.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise StorageError(f"A path is text or a Path, not {type(value).__name__}.")
    try:
        path = Path(value)
        encoded = os.fsencode(path)
        is_possible = b"\0" not in encoded and len(encoded) <= _LONGEST
    except (TypeError, ValueError):
        is_possible = False
    if not is_possible:
        raise StorageError(f"{quoted(value)} cannot be a path; use letters that the system knows.")
    if str(value).lower().startswith(("http:/", "https:/")):  # a Path keeps one slash of two
        raise StorageError(
            f"{quoted(str(value))} is an address, not a path; fetch it with "
            "`await mt.download(url, path)` and use the path."
        )
    return path


def absolute(path: Path) -> Path:
    """*path* from the root, whatever folder the process changes to later.

    Raises:
        StorageError: The folder that the process is in was deleted.
    """
    try:
        return path.absolute()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = f"The current folder is gone: {reason}; change to another."
        raise StorageError(message) from error


def target_of(value: object) -> Path:
    """The path of a file to make or replace.

    Raises:
        StorageError: *value* is no path, or that of a folder.
    """
    path = path_of(value)
    if path.name in ("", "..") or os.path.isdir(path):  # noqa: PTH112 - never raises, whatever the name
        raise StorageError(f"{quoted(str(path))} is a folder; name the file in it.")
    return path


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Lend *path* as an empty file, or with `-2`, `-3` and so on where its name is taken.

    It is removed when the block fails.

    Raises:
        StorageError: It cannot be made.
    """
    names = chain([path], (path.with_stem(f"{path.stem}-{number}") for number in count(2)))
    new = next(name for name in names if _is_made(name))
    try:
        yield new
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _is_made(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError as error:
        raise storage_error(path, error) from error
    return True


def read_file(path: Path, *, largest: int = LARGEST) -> bytes:
    """Read a whole file; blocks.

    Raises:
        StorageError: The file is not there, is no plain file, may not be read, or has more than
            *largest* bytes.
    """
    start = f"Could not read {quoted(str(path))}: "
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise StorageError(start + "it is a folder or a device, not a file.")
        if facts.st_size > largest:
            raise StorageError(f"{start}it has {facts.st_size:,} bytes; {largest:,} are the most.")
        return path.read_bytes()
    except MediaToolkitError:
        raise  # a StorageError of ours is an OSError, too
    except OSError as error:
        raise StorageError(f"{start}{error.strerror or type(error).__name__}.") from error


def sweep_beside(target: Path) -> None:
    """Sweep the folder that *target* is written in, once in the life of this process; blocks."""
    path = os.path.realpath(target) if os.path.islink(target) else os.fspath(target)  # noqa: PTH114
    folder = os.path.dirname(path)  # noqa: PTH120
    sweep_once(folder if os.path.isabs(folder) else str(absolute(Path(folder))))  # noqa: PTH117


def flush_to_disk(file: BinaryIO) -> None:
    """Flush everything to the disk; blocks."""
    file.flush()
    os.fsync(file.fileno())


def check_folder(folder: Path) -> None:
    """Make sure that files can be made in *folder*.

    Raises:
        StorageError: It is missing, is a file, or may not be written to.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        raise StorageError(f"There is no folder {str(folder)!r}; make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"The folder {str(folder)!r} may not be written to; choose another.")


def make_folder(folder: Path) -> None:
    """Make *folder* unless it is there; the one that holds it must be.

    Raises:
        StorageError: It cannot be made, or a file has its name.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """Say what went wrong with *path* in one sentence, with the way out where there is one."""
    reason = error.strerror or type(error).__name__
    advice = {
        "FileExistsError": " Something of that name is in the way; move it.",
        "FileNotFoundError": " Make the folder first.",
        "NotADirectoryError": " A file is where a folder must be; move it, or choose another.",
        "PermissionError": " Choose a folder you may write to.",
    }.get(type(error).__name__, "")
    failure = StorageError(f"Could not write {path.name} in {path.parent}: {reason}.{advice}")
    failure.errno = error.errno
    return failure


def _plain_file(target: Path) -> Path:
    """*target*, or the file that it links to, which need not be there yet.

    Raises:
        StorageError: It is a device or a pipe.
        OSError: Links that lead in a circle.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise StorageError(f"{quoted(str(target))} is a device or a pipe; name a plain file.")
    return Path(os.path.realpath(target)) if target.is_symlink() else target

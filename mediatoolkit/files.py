"""How a file of ours becomes whole: all at once or not at all.

Bytes go to an exclusive temporary file beside the target, are flushed to disk and then renamed.
Clean-up is synchronous on purpose: it cannot be cancelled half-way.
"""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from mediatoolkit.errors import MediaToolkitError, StorageError
from mediatoolkit.quoting import quoted

LARGEST = 2 << 30
"""Bytes of a file that is read whole."""

_LONGEST = 4096  # bytes of a path that any system takes
_PART = re.compile(r"^\..*\.(\d+)-[0-9a-f]{8}\.part$")


@contextlib.contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Lend the path of a temporary file that becomes *target* when the block succeeds.

    The block creates and fills the file; on any other way out, Ctrl-C included, it is removed.

    Raises:
        StorageError: The file could not be written or put in place. Errors of ours that the
            block raises pass unchanged.
    """
    short = target.name.encode(errors="ignore")[:80].decode(errors="ignore")
    part = target.with_name(f".{short}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(target)
    except MediaToolkitError:
        raise  # some are an OSError too, and say better what went wrong
    except OSError as error:
        failure = storage_error(target, error)
    else:
        return
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    try:
        raise failure
    finally:
        failure.__context__ = None  # the error that ended the block, which the message tells


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend an empty folder among the system's temporary files; it is removed on any way out.

    Raises:
        StorageError: None can be made.
    """
    import tempfile

    try:
        folder = tempfile.TemporaryDirectory(prefix="mediatoolkit-", ignore_cleanup_errors=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        failure = StorageError(f"Could not make a temporary folder: {reason}; set TMPDIR.")
    else:
        with folder as path:
            yield Path(path)
        return
    raise failure


def write_file(target: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write *pieces* one after the other; blocks until the disk has them.

    Raises:
        StorageError: No such folder, no permission, no space; nothing is left behind.
    """
    with partial_file(target) as part, part.open("xb") as file:
        file.writelines(pieces)
        settle(file)


def path_of(given: object) -> Path:
    """A path that the system can be asked for.

    Raises:
        StorageError: It is no path, or holds what no path holds.
    """
    if not isinstance(given, (str, os.PathLike)):
        raise StorageError(f"A path is text or a Path, not {type(given).__name__}.")
    try:
        path = Path(given)
        written = os.fsencode(path)
        possible = b"\0" not in written and len(written) <= _LONGEST
    except (TypeError, ValueError):
        possible = False
    if not possible:
        raise StorageError(f"{quoted(given)} cannot be a path; use letters that the system knows.")
    if str(given).lower().startswith(("http:/", "https:/")):  # a Path keeps one slash of two
        raise StorageError(
            f"{quoted(str(given))} is an address and no path; fetch it with "
            "`await mt.download(url, path)` and use the path."
        )
    return path


def target_of(given: object) -> Path:
    """The path of a file to make or replace.

    Raises:
        StorageError: It is no path, or that of a folder.
    """
    path = path_of(given)
    if path.name in ("", "..") or os.path.isdir(path):  # noqa: PTH112 - never raises, whatever the name
        raise StorageError(f"{quoted(str(path))} is a folder; name the file in it.")
    return path


def read_file(path: Path, *, largest: int = LARGEST) -> bytes:
    """Read a whole file; blocks.

    Raises:
        StorageError: It is not there, is no plain file, may not be read, or has more than
            *largest* bytes.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            reason = "it is a folder or a device, not a file"
        elif facts.st_size > largest:
            reason = f"it has {facts.st_size:,} bytes; {largest:,} are the most"
        else:
            return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise StorageError(f"Could not read {quoted(str(path))}: {reason}.")


def settle(file: BinaryIO) -> None:
    """Hand everything to the disk; blocks."""
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


def sweep(folder: Path) -> int:
    """Remove temporary files of ours whose process is gone.

    Returns:
        How many there were.
    """
    swept = 0
    for path in folder.glob(".*.part"):
        owner = _PART.match(path.name)
        if owner and not _is_alive(int(owner[1])):
            with contextlib.suppress(OSError):  # another user's, or a folder
                path.unlink()
                swept += 1
    return swept


def storage_error(path: Path, error: OSError) -> StorageError:
    """Say what went wrong with *path* in one sentence, with the way out where there is one."""
    reason = error.strerror or type(error).__name__
    advice = {
        "FileNotFoundError": " Make the folder first.",
        "PermissionError": " Choose a folder you may write to.",
    }.get(type(error).__name__, "")
    failure = StorageError(f"Could not write {path.name} in {path.parent}: {reason}.{advice}")
    failure.errno = error.errno
    return failure


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # the second for a number that no process has
        return False
    except OSError:
        return True
    return True

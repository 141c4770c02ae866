"""Files of ours at an address, such as `s3://bucket/folder`, which fsspec reads and writes.

Every file appears whole or not at all. Object stores do so by themselves; elsewhere the bytes go to
a file beside the target, which then gets its name. Every call blocks, and has a bound.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from threading import Lock
from typing import Any, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaToolkitError, MissingExtraError, StorageError
from mediatoolkit.runtime.bounded import Call, Overdue
from mediatoolkit.runtime.files import LARGEST

T = TypeVar("T")

SECONDS = 120.0
"""How long one call may take; a write has more, by its size."""
UNFINISHED = ".part"
"""How the name ends of what is being written, where a storage does not hide that by itself."""
_SLOWEST = 256 << 10  # bytes a second

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*([a-z][a-z0-9+.-]+)://.*", re.DOTALL | re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][\w .-]*")
# Where a file is there when it is complete, and folders are nothing but the beginnings of names.
_OBJECT_STORES = frozenset(
    {"abfs", "abfss", "az", "gcs", "gs", "memory", "oci", "oss", "s3", "s3a"}
)
_PACKAGES = {"smbclient": "smbprotocol"}  # where the module is called otherwise
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, "it is not there"),
    (PermissionError, "permission is denied; see whether its keys are set"),
    (IsADirectoryError, "it is a folder"),
    (NotADirectoryError, "a file is where a folder must be"),
    (FileExistsError, "something of that name is in the way"),
    (TimeoutError, "the storage did not answer in time"),
    (ConnectionError, "the storage cannot be reached"),
)


def is_url(place: object) -> bool:
    """Whether *place* is an address rather than a path."""
    return isinstance(place, str) and _URL.fullmatch(place) is not None


def shown_url(url: str) -> str:
    """*url* without user, password and query."""
    plain = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"://[^/]*@", "://", plain).rstrip("/")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file in a listing.

    Attributes:
        name: Its name, without folders.
        size: Bytes.
        modified: When it was written, seconds since 1970; 0 where that is not told.
    """

    name: str
    size: int
    modified: float


class UrlFiles:
    """The files below one address, by their names, such as `pending/a.json`.

    It can be pickled, with the address and the options; neither shows in its repr or in errors.

    Args:
        url: The address of a folder.
        options: For fsspec, such as `{"endpoint_url": …}` for S3.

    Attributes:
        url: The address as it may be shown.

    Raises:
        MissingExtraError: fsspec, or what it needs for such an address, is not installed.
        StorageError: fsspec knows no such address.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """Look for what reads and writes there; nothing is touched yet."""
        if not is_url(url):
            raise StorageError(f"{quoted(url)} is no address such as 's3://bucket/folder'.")
        self.url = shown_url(url)
        self._given = (url, dict(options or {}))
        _check_installed(url)
        self._above: tuple[UrlFiles, str] | None = None
        self._opened: tuple[Any, str] | None = None
        self._opening = Lock()
        self._made: set[str] = set()

    def below(self, folder: str) -> "UrlFiles":
        """The files in a folder below this one, by the same connections."""
        url, options = self._given
        address, mark, query = url.partition("?")
        files = UrlFiles(f"{address.rstrip('/')}/{folder}{mark}{query}", options)
        files._above = (self, folder)
        return files

    def write(self, name: str, data: bytes, *, is_new: bool = False) -> bool:
        """Write a file, whole or not at all.

        Args:
            name: Of the file.
            data: What it holds.
            is_new: Refuse to replace a file. Where the storage cannot do both at once, somebody
                else's file may come in between.

        Returns:
            Whether it was written; not where it is there and was to be new.

        Raises:
            StorageError: It could not be written.
        """
        call = Call(lambda: self._write(name, data, is_new=is_new), SECONDS + len(data) / _SLOWEST)
        return self._result(call, f"write {name}")

    async def keep(self, name: str, data: bytes) -> None:
        """Write a file whose name tells its content, unless it is there.

        A write that has begun is finished, also when the caller is cancelled meanwhile.

        Raises:
            StorageError: It could not be written.
        """
        call = Call(lambda: self._keep(name, data), SECONDS + len(data) / _SLOWEST)
        problem: BaseException | None = None
        try:
            await call.result_async()
        except MediaToolkitError:
            raise
        except Exception as error:  # noqa: BLE001 - a storage raises what it likes
            problem = error
        # Raised here, so that no context shows what the storage says, keys and all.
        if problem is not None:
            raise self._failure(f"write {name}", problem)

    def read(self, name: str, *, largest: int = LARGEST) -> bytes:
        """Read a whole file.

        Raises:
            StorageError: It is not there, cannot be read, or has more than *largest* bytes.
        """
        return self._call(lambda: self._read(name, largest), f"read {name}")

    def read_if_there(self, name: str, *, largest: int = LARGEST) -> bytes:
        """As `read`; nothing of a file that is not there."""
        return self._call(lambda: self._read_if_there(name, largest), f"read {name}")

    def read_all(self, names: Iterable[str], *, largest: int = LARGEST) -> list[bytes]:
        """Read several files at once, as `read` does one."""
        return self._several(lambda name: self._read(name, largest), names, "read")

    def heads(self, files: Iterable["FoundFile"], size: int) -> list[bytes]:
        """The first *size* bytes of several files; nothing of one that is gone."""
        sizes = {file.name: file.size for file in files}
        return self._several(lambda name: self._head(name, sizes[name], size), sizes, "read")

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._call(lambda: self._size(name) is not None, f"look for {name}")

    def names(self, folder: str = "") -> list[FoundFile]:
        """The files in a folder, in no order; none where there is no folder."""
        return self._call(lambda: self._names(folder), f"list {folder or 'the folder'}")

    def remove(self, *names: str) -> None:
        """Delete files; one that is gone already is as good."""
        self._several(self._remove, names, "delete")

    def _several(self, function: Callable[[str], T], names: Iterable[str], what: str) -> list[T]:
        calls = [(name, Call(partial(function, name), SECONDS)) for name in names]
        return [self._result(call, f"{what} {name}") for name, call in calls]

    def _call(self, function: Callable[[], T], what: str) -> T:
        return self._result(Call(function, SECONDS), what)

    def _result(self, call: Call[T], what: str) -> T:
        problem: BaseException | None = None
        try:
            return call.result()
        except MediaToolkitError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            problem = error
        raise self._failure(what, problem)

    def _failure(self, what: str, problem: BaseException | None) -> StorageError:
        if isinstance(problem, Overdue):
            reason = "the storage did not answer in time"
        else:
            reason = _reason_of(problem)
        return StorageError(f"Could not {what} at {self.url}: {reason}.")

    def _fs(self) -> Any:
        return self._open()[0]

    def _open(self) -> tuple[Any, str]:
        """The file system and the path of the folder in it; it may connect."""
        with self._opening:
            if self._opened is None:
                if self._above is not None:
                    files, folder = self._above
                    fs, path = files._open()  # noqa: SLF001 - of the same class
                    self._opened = (fs, f"{path.rstrip('/')}/{folder}")
                else:
                    self._opened = self._connect()
            return self._opened

    def _connect(self) -> tuple[Any, str]:
        url, options = self._given
        # One of our own, since its listings must not be kept: other processes write there, too.
        fs, path = import_module("fsspec").core.url_to_fs(url, skip_instance_cache=True, **options)
        fs.dircache.use_listings_cache = False
        return fs, path

    def _path(self, name: str) -> str:
        """The path of a file; no name leads out of the folder."""
        if not all(map(_NAME.fullmatch, name.split("/"))):
            raise StorageError(f"{quoted(name)} is no name of a file in a store.")
        return f"{self._open()[1].rstrip('/')}/{name}"

    def _write(self, name: str, data: bytes, *, is_new: bool) -> bool:
        fs, path = self._fs(), self._path(name)
        if _is_object_store(fs):
            return _pipe(fs, path, data, is_new=is_new)
        if is_new and self._size(name) is not None:
            return False
        self._make_folder(fs, path.rpartition("/")[0])
        part = f"{path.rpartition('/')[0]}/{secrets.token_hex(8)}{UNFINISHED}"
        try:
            fs.pipe_file(part, data)
            fs.mv(part, path)
        except BaseException:
            if fs.exists(part):
                fs.rm_file(part)
            raise
        return True

    def _keep(self, name: str, data: bytes) -> None:
        if self._size(name) is None:
            self._write(name, data, is_new=False)

    def _make_folder(self, fs: Any, folder: str) -> None:
        if folder not in self._made:
            fs.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    def _read(self, name: str, largest: int) -> bytes:
        size = self._size(name)
        if size is None:
            raise FileNotFoundError
        data = b"" if size > largest else bytes(self._fs().cat_file(self._path(name)))
        if max(size, len(data)) > largest:
            raise StorageError(f"{name} at {self.url} has more than {largest:,} bytes.")
        return data

    def _read_if_there(self, name: str, largest: int) -> bytes:
        try:
            return self._read(name, largest)
        except FileNotFoundError:
            return b""

    def _head(self, name: str, size: int, most: int) -> bytes:
        # No range that ends behind the file: some storages refuse it.
        span = (0, most) if size > most else ()
        try:
            return bytes(self._fs().cat_file(self._path(name), *span))
        except FileNotFoundError:
            return b""

    def _size(self, name: str) -> int | None:
        """How many bytes a file has, or None where there is none."""
        try:
            facts = self._fs().info(self._path(name))
        except FileNotFoundError:
            return None
        return int(facts.get("size") or 0) if facts.get("type") == "file" else None

    def _names(self, folder: str) -> list[FoundFile]:
        fs = self._fs()
        path = self._path(folder) if folder else self._open()[1]
        try:
            entries = fs.ls(path, detail=True)
        except FileNotFoundError:
            return []
        return [_found(each) for each in entries if each.get("type") == "file"]

    def _remove(self, name: str) -> None:
        try:
            self._fs().rm_file(self._path(name))
        except FileNotFoundError:
            return

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without connections."""
        return UrlFiles, self._given

    def __repr__(self) -> str:
        """Without what is secret."""
        return f"<UrlFiles {self.url}>"


def _check_installed(url: str) -> None:
    protocol = url.partition("://")[0].rpartition("::")[2].lower()
    line = 'pip install "mediatoolkit[storage]"'
    try:
        fsspec = import_module("fsspec")
    except ImportError as error:
        message = f"Files at {protocol}:// are read and written with fsspec: {line}."
        raise MissingExtraError(message) from error
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        name = _missing_module(error)
        message = f"Files at {protocol}:// need {name}: {line} {_PACKAGES.get(name, name)}."
        raise MissingExtraError(message) from error
    except ValueError as error:
        message = f"{protocol}:// is no address that fsspec knows; use a path, or such as s3://."
        raise StorageError(message) from error


def _missing_module(error: ImportError) -> str:
    cause = error.__cause__ or error
    return (getattr(cause, "name", None) or "a package").partition(".")[0]


def _is_object_store(fs: Any) -> bool:
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return not _OBJECT_STORES.isdisjoint(protocols)


def _pipe(fs: Any, path: str, data: bytes, *, is_new: bool) -> bool:
    if is_new:
        try:
            fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):  # an older one knows no mode
            if fs.exists(path):
                return False
        else:
            return True
    fs.pipe_file(path, data)
    return True


def _found(facts: Mapping[str, Any]) -> FoundFile:
    stamp = next((facts[key] for key in _STAMPS if facts.get(key) is not None), 0)
    seconds = stamp.timestamp() if hasattr(stamp, "timestamp") else stamp
    seconds = float(seconds) if isinstance(seconds, (int, float)) else 0.0
    return FoundFile(facts["name"].rpartition("/")[2], int(facts.get("size") or 0), seconds)


_STAMPS = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


def _reason_of(problem: BaseException | None) -> str:
    """Why, in words of ours: what the storage says may show addresses and keys."""
    for kind, reason in _REASONS:
        if isinstance(problem, kind):
            return reason
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno)
    name = type(problem).__name__
    if "Connect" in name:
        return f"the storage cannot be reached ({name})"
    return f"{name} in the storage"

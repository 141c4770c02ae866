"""Storages for fsspec, in memory, that misbehave as tests order it."""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

SECRET = "AKIA-secret"  # stands in what the storage says, and must not be shown


class Moody(MemoryFileSystem):  # type: ignore[misc]
    """Its files stand apart from those of `memory://`.

    Attributes:
        trouble: Called before each operation with its name and path; raises or waits.
    """

    protocol = "moody"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    trouble: ClassVar[Callable[[str, str], object]] = lambda _operation, _path: None

    def __init__(self, **options: Any) -> None:
        """Take whatever options there are."""
        super().__init__(**options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        plain = path.removeprefix("moody://").split("?")[0].rpartition("@")[2]
        return str(super()._strip_protocol(f"memory://{plain}"))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        type(self).trouble("write", path)
        super().pipe_file(path, value, mode, **options)

    def cat_file(self, path: str, start: Any = None, end: Any = None, **options: Any) -> bytes:
        type(self).trouble("read", path)
        if end is not None and end > self.info(path)["size"]:
            raise OSError(22, "Invalid range")  # as S3 says where nothing is left to read
        return bytes(super().cat_file(path, start, end, **options))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:  # noqa: FBT001, FBT002
        type(self).trouble("list", path)
        return super().ls(path, detail, **options)

    @classmethod
    def calm(cls) -> None:
        """Empty, and without trouble."""
        cls.store.clear()
        cls.trouble = staticmethod(lambda _operation, _path: None)

    @classmethod
    def fail(cls, error: Exception, *operations: str) -> None:
        """Raise *error* at each of *operations*."""

        def trouble(operation: str, _path: str) -> None:
            if operation in operations:
                raise error

        cls.trouble = staticmethod(trouble)

    @classmethod
    def hang(cls, end: threading.Event, *operations: str) -> None:
        """Wait for *end* at each of *operations*."""

        def trouble(operation: str, _path: str) -> None:
            if operation in operations:
                end.wait()

        cls.trouble = staticmethod(trouble)


fsspec.register_implementation("moody", Moody, clobber=True)

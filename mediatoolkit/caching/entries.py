"""The file of one request in the cache."""

import json
import re
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from mediatoolkit.caching.keys import SCHEMA, checked_take
from mediatoolkit.errors import StorageError
from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.media.cost import LARGEST_COST
from mediatoolkit.runtime import files

KINDS: Final[dict[str, type[Media]]] = {"image": Image, "audio": Audio, "video": Video}
"""Classes of media by the name in an entry."""

_LARGEST = 64 << 10  # bytes
_REMEMBERED = 10_000  # files
_STEADY = 2.0  # seconds; two changes within the clock tick of a file system have one time

State = tuple[int, int, int]

_checked: dict[Path, tuple[str, State]] = {}
"""Files whose content this process found to be right, since a digest takes 0.6 ms a megabyte."""
_TEXTS = ("file", "kind", "digest", "model", "created")
_FILE_NAME = re.compile(r"[0-9a-f]{16,64}\.[a-z0-9]{1,8}")


def is_file_name(name: str) -> bool:
    """Whether a store gives such a name to media."""
    return _FILE_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The file of one request.

    Attributes:
        file: Name of the media in the store.
        kind: What it is, by the names of `KINDS`.
        digest: Of its content.
        model: Model id.
        take: Which take it is.
        created: UTC time at which it was kept, ISO 8601 to the second.
        usd: What it cost then, or None.
    """

    file: str
    kind: str
    digest: str
    model: str
    take: int
    created: str
    usd: Decimal | None

    def to_json(self) -> bytes:
        """Return one line of JSON."""
        usd = None if self.usd is None else str(self.usd)
        return json.dumps({"schema": SCHEMA, **asdict(self), "usd": usd}).encode()

    @classmethod
    def read(cls, path: Path) -> "CacheEntry":
        """Read what `to_json` wrote.

        Raises:
            StorageError: It cannot be read, or is no entry of this version.
        """
        data = files.read_file(path, largest=_LARGEST)
        try:
            return cls._of(json.loads(data))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
            raise StorageError(f"{path.name} is no entry of this version.") from error

    @classmethod
    def _of(cls, record: dict[str, Any]) -> "CacheEntry":
        """Check every value.

        Raises:
            ValueError: One is wrong; another is raised where the record has no such shape.
        """
        usd = None if record["usd"] is None else Decimal(str(record["usd"]))
        texts = {name: record[name] for name in _TEXTS}
        entry = cls(**texts, take=checked_take(record["take"]), usd=usd)
        datetime.fromisoformat(entry.created)
        if (
            record["schema"] != SCHEMA
            or not all(isinstance(text, str) for text in texts.values())
            or not (is_file_name(entry.file) and entry.kind in KINDS)
            or not (usd is None or 0 <= usd < LARGEST_COST)
        ):
            raise ValueError("no such entry")
        return entry

    def media_in(self, folder: Path) -> Media:
        """Return the media.

        Raises:
            StorageError: Its file cannot be read, or holds other media.
            MediaError: It holds no media.
        """
        path = folder / self.file
        state = _state_of(path)
        media = KINDS[self.kind](files.read_file(path), path=path)
        if state is None or _checked.get(path) != (self.digest, state):
            if media.content_digest() != self.digest:
                raise StorageError(f"{self.file} holds other media than it did.")
            if state is not None:
                _remember(path, self.digest, state)
        return media

    def matches(self, before: str | None, model: str | None) -> bool:
        """Whether it was kept before that moment, by that model or vendor; None is any."""
        is_old = before is None or self.created < before
        return is_old and (model is None or model in {self.model, self.model.partition("/")[0]})


def _state_of(path: Path) -> State | None:
    """What changes with the file: inode, size, time; None where it may yet change unseen."""
    try:
        facts = path.stat()
    except OSError:
        return None
    is_steady = time.time() - facts.st_mtime > _STEADY
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if is_steady else None


def _remember(path: Path, digest: str, state: State) -> None:
    if len(_checked) >= _REMEMBERED:
        _checked.clear()
    _checked[path] = digest, state

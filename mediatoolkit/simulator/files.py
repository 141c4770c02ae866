"""The file host: bytes under an address, in whole or in part, and addresses that lead on."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from mediatoolkit.simulator.sent import Redirect, Sent
from mediatoolkit.simulator.wire import Answer, Request

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(slots=True)
class File:
    """One hosted file.

    Attributes:
        data: Its bytes.
        mime_type: Its `Content-Type`.
        faults: What the next requests for it meet, one each.
        ranges: Whether `Range` is understood.
        later: Takes the place of `data` after the first answer, or None.
    """

    data: bytes
    mime_type: str
    faults: Iterator[Sent]
    ranges: bool
    later: bytes | None

    def answer(self, request: Request) -> Answer:
        """The whole of it, or the part that was asked for."""
        data = self.data
        self.data, self.later = self.later or data, None
        headers = {"Content-Type": self.mime_type, "ETag": _etag(data)}
        if not self.ranges:
            return Answer(data, 200, headers)
        return _part(data, request, headers | {"Accept-Ranges": "bytes"})


class FileHost:
    """Serves files and redirects by path."""

    def __init__(self) -> None:
        """Start empty."""
        self._files: dict[str, File] = {}
        self._redirects: dict[str, Redirect] = {}
        self._number = count(1)

    def host(self, file: File) -> str:
        """Serve *file*; the path comes back."""
        path = f"/hosted/{next(self._number)}"
        self._files[path] = file
        return path

    def redirect(self, to: str | None, *, status: int) -> str:
        """Serve a redirect to *to*, or to itself; the path comes back."""
        path = f"/hosted/{next(self._number)}"
        self._redirects[path] = Redirect(to or path, status)
        return path

    def knows(self, path: str) -> bool:
        """Whether *path* was given out."""
        return path in self._files or path in self._redirects

    def fault(self, request: Request) -> Sent | None:
        """What this request for that path meets, if anything."""
        if request.path in self._files:
            return next(self._files[request.path].faults, None)
        return self._redirects.get(request.path)

    def answer(self, request: Request) -> Answer:
        """The file, or 404, or 405."""
        if request.path not in self._files:
            return Answer(b"no such file\n", 404, {"Content-Type": "text/plain"})
        if request.method != "GET":
            return Answer(b"", 405, {"Allow": "GET"})
        return self._files[request.path].answer(request)


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:16]}"'


def _part(data: bytes, request: Request, headers: dict[str, str]) -> Answer:
    """Obey `Range` when `If-Range` is absent or names these very bytes."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        return Answer(data, 200, headers)
    start, stop = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
    if start >= len(data) or stop < start:
        return Answer(b"", 416, headers | {"Content-Range": f"bytes */{len(data)}"})
    headers |= {"Content-Range": f"bytes {start}-{stop}/{len(data)}"}
    return Answer(data[start : stop + 1], 206, headers)

"""The file host: bytes under an address, in whole or in part, and addresses that lead on."""

import hashlib
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from mediatoolkit.simulator.sent import Redirect, Sent
from mediatoolkit.simulator.wire import Answer, Request

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(slots=True)
class _File:
    data: bytes
    mime_type: str
    ranges: bool = True
    faults: deque[Sent] = field(default_factory=deque)

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'


class FileHost:
    """Serves files and redirects by path."""

    def __init__(self) -> None:
        """Start empty."""
        self._files: dict[str, _File] = {}
        self._redirects: dict[str, Redirect] = {}
        self._number = count(1)

    def host(self, data: bytes, mime_type: str, *, faults: Sequence[Sent], ranges: bool) -> str:
        """Serve *data*; the path comes back."""
        path = f"/hosted/{next(self._number)}"
        self._files[path] = _File(data, mime_type, ranges, deque(faults))
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
        """What the next request for that path meets, if anything."""
        file = self._files.get(request.path)
        if file and file.faults:
            return file.faults.popleft()
        return self._redirects.get(request.path)

    def answer(self, request: Request) -> Answer:
        """The file, the part of it that was asked for, or 404, 405, 416."""
        file = self._files.get(request.path)
        if file is None:
            return Answer(b"no such file\n", 404, {"Content-Type": "text/plain"})
        if request.method != "GET":
            return Answer(b"", 405, {"Allow": "GET"})
        headers = {"Content-Type": file.mime_type, "ETag": file.etag}
        if not file.ranges:
            return Answer(file.data, 200, headers)
        return _part(file, request, headers | {"Accept-Ranges": "bytes"})


def _part(file: _File, request: Request, headers: dict[str, str]) -> Answer:
    """Obey `Range` when `If-Range` is absent or names this very file."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", file.etag) != file.etag:
        return Answer(file.data, 200, headers)
    size = len(file.data)
    start, stop = int(asked[1]), min(int(asked[2] or size), size - 1)
    if start >= size or stop < start:
        return Answer(b"", 416, headers | {"Content-Range": f"bytes */{size}"})
    headers |= {"Content-Range": f"bytes {start}-{stop}/{size}"}
    return Answer(file.data[start : stop + 1], 206, headers)

"""The file host: bytes under an address, in whole or in part, and addresses that lead on."""

import hashlib
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.network_faults import NetworkFault, Redirect

_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(slots=True)
class HostedFile:
    """One hosted file.

    Attributes:
        data: Its bytes.
        mime_type: Its `Content-Type`.
        faults: What the next requests for it meet, one each.
        ranges: Whether `Range` is understood.
        later: Takes the place of `data` after the first response, or None.
        ends: When its address ends, by the monotonic clock, seconds; it is answered with 403 then.
    """

    data: bytes
    mime_type: str
    faults: Iterator[NetworkFault] = field(default_factory=lambda: iter(()))
    ranges: bool = True
    later: bytes | None = None
    ends: float = math.inf

    def respond(self, request: Request) -> HttpResponse:
        """Bring the whole file, or the part that `Range` names."""
        if time.monotonic() >= self.ends:
            return HttpResponse(_EXPIRED, 403, {"Content-Type": "application/xml"})
        data = self.data
        self.data, self.later = self.later or data, None
        headers = {"Content-Type": self.mime_type, "ETag": _etag(data)}
        if not self.ranges:
            return HttpResponse(data, 200, headers)
        return _part(data, request, headers | {"Accept-Ranges": "bytes"})


class FileHost:
    """Serves files and redirects by path."""

    def __init__(self) -> None:
        """Start empty."""
        self._files: dict[str, HostedFile] = {}
        self._redirects: dict[str, Redirect] = {}
        self._number = count(1)

    def host(self, file: HostedFile) -> str:
        """Serve *file*; the path comes back."""
        path = f"/hosted/{next(self._number)}"
        self._files[path] = file
        return path

    def redirect(self, to: str | None, *, status: int) -> str:
        """Serve a redirect to *to*, or to itself; the path comes back."""
        path = f"/hosted/{next(self._number)}"
        self._redirects[path] = Redirect(to or path, status)
        return path

    def find(self, path: str) -> HostedFile | None:
        """The file under *path*."""
        return self._files.get(path)

    def knows(self, path: str) -> bool:
        """Whether *path* was given out."""
        return path in self._files or path in self._redirects

    def fault(self, request: Request) -> NetworkFault | None:
        """The fault that this request meets, or None."""
        if request.path in self._files:
            return next(self._files[request.path].faults, None)
        return self._redirects.get(request.path)

    def respond(self, request: Request) -> HttpResponse:
        """Bring the file, or say 404 or 405."""
        if request.path not in self._files:
            return HttpResponse(b"no such file\n", 404, {"Content-Type": "text/plain"})
        if request.method != "GET":
            return HttpResponse(b"", 405, {"Allow": "GET"})
        return self._files[request.path].respond(request)


def _etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:16]}"'


def _part(data: bytes, request: Request, headers: dict[str, str]) -> HttpResponse:
    """Obey `Range` when `If-Range` is absent or names these very bytes."""
    span = _RANGE.fullmatch(request.headers.get("Range", ""))
    if span is None or request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        return HttpResponse(data, 200, headers)
    start, stop = int(span[1]), min(int(span[2] or len(data)), len(data) - 1)
    if start >= len(data) or stop < start:
        return HttpResponse(b"", 416, headers | {"Content-Range": f"bytes */{len(data)}"})
    headers |= {"Content-Range": f"bytes {start}-{stop}/{len(data)}"}
    return HttpResponse(data[start : stop + 1], 206, headers)

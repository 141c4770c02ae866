"""Generated files: kept under an id, handed out by the vendor or by the file host."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.envelope import error, said
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.hosting import FileHost, HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.vendor import RejectedError

# The official SDK understands this origin only, and puts its own base address in its place.
_URI = "https://generativelanguage.googleapis.com/v1beta/files/"
_OURS = re.compile(re.escape(_URI) + r"([\w-]+)(?::download\?alt=media)?")


@dataclass(frozen=True, slots=True)
class _Kept:
    file: HostedFile
    path: str  # at the file host


class Stored:
    """The files that answers name.

    Args:
        host: Serves them a second time, without a key.
        elsewhere: Origin of that host when downloads lead there, else None.
    """

    def __init__(self, host: FileHost, elsewhere: Callable[[], str] | None) -> None:
        """Start empty."""
        self._host = host
        self._elsewhere = elsewhere
        self._kept: dict[str, _Kept] = {}

    def keep(self, data: bytes, mime_type: str) -> str:
        """Store *data*; its address comes back."""
        name = secrets.token_hex(6)
        file = HostedFile(data, mime_type, iter(()), ranges=True, later=None)
        self._kept[name] = _Kept(file, self._host.host(file))
        return f"{_URI}{name}:download?alt=media"

    def find(self, uri: str, path: str) -> bytes:
        """The file at *uri*.

        Raises:
            InvalidError: It is none of ours; *path* names the field.
        """
        ours = _OURS.fullmatch(uri)
        if ours is None or ours[1] not in self._kept:
            raise InvalidError(f"The file {uri} does not exist.", path)
        return self._kept[ours[1]].file.data

    def answer(self, request: Request, place: re.Match[str]) -> HttpResponse:
        """The file that *place* names, or what is known of it."""
        kept = self._kept.get(place["file"])
        if kept is None:
            missing = f"You do not have permission to access the File {place['file']} or it may"
            raise RejectedError(error(403, f"{missing} not exist."))
        if not place["download"]:
            return said(_facts(place["file"], kept.file))
        if request.query.get("alt") != "media":
            raise InvalidError("Downloads need alt=media.", "alt")
        if self._elsewhere is None:
            return kept.file.respond(request)
        return HttpResponse(b"", 302, {"Location": self._elsewhere() + kept.path})


def _facts(name: str, file: HostedFile) -> dict[str, Any]:
    return {
        "name": f"files/{name}",
        "mimeType": file.mime_type,
        "sizeBytes": str(len(file.data)),
        "sha256Hash": base64.b64encode(hashlib.sha256(file.data).digest()).decode(),
        "uri": _URI + name,
        "downloadUri": f"{_URI}{name}:download?alt=media",
        "state": "ACTIVE",
        "source": "GENERATED",
    }

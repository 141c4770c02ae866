"""The Files API: uploads in pieces, generated files, and references to both."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mediatoolkit.simulator.gemini.catalog import camel_page
from mediatoolkit.simulator.gemini.envelope import InvalidError, error, error_body
from mediatoolkit.simulator.hosting import FileHost, HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.schema import Schema
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError

# The official SDK understands this origin only, and puts its own base address in its place.
_URI = "https://generativelanguage.googleapis.com/v1beta/files/"
_REFERENCE = re.compile(r"(?:https://[^/]+/v1(?:beta|alpha)?/)?files/([\w-]+)(?::download.*)?")
_GRANULARITY = "8388608"  # bytes, as recorded
_LIFE = timedelta(hours=48)


def timestamp(after: timedelta = timedelta()) -> str:
    """The time in UTC as the vendor writes it."""
    return (datetime.now(UTC) + after).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file.

    Attributes:
        file: Its bytes and type.
        facts: What the vendor tells of it.
        path: Where the file host serves it, too; empty for an upload.
    """

    file: HostedFile
    facts: dict[str, Any]
    path: str = ""


@dataclass(slots=True)
class _Upload:
    """An upload on its way."""

    name: str
    facts: dict[str, Any]
    mime_type: str
    data: bytearray = field(default_factory=bytearray)


class GeminiFiles:
    """Every file of the vendor.

    Args:
        host: Serves generated files a second time, without a key.
        schema: Of the requests.
        origin: The vendor's own.
        redirect: Where a download leads instead of bringing the file, for a name and a path at the
            host; None brings it.
    """

    def __init__(
        self,
        host: FileHost,
        schema: Schema,
        origin: Callable[[], str],
        redirect: Callable[[str, str], str] | None,
    ) -> None:
        """Start empty."""
        self._host = host
        self._schema = schema
        self._origin = origin
        self._redirect = redirect
        self._files: dict[str, StoredFile] = {}
        self._uploads: dict[str, _Upload] = {}

    def endpoints(self, version: str) -> Sequence[Endpoint]:
        """The paths under *version*."""
        files, file = f"{version}/files", f"{version}/files/(?P<file>[^/:]+)"
        return (
            Endpoint("POST", f"/upload{files}", "upload", self._upload),
            Endpoint("GET", files, "list", self._list),
            Endpoint("GET", file, "download", self._show),
            Endpoint("DELETE", file, "delete", self._delete),
            Endpoint("GET", f"{file}:download", "download", self._download),
            Endpoint("GET", f"/download{file}:download", "download", self._bring),
        )

    def keep(self, data: bytes, mime_type: str) -> str:
        """Store generated *data*; its address comes back."""
        name = self.add(data, mime_type).removeprefix("files/")
        return str(self._files[name].facts["downloadUri"])

    def add(self, data: bytes, mime_type: str) -> str:
        """Store generated *data*; its name comes back, such as `files/abc`."""
        name = secrets.token_hex(6)
        file = HostedFile(data, mime_type)
        facts = _facts(name, file, {}, "GENERATED")
        self._files[name] = StoredFile(file, facts, self._host.host(file))
        return f"files/{name}"

    def find(self, uri: str) -> HostedFile | None:
        """The file that *uri* names, `files/abc` or an address of Google's, or None."""
        name = _REFERENCE.fullmatch(uri)
        stored = self._files.get(name[1]) if name else None
        return stored.file if stored else None

    async def _upload(self, call: ApiCall) -> HttpResponse:
        headers = call.request.headers
        commands = headers.get("X-Goog-Upload-Command", "").replace(" ", "").split(",")
        if commands == ["start"]:
            return self._start_upload(call.request)
        upload = self._uploads.get(call.request.query.get("upload_id", ""))
        if upload is None:
            raise RejectedError(error(404))
        if headers.get("X-Goog-Upload-Offset", "0") != str(len(upload.data)):
            raise InvalidError(f"The upload goes on at byte {len(upload.data)}.")
        upload.data += call.request.data
        if "finalize" not in commands:
            return HttpResponse(b"", 200, {"X-Goog-Upload-Status": "active"})
        del self._uploads[call.request.query["upload_id"]]
        file = HostedFile(bytes(upload.data), upload.mime_type)
        facts = _facts(upload.name, file, upload.facts, "UPLOADED")
        self._files[upload.name] = StoredFile(file, facts)
        return json_response({"file": facts}, 200, {"X-Goog-Upload-Status": "final"})

    def _start_upload(self, request: Request) -> HttpResponse:
        facts = self._schema.read(request.body or {}, "UploadRequest").get("file", {})
        mime_type = request.headers.get("X-Goog-Upload-Header-Content-Type", "")
        name = facts.get("name", "").removeprefix("files/") or secrets.token_hex(6)
        token = secrets.token_urlsafe(24)
        shown = {"displayName": facts["displayName"]} if "displayName" in facts else {}
        self._uploads[token] = _Upload(name, shown, facts.get("mimeType", mime_type))
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Goog-Upload-URL": f"{self._origin()}{request.path}?upload_id={token}"
            "&upload_protocol=resumable",
            "X-Goog-Upload-Status": "active",
            "X-Goog-Upload-Chunk-Granularity": _GRANULARITY,
        }
        return HttpResponse(b"", 200, headers)

    async def _list(self, call: ApiCall) -> HttpResponse:
        files = [stored.facts for stored in self._files.values()]
        return json_response(camel_page(call.request, "files", files) if files else {})

    async def _show(self, call: ApiCall) -> HttpResponse:
        return json_response(self._get(call).facts)

    async def _delete(self, call: ApiCall) -> HttpResponse:
        self._get(call)
        del self._files[call.match["file"]]
        return json_response({})

    async def _download(self, call: ApiCall) -> HttpResponse:
        stored = self._get(call)
        if call.request.query.get("alt") != "media":
            raise InvalidError("Downloads need alt=media.", "alt")
        if not stored.path:
            raise InvalidError("Only generated files can be downloaded.", "name")
        if self._redirect is None:
            return stored.file.respond(call.request)
        location = self._redirect(call.match["file"], stored.path)
        return json_response(error_body(302), 302, {"Location": location})

    async def _bring(self, call: ApiCall) -> HttpResponse:
        return self._get(call).file.respond(call.request)

    def _get(self, call: ApiCall) -> StoredFile:
        name = call.match["file"]
        if name not in self._files:
            raise RejectedError(error(403, missing_file(name)))
        return self._files[name]


def missing_file(name: str) -> str:
    """The message about a file that is not there."""
    return f"You do not have permission to access the File {name} or it may not exist."


def _facts(name: str, file: HostedFile, facts: dict[str, Any], source: str) -> dict[str, Any]:
    download = {"downloadUri": f"{_URI}{name}:download?alt=media"}
    return {
        "name": f"files/{name}",
        **facts,
        "mimeType": file.mime_type,
        "sizeBytes": str(len(file.data)),
        "createTime": timestamp(),
        "updateTime": timestamp(),
        "expirationTime": timestamp(_LIFE),
        "sha256Hash": base64.b64encode(hashlib.sha256(file.data).digest()).decode(),
        "uri": _URI + name,
        **(download if source == "GENERATED" else {}),
        "state": "ACTIVE",
        "source": source,
    }

"""fal's storage: a token for an upload, the upload, and the older way by an address to put it."""

import time
from collections.abc import Callable
from itertools import count
from typing import NoReturn

from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.vendor import ApiCall, Endpoint

_LIFE = 3600  # seconds


class FalStorage:
    """The storage.

    Args:
        keep: Lays a file where everybody can fetch it, and says where.
        origin: The vendor's.
        reject: Turns a request down with a status and a sentence.
    """

    def __init__(
        self,
        keep: Callable[[HostedFile], str],
        origin: Callable[[], str],
        reject: Callable[[int, str | None], NoReturn],
    ) -> None:
        """Begin empty."""
        self._keep = keep
        self._origin = origin
        self._reject = reject
        self._numbers = count(1)
        self._tokens: set[str] = set()
        self._awaited: dict[str, HostedFile] = {}

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Tokens and uploads, at the origin itself or under `/rest` and `/cdn`."""
        rest = "(?P<base>(?:/rest)?)/storage"
        return (
            Endpoint("POST", f"{rest}/auth/token", "upload", self._token),
            Endpoint("POST", f"{rest}/upload/initiate", "upload", self._initiate),
            Endpoint("POST", "(?:/cdn)?/files/upload", "upload", self._upload),
            Endpoint("PUT", "/uploads/(?P<id>[^/]+)", "upload", self._put),
        )

    def admits(self, request: Request) -> bool:
        """Whether *request* needs no key: it has a token, or the signed address of an upload."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        is_upload = request.path.endswith("/files/upload")
        has_token = scheme == "Bearer" and token in self._tokens
        return request.path.startswith("/uploads/") or (is_upload and has_token)

    async def _token(self, call: ApiCall) -> HttpResponse:
        if call.request.query.get("storage_type") != "fal-cdn-v3":
            self._reject(422, "The storage type is not known")
        token = f"cdn-token-{next(self._numbers)}"
        self._tokens.add(token)
        ends = time.gmtime(time.time() + _LIFE)
        document = {
            "token": token,
            "token_type": "Bearer",
            "base_url": self._origin() + ("/cdn" if call.match["base"] else ""),
            "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", ends),
        }
        return json_response(document)

    async def _upload(self, call: ApiCall) -> HttpResponse:
        mime_type = call.request.headers.get("Content-Type", "application/octet-stream")
        return json_response({"access_url": self._keep(HostedFile(call.request.data, mime_type))})

    async def _initiate(self, call: ApiCall) -> HttpResponse:
        body = call.request.body
        if not isinstance(body, dict) or not {"file_name", "content_type"} <= body.keys():
            self._reject(422, "Give file_name and content_type")
        name = str(next(self._numbers))
        self._awaited[name] = HostedFile(b"", body["content_type"])
        urls = {
            "upload_url": f"{self._origin()}/uploads/{name}",
            "file_url": self._keep(self._awaited[name]),
        }
        return json_response(urls)

    async def _put(self, call: ApiCall) -> HttpResponse:
        file = self._awaited.pop(call.match["id"], None)
        if file is None:
            self._reject(404, "The upload is not known")
        file.data = call.request.data
        return HttpResponse(b"")

"""Replicate's files: uploads that inputs of predictions name."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from itertools import count
from typing import Any, NoReturn

from mediatoolkit.simulator.http import FormPart, HttpResponse, json_response
from mediatoolkit.simulator.vendor import ApiCall, Endpoint


def stamp(later: timedelta = timedelta()) -> str:
    """A time of day as the service writes it: now, or *later*."""
    return (datetime.now(UTC) + later).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ReplicateFiles:
    """The files.

    Args:
        origin: The vendor's.
        reject: Turns a request down with a status and a sentence.
    """

    def __init__(
        self, origin: Callable[[], str], reject: Callable[[int, str | None], NoReturn]
    ) -> None:
        """Begin empty."""
        self._origin = origin
        self._reject = reject
        self._numbers = count(1)
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}

    @property
    def by_url(self) -> Mapping[str, bytes]:
        """The bytes of each file."""
        return {facts["urls"]["get"]: data for facts, data in self._files.values()}

    def endpoints(self) -> tuple[Endpoint, ...]:
        """An upload, and what becomes of it."""
        one = "/v1/files/(?P<id>[^/]+)"
        return (
            Endpoint("POST", "/v1/files", "upload", self._upload),
            Endpoint("GET", one, "list", self._show),
            Endpoint("DELETE", one, "delete", self._delete),
        )

    async def _upload(self, call: ApiCall) -> HttpResponse:
        body = call.request.body
        parts = {part.name: part for part in body} if isinstance(body, list) else {}
        content: FormPart | None = parts.get("content")
        if content is None:
            self._reject(422, "The form has no part 'content'.")
        data, name = content.data, f"file{next(self._numbers)}"
        digest = md5(data, usedforsecurity=False).hexdigest()
        facts = {
            "id": name,
            "name": content.filename,
            "content_type": content.mime_type,
            "size": len(data),
            "etag": digest,
            "checksums": {"sha256": sha256(data).hexdigest(), "md5": digest},
            "metadata": json.loads(parts["metadata"].text) if "metadata" in parts else {},
            "created_at": stamp(),
            "expires_at": stamp(timedelta(days=1)),
            "urls": {"get": f"{self._origin()}/v1/files/{name}"},
        }
        self._files[name] = facts, data
        return json_response(facts, 201)

    async def _show(self, call: ApiCall) -> HttpResponse:
        return json_response(self._facts(call))

    async def _delete(self, call: ApiCall) -> HttpResponse:
        del self._files[self._facts(call)["id"]]
        return HttpResponse(b"", 204)

    def _facts(self, call: ApiCall) -> dict[str, Any]:
        if call.match["id"] not in self._files:
            self._reject(404, None)
        return self._files[call.match["id"]][0]

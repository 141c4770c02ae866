"""Two vendors' batches on loopback, after recorded answers of their official packages."""

import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.test_prompts import picture

KEY = "key-of-the-batches"
PICTURE = base64.b64encode(picture()).decode()

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What one request of a batch ends with, by its key and its body."""


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    json: Any = field(repr=False)


@dataclass
class BatchVendor:
    """What both have in common.

    Attributes:
        answer: What one request ends with.
        polls: How many looks at a batch find it running.
        end: How batches end.
        order: How the results stand.
        more: What else the state of a batch says.
    """

    answer: Answer
    polls: int = 0
    end: str = ""
    order: Callable[[Iterable[Any]], list[Any]] = list
    more: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["BatchVendor"]:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._hear)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    def paths(self, method: str) -> list[str]:
        return [seen.path for seen in self.seen if seen.method == method]

    async def _hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        document = None
        with contextlib.suppress(ValueError):
            document = json.loads(body)
        self.seen.append(Seen(request.method, request.path, dict(request.headers), document))
        if KEY not in (
            request.headers.get("x-goog-api-key", "") or request.headers.get("Authorization", "")
        ):
            return web.json_response({"error": {"code": 401, "message": "no key"}}, status=401)
        return await self.respond(request, body, document)

    async def _file(self, request: web.Request, name: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
        await response.prepare(request)
        view = memoryview(self.files[name])
        for at in range(0, len(view), 1 << 16):
            await response.write(view[at : at + (1 << 16)])
        return response

    async def respond(self, request: web.Request, body: bytes, document: Any) -> web.StreamResponse:
        raise NotImplementedError


class GeminiVendor(BatchVendor):
    """`batchGenerateContent`, its state, its cancel, and the Files API around it."""

    async def respond(self, request: web.Request, body: bytes, document: Any) -> web.StreamResponse:
        path = request.path
        if path.endswith(":batchGenerateContent"):
            return self._submit(path, document["batch"])
        if path == "/upload/v1/files":
            return self._upload(request, body)
        if path.endswith(":download"):
            return await self._file(request, path.removeprefix("/v1/").partition(":")[0])
        name = path.removeprefix("/v1/").removesuffix(":cancel")
        if name not in self.batches:
            error = {"code": 404, "message": "Batch not found.", "status": "NOT_FOUND"}
            return web.json_response({"error": error}, status=404)
        if path.endswith(":cancel"):
            self.end, self.polls = "CANCELLED", 0
            return web.json_response({})
        return web.json_response(self._state(name))

    def _upload(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if "upload_id" not in request.query:
            address = f"{self.url}{request.path}?upload_id=AB1&upload_protocol=resumable"
            return web.json_response({}, headers={"X-Goog-Upload-URL": address})
        self.files["files/in-1"] = body
        file = {"name": "files/in-1", "state": "ACTIVE", "sizeBytes": str(len(body))}
        return web.json_response({"file": file}, headers={"X-Goog-Upload-Status": "final"})

    def _submit(self, path: str, batch: dict[str, Any]) -> web.StreamResponse:
        name = f"batches/b{len(self.batches) + 1}"
        config = batch["inputConfig"]
        if "fileName" in config:
            lines = map(json.loads, self.files[config["fileName"]].splitlines())
            requests = [(line["key"], line["request"]) for line in lines]
        else:
            entries = config["requests"]["requests"]
            requests = [(entry["metadata"]["key"], entry["request"]) for entry in entries]
        self.batches[name] = {
            "requests": requests,
            "file": "fileName" in config,
            "model": path.split("/")[3].partition(":")[0],
        }
        return web.json_response(self._document(name, "PENDING"))

    def _state(self, name: str) -> dict[str, Any]:
        self.polls -= 1
        if self.polls >= 0:
            return self._document(name, "RUNNING")
        end = self.end or "SUCCEEDED"
        batch = self.batches[name]
        document = self._document(name, end)
        document["metadata"] |= self.more
        if end != "SUCCEEDED":
            return document
        results = self.order((key, self.answer(key, body)) for key, body in batch["requests"])
        if batch["file"]:
            lines = [json.dumps({"key": key, **result}) for key, result in results]
            self.files["files/out-1"] = "\n".join([*lines, ""]).encode()
            output: dict[str, Any] = {"responsesFile": "files/out-1"}
        else:
            entries = [{"metadata": {"key": key}, **result} for key, result in results]
            output = {"inlinedResponses": {"inlinedResponses": entries}}
        document["metadata"]["output"] = output
        document["done"] = True
        return document

    def _document(self, name: str, state: str) -> dict[str, Any]:
        batch = self.batches[name]
        count = str(len(batch["requests"]))
        running = {"pendingRequestCount": count} if state in {"PENDING", "RUNNING"} else {}
        return {
            "name": name,
            "metadata": {
                "@type": "type.googleapis.com/google.ai.generativelanguage.v1main"
                ".GenerateContentBatch",
                "name": name,
                "model": f"models/{batch['model']}",
                "displayName": "demo",
                "state": f"BATCH_STATE_{state}",
                "createTime": "2026-11-23T10:00:00Z",
                "batchStats": {"requestCount": count, **running},
            },
        }


class OpenAIVendor(BatchVendor):
    """`/files` and `/batches`."""

    async def respond(self, request: web.Request, body: bytes, document: Any) -> web.StreamResponse:
        path = request.path.removeprefix("/v1")
        if (request.method, path) == ("POST", "/files"):
            return self._upload(request, body)
        if (request.method, path) == ("POST", "/batches"):
            return self._submit(document)
        if path.startswith("/files/"):
            return await self._file(request, path.split("/")[2])
        name = path.split("/")[2]
        if name not in self.batches:
            error = {"message": f"No batch found with id '{name}'.", "code": None}
            return web.json_response({"error": error}, status=404)
        if path.endswith("/cancel"):
            self.end, self.polls = "cancelled", 0
            return web.json_response({**self.batches[name], "status": "cancelling"})
        return web.json_response(self._state(name))

    def _upload(self, request: web.Request, body: bytes) -> web.StreamResponse:
        head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + body).get_payload()
        fields: dict[Any, Any] = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in parts
            if isinstance(part, Message)
        }
        assert fields["purpose"] == b"batch"
        name = f"file-{len(self.files) + 1}"
        self.files[name] = fields["file"]
        return web.json_response(
            {"id": name, "object": "file", "purpose": "batch", "status": "processed"}
        )

    def _submit(self, document: dict[str, Any]) -> web.StreamResponse:
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {"id": name, "object": "batch", **document, "status": "validating"}
        return web.json_response(self.batches[name])

    def _state(self, name: str) -> dict[str, Any]:
        self.polls -= 1
        batch = self.batches[name]
        if self.polls >= 0:
            return {**batch, "status": "in_progress"}
        if batch["status"] == "validating":
            self.batches[name] = self._ended(name, batch)
        return self.batches[name]

    def _ended(self, name: str, batch: dict[str, Any]) -> dict[str, Any]:
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        results = self.order(
            {"id": "r", "custom_id": line["custom_id"], **self.answer(line["custom_id"], line)}
            for line in lines
        )
        batch = {**batch, "status": self.end or "completed", **self.more}
        if batch["status"] == "failed":
            return batch
        good = [line for line in results if (line["response"] or {}).get("status_code") == 200]
        bad = [line for line in results if line not in good]
        for kind, part in (("output_file_id", good), ("error_file_id", bad)):
            batch[kind] = f"file-of-{kind}-{name}" if part else None
            self.files[f"file-of-{kind}-{name}"] = b"".join(
                json.dumps(line).encode() + b"\n" for line in part
            )
        counts = {"total": len(lines), "completed": len(good), "failed": len(bad)}
        return {**batch, "request_counts": counts}


def backwards(results: Iterable[Any]) -> list[Any]:
    return list(results)[::-1]


def by_turns(*answers: dict[str, Any]) -> Answer:
    """Each of *answers* in its turn."""
    turns = itertools.cycle(answers)
    return lambda _key, _body: next(turns)

"""OpenAI's files and batches: JSON lines that are uploaded, worked on, and fetched.

A file of requests is looked through when its batch begins; what is wrong with it as a whole makes
the batch fail, as its next poll says. A request that is refused fails alone, and stands in the file
of errors. What was done before a cancel or an expiry is handed over, and billed.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NoReturn

from mediatoolkit.simulator.batches import Answer, Batch, BatchedRequest, BatchOrder, fault_of
from mediatoolkit.simulator.http import FormPart, HttpResponse, Request, json_response
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, Settings

ENDPOINTS = ("/v1/images/generations", "/v1/images/edits")
_PURPOSES = {"assistants", "batch", "fine-tune", "vision", "user_data"}
_FILE_CAP = 200 << 20  # bytes of a file of requests
_LINE_CAP = 50_000
_DAY = 24 * 60 * 60  # seconds
_NEVER_DONE = {
    "expired": "This request could not be executed before the completion window expired.",
    "cancelled": "This request was cancelled before it was executed.",
}


@dataclass(frozen=True, slots=True)
class OpenAIFile:
    """One file.

    Attributes:
        data: Its bytes.
        facts: What the vendor tells of it.
    """

    data: bytes
    facts: Mapping[str, Any]


class OpenAIFiles:
    """Every file of the vendor.

    Args:
        reject: Turns a request down, for a reason, a parameter and a status.
    """

    def __init__(self, reject: Callable[..., NoReturn]) -> None:
        """Start empty."""
        self._reject = reject
        self._files: dict[str, OpenAIFile] = {}

    def endpoints(self) -> Sequence[Endpoint]:
        """The paths of files."""
        every, single = "/v1/files", "/v1/files/(?P<file>[^/]+)"
        return (
            Endpoint("POST", every, "upload", self._upload),
            Endpoint("GET", every, "list", self._list),
            Endpoint("GET", single, "download", self._show),
            Endpoint("GET", f"{single}/content", "download", self._bring),
            Endpoint("DELETE", single, "delete", self._delete),
        )

    def add(self, data: bytes, filename: str, purpose: str) -> str:
        """Keep *data*; its id comes back."""
        name = f"file-{secrets.token_hex(11)}"
        facts = {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": int(time.time()),
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
            "expires_at": None,
        }
        self._files[name] = OpenAIFile(data, facts)
        return name

    def get(self, name: object, param: str = "id") -> OpenAIFile:
        """The file of that id, or 404."""
        file = self._files.get(name) if isinstance(name, str) else None
        return file or self._reject(f"No such File object: {name}", param, 404)

    async def _upload(self, call: ApiCall) -> HttpResponse:
        parts = call.request.body if isinstance(call.request.body, list) else []
        purpose = next((part.text for part in parts if part.name == "purpose"), None)
        file = next((part for part in parts if part.name == "file" and part.filename), None)
        if purpose not in _PURPOSES:
            self._reject(f"'{purpose}' is not one of {sorted(_PURPOSES)} - 'purpose'", "purpose")
        if not isinstance(file, FormPart) or file.filename is None:
            self._reject("'file' is a required property", "file")
        if purpose == "batch" and not file.filename.endswith(".jsonl"):
            self._reject("Invalid file format for Batch API. Must be .jsonl", "file")
        if purpose == "batch" and len(file.data) > _FILE_CAP:
            self._reject(f"A file of requests has at most {_FILE_CAP >> 20} MB.", "file")
        name = self.add(file.data, file.filename, purpose)
        return json_response(self._files[name].facts)

    async def _list(self, call: ApiCall) -> HttpResponse:
        return json_response(_page(call.request, [file.facts for file in self._files.values()]))

    async def _show(self, call: ApiCall) -> HttpResponse:
        return json_response(self.get(call.match["file"]).facts)

    async def _bring(self, call: ApiCall) -> HttpResponse:
        data = self.get(call.match["file"]).data
        return HttpResponse(data, headers={"Content-Type": "application/octet-stream"})

    async def _delete(self, call: ApiCall) -> HttpResponse:
        name = self.get(call.match["file"]).facts["id"]
        del self._files[name]
        return json_response({"id": name, "object": "file", "deleted": True})


@dataclass(slots=True)
class _Lines:
    """A file of requests, as far as it was read.

    Attributes:
        endpoint: Where every request is to go.
        bodies: The requests by their ids.
        errors: What makes the batch fail.
    """

    endpoint: str
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def read(self, data: bytes) -> None:
        """Look through the file."""
        lines = [line for line in data.splitlines() if line.strip()]
        if not lines or len(lines) > _LINE_CAP:
            word = "too_many_tasks" if lines else "empty_file"
            self._complain(word, f"A batch has 1 to {_LINE_CAP} requests.")
            return
        for number, line in enumerate(lines, 1):
            self._read_line(number, line)

    @property
    def model(self) -> object:
        """The model of the first request."""
        return next((body.get("model") for body in self.bodies.values()), None)

    def _read_line(self, number: int, line: bytes) -> None:
        try:
            document = json.loads(line)
            name, method, url = (document[key] for key in ("custom_id", "method", "url"))
            body = document["body"]
        except (ValueError, RecursionError):
            self._complain("invalid_json_line", "This line is not parseable as valid JSON.", number)
        except (TypeError, KeyError) as missing:
            self._complain("invalid_request", f"This line lacks {missing}.", number)
        else:
            is_shaped = isinstance(name, str) and isinstance(body, dict) and method == "POST"
            if not is_shaped or body.get("stream"):
                self._complain("invalid_request", "This line is no request of a batch.", number)
            elif url != self.endpoint:
                self._complain("url_mismatch", f"The batch is for {self.endpoint}.", number)
            elif name in self.bodies:
                self._complain("duplicate_custom_id", f"{name} is there twice.", number)
            elif self.bodies and body.get("model") != self.model:
                self._complain("model_mismatch", f"The batch is for {self.model}.", number)
            else:
                self.bodies[name] = body

    def _complain(self, code: str, message: str, line: int | None = None) -> None:
        self.errors.append({"code": code, "message": message, "param": None, "line": line})


@dataclass(frozen=True, slots=True)
class OpenAIBatches:
    """Answers everything about batches.

    Attributes:
        settings: How the simulator was set up.
        files: Where requests lie, and results.
        answer: Answers one request.
        reject: Turns a request down, for a reason, a parameter and a status.
        prices: What a model's requests cost in a batch, as a share of what they cost alone; a model
            that is not among them costs the same.
    """

    settings: Settings
    files: OpenAIFiles
    answer: Answer
    reject: Callable[..., NoReturn]
    prices: Mapping[str, str]
    _batches: dict[str, Batch] = field(default_factory=dict, init=False, repr=False)
    _times: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def endpoints(self) -> Sequence[Endpoint]:
        """The paths of batches."""
        every, single = "/v1/batches", "/v1/batches/(?P<id>[^/]+)"
        return (
            Endpoint("POST", every, "start", self._start),
            Endpoint("GET", every, "list", self._list),
            Endpoint("GET", single, "poll", self._poll),
            Endpoint("POST", f"{single}/cancel", "cancel", self._cancel),
        )

    async def _start(self, call: ApiCall) -> HttpResponse:
        body = call.request.body if isinstance(call.request.body, dict) else {}
        endpoint = body.get("endpoint")
        if endpoint not in ENDPOINTS:
            self.reject(f"The simulator plays batches for {' and '.join(ENDPOINTS)}.", "endpoint")
        if body.get("completion_window") != "24h":
            self.reject("The completion window is '24h'.", "completion_window")
        file = self.files.get(body.get("input_file_id"), "input_file_id")
        if file.facts["purpose"] != "batch":
            self.reject("The purpose of the file must be 'batch'.", "input_file_id")
        lines = _Lines(endpoint)
        lines.read(file.data)
        fault = fault_of(call.fault)
        if lines.errors:
            fault = replace(fault, ends="failed")
        errors = lines.errors or [{"code": "server_error", "message": "The batch failed."}]
        order = BatchOrder(
            call.request.path,
            [] if lines.errors else list(_requests(call.request, lines)),
            Decimal(self.prices.get(str(lines.model), 1)),
            fault,
        )
        created = int(time.time())
        facts = {
            "id": f"batch_{secrets.token_hex(16)}",
            "object": "batch",
            "endpoint": endpoint,
            "model": lines.model,
            "input_file_id": file.facts["id"],
            "completion_window": "24h",
            "created_at": created,
            "expires_at": created + _DAY,
            "metadata": body.get("metadata"),
            "errors": {"object": "list", "data": errors},
        }
        done = await order.carry_out(self.answer)
        looks = 0 if lines.errors else self.settings.looks
        batch = Batch(facts["id"], done, fault, looks, self.settings.meter, facts, keeps=True)
        self._batches[batch.id], self._times[batch.id] = batch, {}
        return json_response(self._object(batch))

    async def _list(self, call: ApiCall) -> HttpResponse:
        newest = [self._object(batch) for batch in reversed(self._batches.values())]
        return json_response(_page(call.request, newest))

    async def _poll(self, call: ApiCall) -> HttpResponse:
        batch = self._find(call)
        batch.look()
        return json_response(self._object(batch))

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        batch = self._find(call)
        if batch.is_over:
            message = f"Cannot cancel a batch with status '{batch.state}'."
            self.reject(message, None, 409)
        batch.cancel(at_once=False)
        return json_response(self._object(batch))

    def _find(self, call: ApiCall) -> Batch:
        name = call.match["id"]
        return self._batches.get(name) or self.reject(
            f"No batch found with id '{name}'.", "id", 404
        )

    def _object(self, batch: Batch) -> dict[str, Any]:
        """What the vendor tells of *batch*."""
        times, status = self._times[batch.id], _status(batch)
        times.setdefault(f"{status}_at", int(time.time()))
        if batch.is_over and "output_file_id" not in times:
            self._write(batch, times)
        counts = {
            "total": len(batch.requests),
            "completed": batch.done - batch.failed,
            "failed": batch.failed,
        }
        told = {name: value for name, value in times.items() if name != "validating_at"}
        errors = {} if status == "failed" else {"errors": None}
        return {**batch.facts, "status": status, "request_counts": counts, **told, **errors}

    def _write(self, batch: Batch, told: dict[str, Any]) -> None:
        """Write the two files of results; one without a line is not there."""
        results = batch.results()
        good = [_line(each) for each in results if each.response.status == 200]
        bad = [_line(each) for each in results if each.response.status != 200]
        if batch.state in _NEVER_DONE:
            bad += [_never(each, batch.state) for each in batch.requests[batch.done :]]
        for kind, lines in (("output", good), ("error", bad)):
            data = "".join(json.dumps(line) + "\n" for line in lines).encode()
            name = f"{batch.id}_{kind}.jsonl"
            added = self.files.add(data, name, "batch_output") if lines else None
            told[f"{kind}_file_id"] = added
        told["usage"] = _usage(results)


def _requests(request: Request, lines: _Lines) -> Iterable[tuple[str, Request]]:
    """Each request as if it came alone."""
    for name, body in lines.bodies.items():
        data = json.dumps(body).encode()
        yield name, replace(request, path=lines.endpoint, body=body, data=data)


def _status(batch: Batch) -> str:
    """The vendor's word: the last of two or more polls before the end finds it finalizing."""
    if batch.state != "running":
        return batch.state
    if batch.polls == 0 or (batch.polls == 1 and batch.looks > 2):
        return "validating"
    return "finalizing" if batch.polls == batch.looks > 1 else "in_progress"


def _line(request: BatchedRequest) -> dict[str, Any]:
    response = request.response
    line: dict[str, Any] = {"id": f"batch_req_{secrets.token_hex(16)}", "custom_id": request.key}
    if response.status == 408:
        message = "The request timed out."
        return line | {"response": None, "error": {"code": "request_timeout", "message": message}}
    told = {
        "status_code": response.status,
        "request_id": response.headers.get("x-request-id", ""),
        "body": request.document,
    }
    return line | {"response": told, "error": None}


def _never(request: BatchedRequest, state: str) -> dict[str, Any]:
    """The line of a request that was never done."""
    line: dict[str, Any] = {"id": f"batch_req_{secrets.token_hex(16)}", "custom_id": request.key}
    problem = {"code": f"batch_{state}", "message": _NEVER_DONE[state]}
    return line | {"response": None, "error": problem}


def _usage(results: Sequence[BatchedRequest]) -> dict[str, Any]:
    usages = [each.document.get("usage", {}) for each in results]
    names = ("input_tokens", "output_tokens", "total_tokens")
    sums: dict[str, Any] = {name: sum(usage.get(name, 0) for usage in usages) for name in names}
    sums["input_tokens_details"] = {"cached_tokens": 0}
    return sums | {"output_tokens_details": {"reasoning_tokens": 0}}


def _page(request: Request, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One page by `after` and `limit`."""
    names = [item["id"] for item in items]
    after = request.query.get("after")
    start = names.index(after) + 1 if after in names else 0
    limit = request.query.get("limit", "20")
    stop = start + (int(limit) if limit.isdecimal() else 20)
    page = items[start:stop]
    edges = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
    return {"object": "list", "data": page, "has_more": stop < len(items), **edges}

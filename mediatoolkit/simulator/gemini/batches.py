"""Batches of `generateContent`: begun, listed, polled, cancelled, deleted.

The requests stand in the batch itself, or one a line in an uploaded file, and the responses come
back the same way. A request that fits the schema and is refused for another reason fails alone. A
batch that was cancelled or has expired hands over nothing, and nothing is billed. To delete a batch
does not stop it.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from mediatoolkit.simulator.batches import (
    Answer,
    Batch,
    BatchedRequest,
    BatchOrder,
    BatchState,
    fault_of,
)
from mediatoolkit.simulator.gemini.catalog import GeminiCatalog, camel_page
from mediatoolkit.simulator.gemini.envelope import InvalidError, error
from mediatoolkit.simulator.gemini.files import GeminiFiles, timestamp
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.schema import Schema, SchemaError
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Settings

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
_PRICE = Decimal("0.5")  # of the standard price, for every model
_INLINE_CAP = 20 << 20  # bytes of a batch whose requests stand in it
_STATES: dict[BatchState, str] = {
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "expired": "EXPIRED",
    "cancelled": "CANCELLED",
}
# Codes of `google.rpc.Code`, which stand in the place of those of HTTP.
_RPC: Final = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 429: 8, 499: 1, 503: 14, 504: 4}
_INTERNAL = 13
_ENDS: dict[BatchState, dict[str, Any]] = {
    "failed": {"code": _INTERNAL, "message": "The batch failed. Please retry."},
    "expired": {"code": 4, "message": "The batch expired before it was completed."},
    "cancelled": {"code": 1, "message": "The batch was cancelled."},
}


@dataclass(frozen=True, slots=True)
class BatchService:
    """Answers everything about batches."""

    settings: Settings
    catalog: GeminiCatalog
    files: GeminiFiles
    schema: Schema
    answer: Answer
    _batches: dict[str, Batch] = field(default_factory=dict, init=False, repr=False)
    _outputs: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False)

    def endpoints(self, version: str) -> Sequence[Endpoint]:
        """The paths under *version*."""
        model = f"{version}/models/(?P<model>[^/:]+):(?P<verb>batchGenerateContent)"
        every, single = f"{version}/batches", f"{version}/batches/(?P<id>[^/:]+)"
        return (
            Endpoint("POST", model, "start", self._start),
            Endpoint("GET", every, "list", self._list),
            Endpoint("GET", single, "poll", self._poll),
            Endpoint("POST", f"{single}:cancel", "cancel", self._cancel),
            Endpoint("DELETE", single, "delete", self._delete),
        )

    async def _start(self, call: ApiCall) -> HttpResponse:
        model = self.catalog.serving(call.match)
        body = self.schema.read(call.request.body, "BatchGenerateContentRequest")["batch"]
        source, by_file = body["inputConfig"], "fileName" in body["inputConfig"]
        if by_file == ("requests" in source):
            raise InvalidError("Give either requests or a file.", "batch.input_config")
        if not by_file and len(call.request.data) > _INLINE_CAP:
            raise InvalidError(f"Request payload size exceeds the limit: {_INLINE_CAP} bytes.")
        pairs = self._lines(source["fileName"]) if by_file else self._inlined(source)
        path = f"/{call.match['version']}/models/{model.id}:generateContent"
        alone = replace(call.request, path=path)
        requests = [(key, _with_body(alone, each)) for key, each in pairs]
        order = BatchOrder(call.request.path, requests, _PRICE, fault_of(call.fault))
        name = f"batches/{secrets.token_hex(18)}"
        facts = {
            "@type": _TYPE,
            "name": name,
            "model": f"models/{model.id}",
            "displayName": body.get("displayName", ""),
            "createTime": timestamp(),
            "by_file": by_file,
        }
        done = await order.carry_out(self.answer)
        looks = self.settings.looks
        batch = Batch(name, done, order.fault, looks, self.settings.meter, facts)
        self._batches[name] = batch
        return json_response(self._operation(batch))

    def _inlined(self, source: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        requests = source["requests"].get("requests", [])
        if not requests:
            raise InvalidError("The batch has no requests.", "batch.input_config.requests")
        for number, each in enumerate(requests):
            self._check(each.get("request"), f"batch.input_config.requests.requests[{number}]")
            yield each.get("metadata"), each["request"]

    def _check(self, request: Any, place: str) -> None:
        """Whether *request* fits the schema; what else is wrong with it fails alone."""
        try:
            self.schema.read(request, "GenerateContentRequest")
        except SchemaError as problem:
            path = f"{place}.request.{problem.path}".rstrip(".")
            raise SchemaError(problem.rule, path, problem.value, problem.schema) from problem

    def _lines(self, uri: str) -> Iterator[tuple[Any, Any]]:
        file = self.files.find(uri)
        if file is None:
            raise RejectedError(error(404))
        lines = [line for line in file.data.splitlines() if line.strip()]
        if not lines:
            raise InvalidError("The file has no requests.", "batch.input_config.file_name")
        for number, line in enumerate(lines, 1):
            try:
                document = json.loads(line)
                yield document.get("key"), document["request"]
            except (ValueError, KeyError, AttributeError):
                message = f"Line {number} of the file is no JSON object with a request."
                raise InvalidError(message, "batch.input_config.file_name") from None

    async def _list(self, call: ApiCall) -> HttpResponse:
        operations = [self._operation(batch, whole=False) for batch in self._batches.values()]
        return json_response(camel_page(call.request, "operations", operations[::-1]))

    async def _poll(self, call: ApiCall) -> HttpResponse:
        batch = self._find(call)
        batch.look()
        return json_response(self._operation(batch))

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        self._find(call).cancel(at_once=True)
        return json_response({})

    async def _delete(self, call: ApiCall) -> HttpResponse:
        batch = self._find(call)
        batch.abandon()
        del self._batches[batch.id]
        return json_response({})

    def _find(self, call: ApiCall) -> Batch:
        name = f"batches/{call.match['id']}"
        if name not in self._batches:
            raise RejectedError(error(404))
        return self._batches[name]

    def _operation(self, batch: Batch, *, whole: bool = True) -> dict[str, Any]:
        """What the vendor tells of *batch*; the results stand there twice."""
        facts = {name: value for name, value in batch.facts.items() if name != "by_file"}
        metadata = {
            **facts,
            "state": f"BATCH_STATE_{_STATES.get(batch.state, _running(batch))}",
            "updateTime": timestamp(),
            "batchStats": _stats(batch),
        }
        operation = {"name": batch.id, "metadata": metadata}
        if not batch.is_over:
            return operation
        metadata["endTime"] = timestamp()
        if batch.state != "completed":
            return operation | {"done": True, "error": _ENDS[batch.state]}
        output = self._output(batch) if whole else {}
        metadata |= {"output": output} if output else {}
        return operation | {"done": True, "response": {"@type": f"{_TYPE}Output", **output}}

    def _output(self, batch: Batch) -> dict[str, Any]:
        """The results, in the batch or in a file that is written once."""
        if not batch.facts["by_file"]:
            responses = [
                _result(each) | ({} if each.key is None else {"metadata": each.key})
                for each in batch.results()
            ]
            return {"inlinedResponses": {"inlinedResponses": responses}}
        if batch.id not in self._outputs:
            lines = [json.dumps({"key": each.key, **_result(each)}) for each in batch.results()]
            data = "".join(f"{line}\n" for line in lines).encode()
            name = self.files.add(data, "application/jsonl")
            self._outputs[batch.id] = {"responsesFile": name}
        return self._outputs[batch.id]


def _with_body(request: Request, body: Any) -> Request:
    return replace(request, body=body, data=json.dumps(body).encode())


def _running(batch: Batch) -> str:
    """The first poll of several still finds the batch pending."""
    return "PENDING" if batch.polls == 0 or (batch.polls == 1 < batch.looks) else "RUNNING"


def _stats(batch: Batch) -> dict[str, str]:
    """Counts as text; the service leaves zeros out."""
    counts = {
        "requestCount": len(batch.requests),
        "pendingRequestCount": len(batch.requests) - batch.done,
        "successfulRequestCount": batch.done - batch.failed,
        "failedRequestCount": batch.failed,
    }
    return {name: str(count) for name, count in counts.items() if count}


def _result(request: BatchedRequest) -> dict[str, Any]:
    """The response of one request, or its error as a `google.rpc.Status`."""
    if request.response.status == 200:
        return {"response": request.document}
    problem = request.document.get("error", {})
    code = _RPC.get(request.response.status, _INTERNAL)
    status = {"code": code, "message": problem.get("message", "")}
    details = problem.get("details")
    return {"error": status | ({"details": details} if details else {})}

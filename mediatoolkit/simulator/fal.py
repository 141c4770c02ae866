"""fal: its queue, its synchronous host under `/run`, and its storage, at one origin.

Shapes and errors are those of the official SDK and of recorded traffic; apps and their inputs stand
in `fal.json`, and those of `simulated/` are nobody's: no source that we have names an app for film
or speech. Any other app that the simulator's `models=` names takes what it is given and makes what
its name tells.

The queue takes every input, as the real one does: what is wrong with it is the result. A prompt
that `PromptBlocked("nsfw")` blocks brings a picture all the same, with `has_nsfw_concepts` true. An
input file may be a data URI or lie in the storage; no other address is fetched. Webhooks are taken
and never called.
"""

import base64
import json
import math
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import ApiFault, EndsAs, PromptBlocked, Status
from mediatoolkit.simulator.fal_storage import FalStorage
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.films import film_size
from mediatoolkit.simulator.http import HttpResponse, Request, event_stream, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.queued_jobs import (
    InputError,
    JobQueue,
    Kind,
    Order,
    QueuedJob,
    form_of,
    kind_of,
    seconds_of,
)
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_APPS: dict[str, dict[str, Any]] = _DATA["apps"]
_SIZES: dict[str, tuple[int, int]] = _DATA["sizes"]
_NAMESPACES = ("workflows/", "comfy/")  # of apps whose URLs keep three words
_DOCS = "https://docs.fal.ai/errors#"
_FLAGGED = "The content could not be processed because it was flagged."
_RUNNERS = ("request", "startup", "runner")  # with these begin the types of request errors
_TIMEOUTS = {"request_timeout": 504, "startup_timeout": 504}
_CODES = {
    "generation_timeout": 504,
    "internal_server_error": 500,
    "downstream_service_error": 500,
}
_MEGAPIXEL = 1 << 20


class Fal(Vendor):
    """The vendor."""

    name: ClassVar[str] = "fal"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Storage, jobs, and every app."""
        self._numbers = count(1)
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._queue: JobQueue[QueuedJob] = JobQueue(self.settings, self.files_origin)
        self._storage = FalStorage(self._queue.keep, self.origin, self._reject)
        job = "(?:/queue)?/(?P<app>.+)/requests/(?P<id>[^/]+)"
        return (
            *self._storage.endpoints(),
            Endpoint("GET", f"{job}/status", "poll", self._status),
            Endpoint("GET", f"{job}/status/stream", "poll", self._status_stream),
            Endpoint("PUT", f"{job}/cancel", "cancel", self._cancel),
            Endpoint("GET", job, "download", self._result),
            Endpoint("POST", "/run/(?P<app>.+?)(?P<stream>/stream)?", "start", self._run),
            Endpoint("POST", "(?P<base>(?:/queue)?)/(?P<app>[^/]+/.+)", "start", self._submit),
        )

    def headers(self, _request: Request) -> dict[str, str]:
        """The name of the request."""
        return {"x-fal-request-id": f"req-fal-{next(self._numbers)}"}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head."""
        return Status(429, retry_after=str(math.ceil(seconds)), quota=per_minute)

    def admit(self, request: Request) -> None:
        """Take `Key`, and no other scheme, but for the storage's own tokens."""
        scheme = request.headers.get("Authorization", "key").partition(" ")[0]
        if self._storage.admits(request):
            return
        if scheme.lower() != "key":
            self._reject(401)
        super().admit(request)

    def error(self, code: int, message: str | None = None, kind: str | None = None) -> HttpResponse:
        """An error with a sentence in `detail`, and its type where it has one."""
        kind = kind or _DATA["error_types"].get(str(code))
        usual = _DATA["errors"].get(str(code), f"The request failed with status {code}")
        document = {"detail": message or usual} | ({"error_type": kind} if kind else {})
        return json_response(document, code, _advice(code, kind))

    def key_error(self, _key: str | None) -> HttpResponse:
        """401."""
        return self.error(401)

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """422 with the list of what is wrong."""
        return _refusal(422, [problem(error, request.body)])

    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders; a quota of 0 is an account without credit."""
        if fault.code == 422:
            message = fault.message or "Invalid request."
            return _refusal(422, [_problem(message, fault.word or "value_error", request.body)])
        if fault.code == 429 and fault.quota == 0:
            return self.error(403, fault.message or "User is locked. Reason: Exhausted balance.")
        response = self.error(fault.code, fault.message, fault.word)
        if fault.code == 504 and "X-Fal-Request-Timeout" in request.headers:
            timeout = {"X-Fal-Request-Timeout-Type": "user"}
            return replace(response, headers={**response.headers, **timeout})
        return response

    async def _submit(self, call: ApiCall) -> HttpResponse:
        job = await self._new_job(call)
        self._queue.start(job)
        base = f"{self.origin()}{call.match['base']}/{_short(job.model)}/requests/{job.id}"
        document = {
            "status": "IN_QUEUE",
            "request_id": job.id,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "queue_position": 0,
            "logs": None,
            "metrics": {},
        }
        return json_response(document, headers={"x-fal-request-id": job.id})

    async def _run(self, call: ApiCall) -> HttpResponse:
        job = await self._new_job(call)
        self._queue.start(job)
        await self._queue.finish(job, job.fate)
        response = self.error(504) if job.runs else self._outcome(job)
        if call.match["stream"] and response.status == 200:
            return event_stream([("", response.body.decode())], self.settings.newline)
        return response

    async def _status(self, call: ApiCall) -> HttpResponse:
        job = self._job(call)
        await self._queue.look(job, call.fault)
        has_logs = call.request.query.get("logs", "false") in {"true", "1"}
        return json_response(_state(job, with_logs=has_logs), 202 if job.runs else 200)

    async def _status_stream(self, call: ApiCall) -> HttpResponse:
        job, events = self._job(call), []
        for _ in range(min(job.looks, 100) + 1):
            await self._queue.look(job, call.fault)
            events.append(("", json.dumps(_state(job, with_logs=True))))
        return event_stream(events, self.settings.newline)

    async def _result(self, call: ApiCall) -> HttpResponse:
        job = self._job(call)
        if job.runs:
            self._reject(400, "Request is still in progress")
        return self._outcome(job)

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        job, fault = self._job(call), call.fault
        if isinstance(fault, EndsAs):
            if fault.status == "ALREADY_COMPLETED":
                await self._queue.finish(job, job.fate)
        elif job.runs:
            self._queue.end(job, EndsAs("CANCELLED", message="Request was cancelled"))
            return json_response({"status": "CANCELLATION_REQUESTED"}, 202)
        word = fault.status if isinstance(fault, EndsAs) else "ALREADY_COMPLETED"
        return json_response({"status": word}, 400 if word == "ALREADY_COMPLETED" else 202)

    def _job(self, call: ApiCall) -> QueuedJob:
        job = self._queue.find(call.match["id"])
        if job is None:
            raise RejectedError(json_response({"status": "NOT_FOUND"}, 404))
        if _short(job.model) != call.match["app"]:
            self._reject(405)
        return job

    async def _new_job(self, call: ApiCall) -> QueuedJob:
        """The job that *call* asks for; what is wrong with its inputs is its fate."""
        app, inputs = call.match["app"], call.request.body
        if not isinstance(inputs, dict):
            self._reject(422, "The body must be a JSON object")
        facts = self._app(app)
        order, looks = None, self.settings.looks
        flagged = call.fault == PromptBlocked("nsfw")
        fate: ApiFault | Exception | None = None if flagged else call.fault
        try:
            order = await self._order(facts["kind"], _SCHEMA.read(inputs, facts["input"]))
        except (SchemaError, InputError) as error:
            fate, looks = error, 0
        units = _units(order) if order else {}
        return QueuedJob(
            model=app,
            inputs=inputs,
            order=order,
            bill=self._tariff.bill(app, call.request.path, units),
            looks=looks,
            fate=fate,
            flagged=flagged,
        )

    def _app(self, name: str) -> dict[str, Any]:
        if name in self.settings.ended or name not in (*_APPS, *self.settings.models):
            self._reject(404, f"Application '{name}' not found")
        return _APPS.get(name, {"kind": kind_of(name), "input": "Any"})

    async def _order(self, kind: Kind, fields: Mapping[str, Any]) -> Order:
        text = fields.get("prompt", fields.get("text"))
        if text is None:
            raise SchemaError("required", "prompt", None, {})
        if not text.strip():
            raise SchemaError("minLength", "prompt" if "prompt" in fields else "text", text, {})
        usual = {"image": "jpeg", "speech": "mp3"}.get(kind, "mp4")
        width, height = _size(kind, fields)
        return Order(
            kind=kind,
            text=text,
            width=width,
            height=height,
            count=fields.get("num_images", 1) if kind == "image" else 1,
            seed=fields.get("seed", zlib.crc32(f"{text} {next(self._numbers)}".encode())),
            references=await self._queue.references(fields),
            form=form_of(kind, fields.get("output_format"), usual),
            seconds=seconds_of(fields.get("duration")),
            voice=str(fields.get("voice", "")),
        )

    def _outcome(self, job: QueuedJob) -> HttpResponse:
        """What *job* has made, or what it ended by."""
        if job.end is None:
            units = {"x-fal-billable-units": str(sum(job.bill.units.values()))}
            return json_response(_output(job), headers=units)
        match job.end:
            case EndsAs(status="CANCELLED", message=message):
                response = self.error(400, message)
            case EndsAs(message=message, code=word) if word.startswith(_RUNNERS):
                response = self.error(_TIMEOUTS.get(word, 503), message, word)
            case _ as end:
                entry = _entry(end, job.inputs)
                response = _refusal(_CODES.get(entry["type"], 422), [entry])
        return response

    def _reject(self, code: int, message: str | None = None) -> NoReturn:
        raise RejectedError(self.error(code, message))


def _short(app: str) -> str:
    """The app as its jobs' URLs have it: without the path behind its alias."""
    words = 3 if app.startswith(_NAMESPACES) else 2
    return "/".join(app.split("/")[:words])


def _state(job: QueuedJob, *, with_logs: bool) -> dict[str, Any]:
    """What a poll tells."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    facts = {"level": "INFO", "source": "USER", "timestamp": stamp}
    logs = [{"message": line, **facts} for line in job.steps] if with_logs else None
    named: dict[str, Any] = {"request_id": job.id}
    if job.waits:
        return {"status": "IN_QUEUE", "queue_position": 0, **named}
    if job.runs:
        return {"status": "IN_PROGRESS", "logs": logs, **named}
    done = {"status": "COMPLETED", "logs": logs, "metrics": {"inference_time": 0.4}, **named}
    match job.end:
        case EndsAs(message=message, code=word):
            return done | {"error": message or "The request failed", "error_type": word}
        case PromptBlocked():
            return done | {"error": _FLAGGED, "error_type": "content_policy_violation"}
        case Exception():
            return done | {"error": "The input is not valid", "error_type": "validation_error"}
        case _:
            return done


def _output(job: QueuedJob) -> dict[str, Any]:
    """The result in the shape of its kind."""
    order, made = job.order, job.made or ()
    assert order is not None  # noqa: S101 - a job without one has failed
    if order.kind == "speech":
        return {"audio": _file(made[0].url, made[0].mime_type, made[0].data)} if made else {}
    if order.kind == "video":
        video = {"video": _file(made[0].url, made[0].mime_type, made[0].data)} if made else {}
        return {**video, "seed": order.seed}
    is_inline = job.inputs.get("sync_mode") is True
    images = [
        {
            "url": _data_uri(each.data, each.mime_type) if is_inline else each.url,
            "width": order.width,
            "height": order.height,
            "content_type": each.mime_type,
        }
        for each in made
    ]
    return {
        "images": images,
        "timings": {"inference": 0.4},
        "seed": order.seed,
        "has_nsfw_concepts": [job.flagged] * len(images),
        "prompt": order.text,
    }


def _file(url: str, mime_type: str, data: bytes) -> dict[str, Any]:
    ending = {"audio/mpeg": "mp3", "audio/wav": "wav"}.get(mime_type, "mp4")
    facts = {"content_type": mime_type, "file_name": f"output.{ending}"}
    return {"url": url, **facts, "file_size": len(data)}


def _data_uri(data: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def _size(kind: Kind, fields: Mapping[str, Any]) -> tuple[int, int]:
    """Pixels of a picture or film."""
    aspect = fields.get("aspect_ratio")
    if kind == "video":
        return film_size(aspect or "16:9")
    size = fields.get("image_size", "landscape_4_3")
    if isinstance(size, dict):
        return size["width"], size["height"]
    return film_size(aspect, 768) if aspect else _SIZES[size]


def _units(order: Order) -> dict[str, int]:
    """What is billed: each started megapixel, second or character."""
    if order.kind == "image":
        return {"image": order.count * math.ceil(order.width * order.height / _MEGAPIXEL)}
    if order.kind == "video":
        return {"second": math.ceil(order.seconds)}
    return {"character": len(order.text)}


def _refusal(code: int, problems: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """An error of a model: what is wrong, one by one."""
    detail = [{**each, "url": _DOCS + each["type"]} for each in problems]
    return json_response({"detail": detail}, code, _advice(code, detail[0]["type"]))


def _entry(end: ApiFault | Exception, inputs: Any) -> dict[str, Any]:
    """What a model's error says of the end of its job."""
    match end:
        case SchemaError():
            return problem(end, inputs)
        case InputError():
            kind = "file_download_error" if "download" in str(end) else "image_load_error"
            return _problem(str(end), kind, inputs, end.name)
        case PromptBlocked(message=message):
            return _problem(message or _FLAGGED, "content_policy_violation", inputs, "prompt")
        case EndsAs(message=message, code=word):
            kind = "internal_server_error" if word == "internal" else word
            return _problem(message or "Internal server error", kind, inputs)
        case _:
            return _problem("Internal server error", "internal_server_error", inputs)


def _problem(message: str, kind: str, inputs: Any, field: str | None = None) -> dict[str, Any]:
    loc = ["body", field] if field else ["body"]
    return {"loc": loc, "msg": message, "type": kind, "input": inputs}


def _advice(code: int, kind: str | None) -> dict[str, str]:
    """What the head of an error tells."""
    retryable = "true" if code in {429, 500, 502, 503} else "false"
    return {"x-fal-retryable": retryable} | ({"x-fal-error-type": kind} if kind else {})

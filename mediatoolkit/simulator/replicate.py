"""Replicate: predictions of official models, versions and deployments, and files for their inputs.

Shapes and errors are those of the official SDK, of the documents and of recorded traffic; models
and their inputs stand in `replicate.json`, and those of `simulated/` are nobody's: no source that
we have names a model for film or speech. Any other model that the simulator's `models=` names takes
what it is given and makes what its name tells.

A poll stands for a second of work, so a prediction takes as many seconds as the simulator's
`looks`: `Prefer: wait=5` brings the output if it takes fewer than 5, and `Cancel-After: 30s` ends
it at the thirtieth poll. `EndsAs("aborted")` and `EndsAs("canceled")` end it otherwise.

Input files may be data URIs, uploaded files, or lie at the file host; no other address is fetched.
Webhooks are taken and never called. Not played, and answered with 501: streams, trainings, the
search for models.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import EndsAs, Status
from mediatoolkit.simulator.films import film_size
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.queued_jobs import (
    InputError,
    JobQueue,
    Kind,
    Order,
    form_of,
    kind_of,
    seconds_of,
)
from mediatoolkit.simulator.replicate_files import ReplicateFiles, stamp
from mediatoolkit.simulator.replicate_predictions import Prediction
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_MODELS: dict[str, dict[str, Any]] = _DATA["models"]
_ERRORS: dict[str, tuple[str, str]] = _DATA["errors"]  # title and sentence by status
_SIZES: dict[str, tuple[int, int]] = _DATA["sizes"]
_PREFER = re.compile(r"wait(?:=(\d{1,2}))?")
_CANCEL_AFTER = re.compile(r"(\d+)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WAIT = 60  # seconds
_PAGE = 100  # predictions
_TYPES = {"required": "required", "type": "invalid_type", "enum": "enum"}
_TYPES |= {"minimum": "number_gte", "maximum": "number_lte"}
_SENTENCES = {
    "enum": "Must be one of the following: {}",
    "type": "Invalid type. Expected: {}",
    "minimum": "Must be greater than or equal to {}",
    "maximum": "Must be less than or equal to {}",
}


class Replicate(Vendor):
    """The vendor."""

    name: ClassVar[str] = "replicate"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Predictions, versions, files."""
        self._numbers = count(1)
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._queue: JobQueue[Prediction] = JobQueue(self.settings, self.files_origin)
        self._files = ReplicateFiles(self.origin, self._reject)
        name, one = "(?P<owner>[^/]+)/(?P<name>[^/]+)", "/v1/predictions/(?P<id>[^/]+)"
        version = f"/v1/models/{name}/versions/(?P<version>[^/]+)"
        return (
            Endpoint("POST", f"/v1/models/{name}/predictions", "start", self._of_model),
            Endpoint("POST", f"/v1/deployments/{name}/predictions", "start", self._of_deployment),
            Endpoint("POST", "/v1/predictions", "start", self._of_version),
            Endpoint("GET", "/v1/predictions", "list", self._list),
            Endpoint("GET", one, "poll", self._show),
            Endpoint("POST", f"{one}/cancel", "cancel", self._cancel),
            Endpoint("GET", version, "list", self._show_version),
            *self._files.endpoints(),
        )

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """429, whose text alone says when there is room."""
        wait = f"Your rate limit resets in ~{math.ceil(seconds)}s."
        return Status(429, message=f"Request was throttled. {wait}", quota=per_minute)

    def error(
        self, code: int, message: str | None = None, title: str | None = None
    ) -> HttpResponse:
        """A problem document."""
        usual_title, usual = _ERRORS.get(str(code), ("Error", f"The request failed with {code}."))
        document = {"title": title or usual_title, "status": code, "detail": message or usual}
        return json_response(document, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401."""
        return self.error(401)

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """422 that names the field."""
        field, sentence = _misfit(error)
        kind = _TYPES.get(error.rule, error.rule)
        document = {
            "title": "Input validation failed",
            "status": 422,
            "detail": f"- {field}: {sentence}\n",
            "invalid_fields": [{"type": kind, "field": field, "description": sentence}],
        }
        return json_response(document, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders; a quota of 0 is an account without credit."""
        if fault.code == 429 and fault.quota == 0:
            return self.error(402, fault.message)
        message = fault.message
        if message is None and fault.code == 429 and (fault.retry_after or "").isdigit():
            message = f"Request was throttled. Expected available in {fault.retry_after} seconds."
        return self.error(fault.code, message)

    async def _of_model(self, call: ApiCall) -> HttpResponse:
        body = self._read(call, "Prediction")
        model = f"{call.match['owner']}/{call.match['name']}"
        return await self._predict(call, model, body["input"])

    async def _of_deployment(self, call: ApiCall) -> HttpResponse:
        body = self._read(call, "Prediction")
        name = f"{call.match['owner']}/{call.match['name']}"
        if name not in _DATA["deployments"]:
            self._reject(404)
        return await self._predict(call, _DATA["deployments"][name], body["input"])

    async def _of_version(self, call: ApiCall) -> HttpResponse:
        body = self._read(call, "VersionPrediction")
        name, _, version = body["version"].rpartition(":")
        models = [
            model
            for model, facts in _MODELS.items()
            if facts["version"] == version and name in {"", model}
        ]
        if not models:
            self._reject(422, "The specified version does not exist.", "Invalid version")
        return await self._predict(call, models[0], body["input"])

    async def _predict(self, call: ApiCall, model: str, inputs: Mapping[str, Any]) -> HttpResponse:
        wait = self._wait(call.request)
        prediction = await self._new_prediction(call, model, inputs)
        self._queue.start(prediction)
        if wait is None:
            return json_response(prediction.document(), 201)
        if prediction.looks < wait:
            await self._queue.finish(prediction, prediction.fate)
        document = prediction.document()
        if prediction.runs:
            return json_response(document | {"status": "starting"}, 202)
        # The service answers before it has written down that the work is done.
        hurried = {"status": "processing"} if prediction.made is not None else {}
        return json_response(document | hurried, 201)

    async def _new_prediction(
        self, call: ApiCall, model: str, inputs: Mapping[str, Any]
    ) -> Prediction:
        facts, fate = self._model(model), call.fault
        order, problem = None, None
        try:
            order = await self._order(facts["kind"], _checked(inputs, facts["input"]))
        except InputError as error:
            problem = error
        name = f"p{next(self._numbers):025d}"
        return Prediction(
            id=name,
            model=model,
            inputs=inputs,
            order=order,
            bill=self._tariff.bill(model, call.request.path, _units(order) if order else {}),
            looks=self.settings.looks,
            fate=problem or fate,
            version=facts["version"],
            url=f"{self.origin()}/v1/predictions/{name}",
            lists=facts["output"] == "list",
            ends_after=self._ends_after(call.request),
        )

    def _model(self, name: str) -> dict[str, Any]:
        if name in self.settings.ended or name not in (*_MODELS, *self.settings.models):
            self._reject(404)
        loose = {"kind": kind_of(name), "input": "Any", "version": "hidden", "output": "uri"}
        return _MODELS.get(name, loose | ({"output": "list"} if loose["kind"] == "image" else {}))

    async def _order(self, kind: Kind, fields: Mapping[str, Any]) -> Order:
        text = str(fields.get("prompt", fields.get("text", "")))
        aspect = fields.get("aspect_ratio")
        usual = {"image": "webp", "speech": "mp3"}.get(kind, "mp4")
        width, height = _size(kind, aspect)
        return Order(
            kind=kind,
            text=text,
            width=fields.get("width", width),
            height=fields.get("height", height),
            count=fields.get("num_outputs", 1) if kind == "image" else 1,
            seed=fields.get("seed"),
            references=await self._queue.references(fields, self._files.by_url),
            form=form_of(kind, fields.get("output_format"), usual),
            seconds=seconds_of(fields.get("duration")),
            voice=str(fields.get("voice", "")),
        )

    async def _show(self, call: ApiCall) -> HttpResponse:
        prediction = self._prediction(call)
        await self._queue.look(prediction, call.fault)
        limit = prediction.ends_after
        if prediction.runs and limit is not None and prediction.polls >= limit:
            self._queue.end(prediction, EndsAs("aborted" if prediction.waits else "canceled"))
        return json_response(prediction.document())

    async def _list(self, call: ApiCall) -> HttpResponse:
        cursor = call.request.query.get("cursor", "")
        start = int(cursor) if cursor.isdigit() else 0
        documents = [each.document() for each in reversed(list(self._queue))]
        stop = start + _PAGE
        following = f"{self.origin()}/v1/predictions?cursor={stop}"
        page = {"previous": None, "next": following if stop < len(documents) else None}
        return json_response(page | {"results": documents[start:stop]})

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        prediction, fault = self._prediction(call), call.fault
        if isinstance(fault, EndsAs):
            if fault.status == "succeeded":
                await self._queue.finish(prediction, prediction.fate)
            return json_response(prediction.document() | {"status": fault.status})
        self._queue.end(prediction, EndsAs("canceled"))
        return json_response(prediction.document())

    async def _show_version(self, call: ApiCall) -> HttpResponse:
        facts = _MODELS.get(f"{call.match['owner']}/{call.match['name']}", {})
        if facts.get("version") != call.match["version"]:
            self._reject(404)
        item = {"type": "string", "format": "uri"}
        output = {"type": "array", "items": item} if facts["output"] == "list" else item
        schemas = {"Input": _SCHEMA.definitions[facts["input"]], "Output": output}
        document = {
            "id": facts["version"],
            "created_at": stamp(),
            "cog_version": "0.9.0",
            "openapi_schema": {"components": {"schemas": schemas}},
        }
        return json_response(document)

    def _prediction(self, call: ApiCall) -> Prediction:
        prediction = self._queue.find(call.match["id"])
        if prediction is None:
            self._reject(404)
        return prediction

    def _read(self, call: ApiCall, name: str) -> dict[str, Any]:
        if not isinstance(call.request.body, dict):
            self._reject(400, "The body must be a JSON object.")
        body: dict[str, Any] = _SCHEMA.read(call.request.body, name)
        return body

    def _wait(self, request: Request) -> int | None:
        """How many seconds the request waits for the output, or None."""
        prefer = request.headers.get("Prefer")
        if prefer is None:
            return None
        match = _PREFER.fullmatch(prefer)
        seconds = int(match[1] or _LONGEST_WAIT) if match else 0
        if not 1 <= seconds <= _LONGEST_WAIT:
            self._reject(400, "Prefer takes wait, or wait= with 1 to 60 seconds.")
        return seconds

    def _ends_after(self, request: Request) -> int | None:
        """After how many seconds the vendor ends the work, or None."""
        value = request.headers.get("Cancel-After")
        if value is None:
            return None
        match = _CANCEL_AFTER.fullmatch(value)
        seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
        if not 5 <= seconds <= 24 * 3600:
            self._reject(400, "Cancel-After takes 5 seconds to 24 hours, such as 30s or 1m.")
        return seconds

    def _reject(self, code: int, message: str | None = None, title: str | None = None) -> NoReturn:
        raise RejectedError(self.error(code, message, title))


def _checked(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The input of a model; what does not fit is found below `input`."""
    try:
        fields: dict[str, Any] = _SCHEMA.read(inputs, name)
    except SchemaError as error:
        error.path = f"input.{error.path}"
        raise
    return fields


def _misfit(error: SchemaError) -> tuple[str, str]:
    """The field at fault, and what is wrong with it."""
    parent, _, name = error.path.rpartition(".")
    if error.rule == "required":
        return parent or "(root)", f"{name} is required"
    if error.rule == "unknown":
        return error.path or "(root)", f"Additional property {error.value} is not allowed"
    bound = error.schema.get(error.rule)
    if error.rule == "enum":
        bound = ", ".join(f'"{word}"' for word in error.schema["enum"])
    sentence = _SENTENCES.get(error.rule, "Does not match the pattern '{}'")
    return error.path, sentence.format(bound)


def _size(kind: Kind, aspect: str | None) -> tuple[int, int]:
    """Pixels of a picture or film of that shape."""
    if kind == "video":
        return film_size(aspect or "16:9")
    return _SIZES.get(aspect or "1:1") or film_size(aspect or "1:1", 768)


def _units(order: Order) -> dict[str, int]:
    """What is billed: each picture, started second or character."""
    if order.kind == "image":
        return {"image": order.count}
    if order.kind == "video":
        return {"second": math.ceil(order.seconds)}
    return {"character": len(order.text)}

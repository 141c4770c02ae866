"""Hugging Face's router: its own inference, and what it passes on to fal and Replicate.

What a model makes is told by its name: `tts`, `speech`, `voice`, `kokoro` speak; `video`, `ltx`,
`wan` film; any other draws. Its own inference answers with bytes; fal and Replicate answer with
JSON, whose addresses lead to the file host, and with errors of their own. What fal queues names
`queue.fal.run`, as fal does; a client asks the router all the same. Nothing that is passed on is
billed, since no document names its prices. Not played, and answered with 501: further services,
the Hub.
"""

import asyncio
import base64
import math
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    BadPicture,
    EndsAs,
    Expired,
    PictureAs,
    PromptBlocked,
    Status,
    StreamError,
)
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.films import FilmOrder, shoot
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_KINDS = {"speech": "tts|speech|voice|kokoro", "video": "video|ltx|wan"}
_TASKS = {"image": "text-to-image", "speech": "text-to-speech"}
_FIELDS = {"speech": ("audio", "audio/wav"), "video": ("video", "video/mp4")}
_DATA_URL = re.compile(r"data:[\w/+.-]+;base64,(.*)", re.DOTALL)
_SIZE, _FILM_SIZE, _FILM_SECONDS = (1024, 1024), (512, 288), 2
_SLUG = r"[\w.-]+"
_RUNNING = {"IN_QUEUE", "IN_PROGRESS", "starting", "processing"}


@dataclass(frozen=True)
class _Order:
    """What a model is to make."""

    kind: str
    text: str
    size: tuple[int, int] = _SIZE
    seed: int | None = None
    references: tuple[bytes, ...] = ()
    format: str = "JPEG"


@dataclass(eq=False)
class _Work:
    """What fal or Replicate works on."""

    model: str
    order: _Order
    fault: ApiFault | None
    body: Any
    name: str = field(default_factory=lambda: str(uuid.uuid4()))
    polls: int = 0
    url: str = ""
    end: ApiFault | None = None

    @property
    def runs(self) -> bool:
        """Whether it is neither finished nor otherwise at its end."""
        return not self.url and self.end is None


class HuggingFace(Vendor):
    """The router."""

    name: ClassVar[str] = "huggingface"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Its own inference, at a model or at an endpoint of the user's, fal, and Replicate."""
        self._works: dict[str, _Work] = {}
        fal = rf"(?:/fal-ai)?/(?P<app>{_SLUG}/{_SLUG})/requests/(?P<name>{_SLUG})"
        predictions = "/replicate/v1/predictions"
        named = f"{predictions}/(?P<name>{_SLUG})"
        models = f"/replicate/v1/models/(?P<model>{_SLUG}/{_SLUG})/predictions"
        return (
            Endpoint("POST", "(?:/hf-inference)?/models/(?P<model>.+)", "start", self._infer),
            Endpoint("POST", rf"/fal-ai/(?P<app>{_SLUG}(?:/{_SLUG})+)", "start", self._start_fal),
            Endpoint("GET", f"{fal}/status", "poll", self._poll_fal),
            Endpoint("GET", fal, "poll", self._finish_fal),
            Endpoint("PUT", f"{fal}/cancel", "cancel", self._cancel_fal),
            Endpoint("POST", models, "start", self._predict),
            Endpoint("POST", predictions, "start", self._predict),
            Endpoint("GET", named, "poll", self._poll_prediction),
            Endpoint("POST", f"{named}/cancel", "cancel", self._cancel_prediction),
        )

    def admit(self, request: Request) -> None:
        """As for each vendor; a key is a bearer token."""
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            raise RejectedError(self.key_error(None))
        super().admit(request)

    def error(self, code: int, message: str | None = None, **facts: Any) -> HttpResponse:
        """An error in the router's envelope."""
        usual = _DATA["errors"].get(str(code), "Bad Request")
        return json_response({"error": message or usual, **facts}, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401."""
        return self.error(401)

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """A list of what does not fit, in the words of the service that was asked."""
        entry = problem(error, request.body)
        place = ".".join(map(str, entry["loc"][1:]))
        if request.path.startswith("/fal-ai/"):
            return json_response({"detail": [entry]}, 422)
        if request.path.startswith("/replicate/"):
            fields = [{"type": entry["type"], "field": place, "description": entry["msg"]}]
            facts = {"title": "Input validation failed", "detail": f"- {place}: {entry['msg']}\n"}
            return json_response({**facts, "status": 422, "invalid_fields": fields}, 422)
        return json_response({"error": [f"Error in `{place}`: {entry['msg']}"]}, 400)

    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders; a model that is loaded says for how many seconds."""
        code, message = fault.code, fault.message
        if code in {401, 402}:
            return self.error(code, message)
        if request.path.startswith("/fal-ai/"):
            return json_response({"detail": message or _DATA["errors"].get(str(code), "")}, code)
        if request.path.startswith("/replicate/"):
            return _problem(code, message or _DATA["errors"].get(str(code), ""))
        seconds = float((fault.retry_delay or "20").removesuffix("s"))
        return self.error(code, message, **({"estimated_time": seconds} if code == 503 else {}))

    async def _infer(self, call: ApiCall) -> HttpResponse:
        """The bytes of what the router makes itself."""
        kind, body = self._kind(call.match["model"]), call.request.body
        if kind not in _TASKS:
            self._reject(self.error(400, "The task is not supported by hf-inference."))
        is_edit = isinstance(body, dict) and "prompt" in (body.get("parameters") or {})
        task = "image-to-image" if is_edit and kind == "image" else _TASKS[kind]
        fields = _SCHEMA.read(body, task)
        if isinstance(call.fault, StreamError):
            self._reject(self.error(call.fault.code, call.fault.message))
        options = fields.get("parameters", {})
        references = (fields["inputs"],) if is_edit else ()
        order = _Order(
            kind,
            options["prompt"] if is_edit else fields["inputs"],
            _sides(options.get("target_size", options)),
            options.get("seed"),
            references,
            "PNG" if call.request.headers.get("Accept") == "image/png" else "JPEG",
        )
        data, mime_type = await self._make(order, call.fault)
        return HttpResponse(data, headers={"Content-Type": mime_type})

    async def _start_fal(self, call: ApiCall) -> HttpResponse:
        """The result of fal at once, or the place of a request in its queue."""
        app = call.match["app"]
        fields = _SCHEMA.read(call.request.body, f"fal-{self._kind(app)}")
        size = fields.get("image_size", {})
        order = _Order(
            self._kind(app),
            fields.get("prompt", fields.get("text", "")),
            _DATA["sizes"].get(size, _SIZE) if isinstance(size, str) else _sides(size),
            fields.get("seed"),
            _inline(fields),
        )
        work = _Work(app, order, call.fault, fields)
        if call.request.query.get("_subdomain") == "queue":
            self._works[work.name] = work
            place = f"https://queue.fal.run/{'/'.join(app.split('/')[:2])}/requests/{work.name}"
            urls = {f"{name}_url": f"{place}/{name}" for name in ("status", "cancel")}
            urls["response_url"] = place
            state = {"status": "IN_QUEUE", "request_id": work.name, "queue_position": 0}
            return json_response({**state, **urls})
        await self._end(work, call.fault)
        return self._fal_result(work)

    async def _poll_fal(self, call: ApiCall) -> HttpResponse:
        work = self._fal_work(call)
        await self._look(work, call.fault)
        if not work.runs:
            return json_response({"status": "COMPLETED", "logs": [], "request_id": work.name})
        state: dict[str, Any] = {"status": "IN_PROGRESS", "logs": []}
        if work.polls < min(2, self.settings.looks):
            state = {"status": "IN_QUEUE", "queue_position": 0}
        return json_response({**state, "request_id": work.name}, 202)

    async def _finish_fal(self, call: ApiCall) -> HttpResponse:
        work = self._fal_work(call)
        if work.runs:
            return json_response({"detail": "Request is still in progress"}, 400)
        return self._fal_result(work)

    async def _cancel_fal(self, call: ApiCall) -> HttpResponse:
        work = self._fal_work(call)
        if not work.runs:
            return json_response({"status": "ALREADY_COMPLETED"}, 400)
        work.end = EndsAs("cancelled", message="Request was cancelled")
        return json_response({"status": "CANCELLATION_REQUESTED"}, 202)

    def _fal_work(self, call: ApiCall) -> _Work:
        """The request that is asked for; without the query, the router asks another host."""
        work = self._works.get(call.match["name"])
        if work is None or call.request.query.get("_subdomain") != "queue":
            self._reject(json_response({"detail": "Not found"}, 404))
        return work

    def _fal_result(self, work: _Work) -> HttpResponse:
        match work.end:
            case PromptBlocked():
                return json_response({"detail": [{**_DATA["flagged"], "input": work.body}]}, 422)
            case StreamError(code, message):
                return json_response({"detail": message}, code)
            case EndsAs(message=message):
                return json_response({"detail": message or "Internal server error"}, 500)
        width, height = work.order.size
        if work.order.kind in _FIELDS:
            name, mime_type = _FIELDS[work.order.kind]
            return json_response({name: {"url": work.url, "content_type": mime_type}})
        facts = {"width": width, "height": height, "content_type": "image/jpeg"}
        image = {"url": work.url, **facts}
        facts = {"seed": work.order.seed or 0, "has_nsfw_concepts": [False]}
        return json_response({"images": [image], **facts, "prompt": work.order.text})

    async def _predict(self, call: ApiCall) -> HttpResponse:
        """A prediction of Replicate, done if the request waits for it."""
        fields = _SCHEMA.read(call.request.body, "replicate")
        model = call.match.groupdict().get("model") or fields.get("version")
        if model is None:
            raise SchemaError("required", "version", None, {})
        options = fields["input"]
        text = options.get("text", options.get("prompt"))
        if not isinstance(text, str):
            raise SchemaError("required", "input.prompt", None, {})
        kind = "speech" if "text" in options else self._kind(model)
        order = _Order(kind, text, _sides(options), options.get("seed"), _inline(options))
        work = _Work(model, order, call.fault, options)
        self._works[work.name] = work
        if call.request.headers.get("Prefer", "").startswith("wait"):
            await self._end(work, call.fault)
        return json_response(self._prediction(work), 201)

    async def _poll_prediction(self, call: ApiCall) -> HttpResponse:
        work = self._prediction_work(call)
        await self._look(work, call.fault)
        return json_response(self._prediction(work))

    async def _cancel_prediction(self, call: ApiCall) -> HttpResponse:
        work = self._prediction_work(call)
        if work.runs:
            work.end = EndsAs("canceled")
        return json_response(self._prediction(work))

    def _prediction_work(self, call: ApiCall) -> _Work:
        work = self._works.get(call.match["name"])
        if work is None:
            self._reject(_problem(404, "The requested resource could not be found."))
        return work

    def _prediction(self, work: _Work) -> dict[str, Any]:
        status, error = ("starting" if work.polls < 2 else "processing"), None
        match work.end:
            case PromptBlocked():
                status, error = "failed", "NSFW content detected. Try running it again."
            case StreamError(message=message):
                status, error = "failed", message
            case EndsAs(word, message=message):
                status, error = word, message
        output: Any = [work.url] if work.order.kind == "image" else work.url
        place = f"{self.origin()}/replicate/v1/predictions/{work.name}"
        return {
            "id": work.name,
            "model": work.model,
            "version": "hidden",
            "status": "succeeded" if work.url else status,
            "input": work.body,
            "output": output if work.url else None,
            "error": error,
            "logs": "",
            "urls": {"get": place, "cancel": f"{place}/cancel"},
        }

    async def _look(self, work: _Work, fault: ApiFault | None) -> None:
        """Take one poll into account, or one that ends the work now."""
        work.polls += 1
        if work.runs and (isinstance(fault, EndsAs) or work.polls > self.settings.looks):
            await self._end(work, fault)

    async def _end(self, work: _Work, fault: ApiFault | None) -> None:
        """Bring *work* to its end, which a fault may order; or to none."""
        fate = fault if isinstance(fault, EndsAs) else work.fault
        if isinstance(fate, EndsAs) and fate.status in _RUNNING:
            return
        if isinstance(fate, EndsAs | PromptBlocked | StreamError):
            work.end = fate
            return
        data, mime_type = await self._make(work.order, fate)
        is_over = isinstance(fate, Expired) or isinstance(fault, Expired)
        file = HostedFile(data, mime_type, ends=time.monotonic() if is_over else math.inf)
        work.url = self.files_origin() + self.settings.file_host.host(file)

    async def _make(self, order: _Order, fault: ApiFault | None) -> tuple[bytes, str]:
        """What a model makes, and its type."""
        for reference in order.references:
            try:
                await self.settings.pictures.look(reference)
            except NotAPictureError:
                self._reject(self.error(400, "cannot identify image file"))
        if order.kind == "speech":
            samples = await asyncio.to_thread(speak, [Utterance(order.text, "router")])
            return wav(samples), "audio/wav"
        form = fault.format.upper() if isinstance(fault, PictureAs) else order.format
        picture = PictureOrder(
            order.text, *order.size, order.seed, order.references, form, exact=True
        )
        if order.kind == "video":
            still = (await self.settings.pictures.make(picture)).data
            film = FilmOrder(order.text, still, *_FILM_SIZE, _FILM_SECONDS)
            if self.settings.film is not None:
                return self.settings.film, "video/mp4"
            return await asyncio.to_thread(shoot, film), "video/mp4"
        spoilt = fault if isinstance(fault, BadPicture) else None
        data = base64.b64decode(await self.settings.pictures.base64(picture, spoilt))
        return data, f"image/{form.lower()}"

    def _kind(self, model: str) -> str:
        """What a model makes.

        Raises:
            RejectedError: It has ended.
        """
        if model in self.settings.ended:
            self._reject(self.error(404, f"Model {model} does not exist"))
        found = (kind for kind, words in _KINDS.items() if re.search(words, model, re.IGNORECASE))
        return next(found, "image")

    def _reject(self, response: HttpResponse) -> NoReturn:
        raise RejectedError(response)


def _problem(code: int, message: str) -> HttpResponse:
    """An error as Replicate tells it."""
    return json_response(
        {"title": HTTPStatus(code).phrase, "detail": message, "status": code}, code
    )


def _sides(fields: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height, where they are told."""
    width, height = fields.get("width", _SIZE[0]), fields.get("height", _SIZE[1])
    return int(width), int(height)


def _inline(fields: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The pictures that lie in data URLs among *fields*, each once."""
    texts = [
        text
        for value in fields.values()
        for text in (value if isinstance(value, list) else [value])
    ]
    found = [_DATA_URL.fullmatch(text) for text in texts if isinstance(text, str)]
    return tuple(dict.fromkeys(base64.b64decode(match[1]) for match in found if match))

"""OpenRouter: pictures, speech and films of many vendors on one key; its catalog and its bills.

Shapes and limits are those of its SDK (1.3.84), errors those of recorded traffic; schemas, models
and prices stand in `openrouter.json`. What an answer says it cost is what the meter bills. A stream
that fails is billed as if it were whole. Not played, and answered with 501: vector pictures, and
pictures by the chat route.
"""

import json
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, NoReturn

from mediatoolkit.simulator.api_faults import ApiFault, PromptBlocked, Status, StreamError
from mediatoolkit.simulator.films import film_size
from mediatoolkit.simulator.http import HttpResponse, Request, event_stream, json_response
from mediatoolkit.simulator.openai_shaped import (
    Film,
    OpenAIShaped,
    pixels,
    pixels_of,
    sound_response,
    spoken,
)
from mediatoolkit.simulator.pictures import PictureOrder
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.sounds import RATE, Utterance
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError

_DATA = data_beside(__file__)
_SIDES = {"512": 512, "768": 768, "1K": 1024, "1.5K": 1536, "2K": 2048, "4K": 4096}
_SHORT = {"1K": 1024, "2K": 1440, "4K": 2160}  # sides of a film that no `720p` names
_REFERENCE_TOKENS = 323
_NO_FILM = "Video generation not found."
_DAY = 86_400  # seconds
_STATES = ("pending", "in_progress", "completed")
_FORMS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


class _Drawing(NamedTuple):
    """A request for pictures: what each one is, how many, and the tokens of all."""

    order: PictureOrder
    number: int
    units: Mapping[str, int]


class OpenRouter(OpenAIShaped):
    """The vendor."""

    name: ClassVar[str] = "openrouter"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, speech, films, and what it says of models, credits and costs."""
        self._generations: dict[str, Mapping[str, Any]] = {}
        base, model = "/api/v1", "(?P<model>[^/]+/[^/]+)"
        return (
            Endpoint("POST", f"{base}/images", "start", self._draw),
            Endpoint("POST", f"{base}/audio/speech", "start", self._speak),
            Endpoint("POST", f"{base}/videos", "start", self._film),
            Endpoint("GET", f"{base}/(?:(?P<kind>image|video)s/)?models", "list", self._models),
            Endpoint("GET", f"{base}/images/models/{model}/endpoints", "list", self._offers),
            Endpoint("GET", f"{base}/videos/(?P<id>[^/]+)", "poll", self._poll),
            Endpoint("GET", f"{base}/videos/(?P<id>[^/]+)/content", "download", self._content),
            Endpoint("GET", f"{base}/generation", "list", self._generation),
            Endpoint("GET", f"{base}/credits", "list", self._credits),
            Endpoint("POST", f"{base}/images/generations", "start", self._not_found),
        )

    def headers(self, request: Request) -> dict[str, str]:
        """The limits of the key, where there are some; the reset is in milliseconds since 1970."""
        rate = self.rate(request.key)
        if rate is None:
            return {}
        reset = math.ceil((time.time() + rate.reset) * 1000)
        limits = {"Limit": self.settings.per_minute, "Remaining": rate.remaining, "Reset": reset}
        return {f"X-RateLimit-{name}": str(value) for name, value in limits.items()}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head, in seconds."""
        return Status(429, retry_after=str(math.ceil(seconds)), quota=per_minute)

    def error(
        self, code: int, message: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        """An error whose code is the status."""
        usual = _DATA["messages"].get(str(code), f"The request failed with status {code}.")
        error: dict[str, Any] = {"code": code, "message": message or usual}
        if metadata is not None:
            error["metadata"] = metadata
        return json_response({"error": error, "user_id": "user_1"}, code)

    def key_error(self, key: str | None) -> HttpResponse:
        """401."""
        return self.error(401, None if key is None else "User not found.")

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """400 that names the field."""
        field = error.value if error.rule == "unknown" else error.path
        return self.error(400, f"Invalid request: '{field}' breaks the rule '{error.rule}'.")

    def status_fault(self, fault: Status, request: Request) -> HttpResponse:
        """The error that *fault* orders; the limits stand in its metadata, too."""
        metadata: dict[str, Any] | None = None
        if fault.code == 429:
            metadata = {"headers": self.headers(request), "provider_name": None}
        return self.error(fault.code, fault.message, metadata)

    def blocked(self, fault: PromptBlocked, fields: Mapping[str, Any]) -> HttpResponse:
        """403 with what was flagged."""
        usual = "Your chosen model requires moderation and your input was flagged"
        text = str(fields.get("prompt", fields.get("input", "")))
        metadata = {
            "reasons": [fault.reason.lower()],
            "flagged_input": text if len(text) <= 100 else f"{text[:50]}...{text[-47:]}",
            "provider_name": _provider(fields["model"]),
            "model_slug": fields["model"],
        }
        return self.error(403, fault.message or usual, metadata)

    def no_model(self, model: str) -> HttpResponse:
        """404: nobody serves it so."""
        return self.error(404, f"No endpoints found for {model}.")

    async def _not_found(self, _call: ApiCall) -> HttpResponse:
        return self.error(404)

    async def _draw(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "ImageGenerationRequest", policy=False)
        facts = self.model(fields["model"], "image")
        streams = bool(fields.get("stream") and facts.get("streams"))
        drawing = await self._drawing(fields, facts)
        if not streams:
            self.judge(call.fault, fields)
        name = self._name("img")
        if streams:
            events = [event async for event in self._events(call, drawing, name, fields["model"])]
            lines = [("", json.dumps(event)) for event in events]
            return event_stream([*lines, ("", "[DONE]")], self.settings.newline)
        data = [await self._picture(drawing, call.fault) for _ in range(drawing.number)]
        usage = self._usage(call, drawing, name, fields["model"])
        document = {"created": int(time.time()), "data": data, "usage": usage}
        return json_response(document, headers={"X-Generation-Id": name})

    async def _drawing(self, fields: Mapping[str, Any], facts: Mapping[str, Any]) -> _Drawing:
        form = fields.get("output_format", "png")
        if form not in _FORMS:
            self.refuse_unplayed(f"the format {form}")
        if fields.get("background") == "transparent" and form == "jpeg":
            self.reject("background 'transparent' requires an output_format of png or webp.")
        size, tier = self._size(fields)
        parts = fields.get("input_references", ())
        seen = await self.references((part["image_url"]["url"] for part in parts), "image_url")
        order = PictureOrder(
            fields["prompt"],
            *size,
            fields.get("seed"),
            seen,
            _FORMS[form],
            exact=True,
            cut_out=fields.get("background") == "transparent",
        )
        number = fields.get("n", 1)
        units = {
            "input_text": len(fields["prompt"]) // 4 + 1,
            "input_image": _REFERENCE_TOKENS * len(parts),
            "output_image": facts.get("tokens", {}).get(tier, 1120) * number,
        }
        return _Drawing(order, number, units)

    def _size(self, fields: Mapping[str, Any]) -> tuple[tuple[int, int], str]:
        """Pixels, and their tier."""
        size, aspect = fields.get("size", ""), fields.get("aspect_ratio", "auto")
        tier = fields.get("resolution")
        explicit = pixels_of(size)
        if explicit is not None:
            nearest = min(_SIDES, key=lambda name: abs(_SIDES[name] ** 2 - math.prod(explicit)))
            if tier not in (None, nearest):
                self.reject(f"size '{size}' does not match resolution '{tier}'.")
            if aspect != "auto" and abs(_ratio(aspect) * explicit[1] / explicit[0] - 1) > 0.02:
                self.reject(f"size '{size}' does not match aspect_ratio '{aspect}'.")
            return explicit, nearest
        if size and tier not in (None, size):
            self.reject(f"size '{size}' does not match resolution '{tier}'.")
        tier = size or tier or "1K"
        return pixels("1:1" if aspect == "auto" else aspect, _SIDES[tier] ** 2), tier

    async def _picture(self, drawing: _Drawing, fault: ApiFault | None) -> dict[str, str]:
        text = await self.base64(drawing.order, fault)
        return {"b64_json": text, "media_type": f"image/{drawing.order.format.lower()}"}

    async def _events(
        self, call: ApiCall, drawing: _Drawing, name: str, model: str
    ) -> AsyncIterator[dict[str, Any]]:
        """One partial picture, then the whole ones or what went wrong."""
        kind = "image_generation"
        text = await self.base64(drawing.order, None)
        yield {"type": f"{kind}.partial_image", "b64_json": text, "partial_image_index": 0}
        if isinstance(call.fault, PromptBlocked):
            message = call.fault.message or "blocked by safety system"
            yield {"type": "error", "error": {"message": message, "code": "moderation_blocked"}}
            return
        usage = self._usage(call, drawing, name, model)
        if isinstance(call.fault, StreamError):
            error = {"message": call.fault.message, "code": str(call.fault.code)}
            yield {"type": "error", "error": error}
            return
        for _ in range(drawing.number):
            whole = await self._picture(drawing, call.fault)
            facts = {"created": int(time.time()), "usage": usage}
            yield {"type": f"{kind}.completed", **whole, **facts}

    def _usage(self, call: ApiCall, drawing: _Drawing, name: str, model: str) -> dict[str, Any]:
        """Bill the pictures, and say what they cost."""
        cost = self._bill(call, name, model, drawing.units)
        text, seen, drawn = drawing.units.values()
        return {
            "prompt_tokens": text + seen,
            "completion_tokens": drawn,
            "total_tokens": text + seen + drawn,
            "cost": cost,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": None},
            "completion_tokens_details": {"image_tokens": drawn},
        }

    async def _speak(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "SpeechRequest")
        facts = self.model(fields["model"], "speech")
        text = fields["input"]
        turns = [{"text": text}] if isinstance(text, str) else text
        if not isinstance(text, str) and not facts.get("turns"):
            self._refuse_upstream(fields["model"], "Multi-speaker input is not supported")
        if not any(turn["text"].strip() for turn in turns):
            self.reject("Invalid request: 'input' is empty.")
        utterances = [self._utterance(turn, fields, facts) for turn in turns]
        form, name = fields.get("response_format", "pcm"), self._name("tts")
        data = await spoken(utterances, form)
        count = sum(len(turn["text"]) for turn in turns)
        self._bill(call, name, fields["model"], {"character": count})
        response = sound_response(data, form, X_Generation_Id=name)
        if form == "mp3":
            return response
        kind = {"Content-Type": f"audio/pcm;rate={RATE};channels=1"}
        return HttpResponse(data, 200, {**response.headers, **kind})

    def _utterance(
        self, turn: Mapping[str, str], fields: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> Utterance:
        voice = turn.get("voice", fields.get("voice", ""))
        if voice and voice not in facts.get("voices", [voice]):
            self._refuse_upstream(fields["model"], "Voice not supported")
        return Utterance(turn["text"], voice, turn.get("instructions", ""))

    def _refuse_upstream(self, model: str, message: str) -> NoReturn:
        metadata = {"provider_name": _provider(model), "raw": "{}"}
        raise RejectedError(self.error(400, message, metadata))

    async def _film(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "VideoGenerationRequest")
        facts = self.model(fields["model"], "video")
        size = self._film_size(fields, facts.get("listing", {}))
        seconds = fields.get("duration", 4)
        parts = [*fields.get("frame_images", ()), *fields.get("input_references", ())]
        if not fields.get("prompt") and not parts:
            self.reject("Invalid request: 'prompt' breaks the rule 'required'.")
        addresses = [part["image_url"]["url"] for part in parts if "image_url" in part]
        seen = await self.references(addresses, "image_url")
        text = fields.get("prompt", "film")
        unit = "second" if fields.get("generate_audio", True) else "silent_second"
        order = PictureOrder(text, *size, fields.get("seed"), seen)
        units, name = {unit: seconds}, self._name("vid")
        film = self.start_film(call, fields["model"], order, seconds=seconds, units=units, id=name)
        return json_response(self._body(film), 202)

    def _film_size(self, fields: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[int, int]:
        for name in {"resolution", "aspect_ratio", "size", "duration"} & fields.keys():
            if fields[name] not in facts.get(f"supported_{name}s", [fields[name]]):
                self.reject(f"{name} '{fields[name]}' is not supported by {fields['model']}.")
        aspect, tier = fields.get("aspect_ratio", "16:9"), fields.get("resolution", "720p")
        size = film_size(aspect, _SHORT.get(tier) or int(tier.removesuffix("p")))
        explicit = pixels_of(fields.get("size", ""))
        if explicit and {"aspect_ratio", "resolution"} & fields.keys() and explicit != size:
            self.reject(f"size '{fields['size']}' does not match resolution and aspect_ratio.")
        return explicit or size

    async def _poll(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, _NO_FILM)
        await self.films.look(film, call.fault)
        return json_response(self._body(film))

    def _body(self, film: Film) -> dict[str, Any]:
        path = f"/api/v1/videos/{film.id}"
        job = {"id": film.id, "polling_url": path, "status": film.status(*_STATES)}
        if film.end is not None and film.end.message is not None:
            job["error"] = film.end.message
        if film.data is None:
            return job
        cost = float(film.bill.usd)
        self._note(film.id, film.bill.model, cost)
        return {
            **job,
            "generation_id": film.id,
            "unsigned_urls": [f"{self.origin()}{path}/content?index=0"],
            "urls": [self.film_url(film)],
            "expires_at": film.created + _DAY,
            "usage": {"cost": cost, "is_byok": False},
        }

    async def _content(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, _NO_FILM)
        if film.end is not None and film.end.status == "expired":
            self.reject("expired", 410)
        if film.data is None:
            self.reject("not completed", 409)
        if call.request.query.get("index", "0") != "0":
            self.reject("There is no such output.", 404)
        if self.settings.redirects is True:
            return HttpResponse(b"", 302, {"Location": self.film_url(film)})
        return HttpResponse(film.data, 200, {"Content-Type": "video/mp4"})

    def _name(self, kind: str) -> str:
        return f"gen-{kind}-{int(time.time())}-{next(self.numbers):020d}"

    def _bill(self, call: ApiCall, name: str, model: str, units: Mapping[str, int]) -> float:
        cost = self.bill(call, model, units)
        self._note(name, model, cost)
        return cost

    def _note(self, name: str, model: str, cost: float) -> None:
        facts = {"created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        told = {"id": name, "model": model, "total_cost": cost, "usage": cost, **facts}
        self._generations[name] = {**_DATA["generation"], **told}

    async def _generation(self, call: ApiCall) -> HttpResponse:
        name = call.request.query.get("id", "")
        if name not in self._generations:
            self.reject(f"Generation {name} not found", 404)
        return json_response({"data": self._generations[name]})

    async def _credits(self, _call: ApiCall) -> HttpResponse:
        used = float(self.settings.meter.of(self.name).total)
        return json_response({"data": {"total_credits": 10.0, "total_usage": used}})

    async def _models(self, call: ApiCall) -> HttpResponse:
        kind = call.match["kind"] or call.request.query.get("output_modalities")
        facts = (each for each in _DATA["models"].values() if each["makes"] == kind)
        return json_response({"data": [each["listing"] for each in facts]})

    async def _offers(self, call: ApiCall) -> HttpResponse:
        model = call.match["model"]
        offer = self.model(model, "image").get("offer")
        return json_response({"id": model, "endpoints": [offer] if offer else []})


def _ratio(aspect: str) -> float:
    across, down = map(float, aspect.split(":"))
    return across / down


def _provider(model: str) -> str:
    """Who serves *model*."""
    return str(_DATA["models"].get(model, {}).get("provider", "Acme"))

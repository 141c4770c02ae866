"""xAI: pictures, edits and films by JSON, with the cost in ticks of 1e-10 USD.

Shapes and errors are those of recorded traffic; schemas, models and prices stand in `xai.json`.
Which quality and size of the newest pictures costs what is fitted to the range that is known. Not
played, and answered with 501: speech; gRPC is not spoken. A film that is edited or extended is
taken, and not seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from mediatoolkit.simulator.api_faults import ApiFault, Moderated, PromptBlocked, Status
from mediatoolkit.simulator.films import film_size
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.meter import BilledRequest
from mediatoolkit.simulator.openai_shaped import Film, OpenAIShaped, pixels
from mediatoolkit.simulator.pictures import PictureOrder
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError

_DATA = data_beside(__file__)
_TICKS = 10_000_000_000  # in a dollar
_SIDES = {"1k": 1024, "2k": 2048}
_SECONDS = {"VideoRequest": 5, "VideoEdit": 5, "VideoExtension": 6}  # where none are asked for
_NO_JSON = "Expected request with `Content-Type: application/json`"
_GUIDELINES = "Content violates usage guidelines"


class _Slot(NamedTuple):
    """A request for pictures: how each one is to come."""

    order: PictureOrder
    is_inline: bool


class XAI(OpenAIShaped):
    """The vendor."""

    name: ClassVar[str] = "xai"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, edits, films, and the lists of models."""
        videos = "/v1/videos"
        return (
            Endpoint("POST", "/v1/images/generations", "start", self._draw),
            Endpoint("POST", "/v1/images/edits", "start", self._edit),
            Endpoint(
                "POST", f"{videos}/(?P<way>generations|edits|extensions)", "start", self._film
            ),
            Endpoint("GET", f"{videos}/(?P<id>[^/]+)", "poll", self._poll),
            Endpoint("GET", "/v1/image-generation-models", "list", self._list_image_models),
            Endpoint("GET", "/v1/models", "list", self._list_models),
        )

    def rate_fault(self, _seconds: float, per_minute: int) -> Status:
        """No document says that the vendor tells how long to wait."""
        return Status(429, quota=per_minute)

    def error(
        self, code: int, message: str | None = None, word: str | None = None, **facts: Any
    ) -> HttpResponse:
        """A flat error; its code is a sentence."""
        usual = _DATA["messages"].get(str(code), ("Internal error", f"Status {code}."))
        document = {"code": word or usual[0], "error": message or usual[1], **facts}
        return json_response(document, code)

    def key_error(self, key: str | None) -> HttpResponse:
        """A wrong key is 400, and quoted without its middle; a missing one is 401."""
        if key is None:
            return self.error(401)
        return self.error(400, f"Incorrect API key provided: {key[:2]}***{key[-2:]}.")

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """400 that names the argument."""
        if error.rule == "unknown":
            return self.error(400, f"Argument not supported: {error.value}")
        return self.error(400, f"Argument '{error.path}' breaks the rule '{error.rule}'.")

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    def blocked(self, fault: PromptBlocked, _fields: Mapping[str, Any]) -> HttpResponse:
        """403: the input is refused."""
        return self.error(403, fault.message or _GUIDELINES)

    def no_model(self, model: str) -> HttpResponse:
        """404."""
        text = f"The model {model} does not exist or your team does not have access to it."
        return self.error(404, text)

    def read(self, call: ApiCall, name: str, *, policy: bool = True) -> Any:
        """As everywhere; a body that is no JSON is 415."""
        if not isinstance(call.request.body, dict):
            self.reject(_NO_JSON, 415)
        return super().read(call, name, policy=policy)

    async def _draw(self, call: ApiCall) -> HttpResponse:
        return await self._pictures(call, self.read(call, "ImageRequest"), ())

    async def _edit(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "ImageEdit")
        if ("image" in fields) == ("images" in fields):
            self.reject("Give exactly one of 'image' and 'images'.")
        sources = fields.get("images") or [fields["image"]]
        most = self.model(fields["model"], "image").get("inputs", 5)
        if not 1 <= len(sources) <= most:
            self.reject(f"{fields['model']} takes at most {most} input images.")
        seen = await self.references((source["url"] for source in sources), "image")
        return await self._pictures(call, fields, seen, len(sources))

    async def _pictures(
        self, call: ApiCall, fields: Mapping[str, Any], seen: tuple[bytes, ...], inputs: int = 0
    ) -> HttpResponse:
        facts = self.model(fields["model"], "image")
        if "quality" in fields and not facts.get("qualities"):
            self.reject("Argument not supported: quality")
        if isinstance(call.fault, Moderated) and call.fault.form in {"rejected", "coded"}:
            raise RejectedError(self._rejection(call.fault.form, "image"))
        tier, aspect = fields.get("resolution", "1k"), fields.get("aspect_ratio", "auto")
        size = pixels("1:1" if aspect == "auto" else aspect, _SIDES[tier] ** 2)
        order = PictureOrder(fields["prompt"], *size, None, seen)
        slot = _Slot(order, fields.get("response_format") == "b64_json")
        number = fields.get("n", 1)
        data = [await self._picture(slot, call.fault) for _ in range(number)]
        if call.fault == Moderated("slot"):
            data[0] = {"url": "", "respect_moderation": False}
        if call.fault == Moderated("empty"):
            data = []
        quality = f"{fields.get('quality', 'medium')}_" if facts.get("qualities") else ""
        units = {f"image_{quality}{tier}": number}
        if facts.get("qualities"):
            units["input_image"] = inputs
        record = self.tariff.bill(fields["model"], call.request.path, units)
        call.meter.add(record)
        return json_response({"data": data, "usage": _usage(record)})

    async def _picture(self, slot: _Slot, fault: ApiFault | None) -> dict[str, Any]:
        if slot.is_inline:
            text = await self.base64(slot.order, fault)
            return {"b64_json": text, "mime_type": "image/jpeg", "respect_moderation": True}
        url, mime_type = await self.hosted(slot.order, fault)
        facts = {"revised_prompt": "", "respect_moderation": True}
        return {"url": url, "mime_type": mime_type, **facts}

    async def _film(self, call: ApiCall) -> HttpResponse:
        name = {"generations": "VideoRequest", "edits": "VideoEdit"}
        schema = name.get(call.match["way"], "VideoExtension")
        fields = self.read(call, schema)
        facts = self.model(fields["model"], "video")
        if schema == "VideoExtension" and not facts.get("extends"):
            self.reject(f"{fields['model']} does not extend videos.")
        tier = fields.get("resolution", "480p")
        if tier not in facts.get("resolutions", [tier]):
            self.reject(f"{fields['model']} does not support the resolution {tier}.")
        first = [fields["image"]] if "image" in fields else []
        sources = [*first, *fields.get("reference_images", ())]
        seen = await self.references((source["url"] for source in sources), "image")
        seconds = fields.get("duration", _SECONDS[schema])
        size = film_size(fields.get("aspect_ratio", "16:9"), int(tier.removesuffix("p")))
        units = {f"second_{tier}": seconds, "input_image": len(sources)}
        order = PictureOrder(fields["prompt"], *size, None, seen)
        film = self.start_film(call, fields["model"], order, seconds=seconds, units=units)
        return json_response({"request_id": film.id})

    async def _poll(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, "Not found")
        await self.films.look(film, call.fault)
        if film.end is not None:
            return self._end(film)
        usage = {"model": film.bill.model, "usage": _usage(film.bill), "progress": 100}
        if film.data is not None:
            facts = {"url": self.film_url(film), "duration": film.seconds}
            return json_response(
                {"status": "done", "video": {**facts, "respect_moderation": True}, **usage}
            )
        if film.polls == 1:
            return HttpResponse(b"", 202)
        return json_response({"status": "pending", "progress": film.progress}, 202)

    def _end(self, film: Film) -> HttpResponse:
        """Any other end; one is an error that tells what it costs."""
        end = film.end
        assert end is not None  # noqa: S101 - the caller has looked
        if end.status == "moderated" and end.code in {"rejected", "coded"}:
            return self._rejection(end.code, "video", _usage(film.bill))
        if end.status == "moderated":
            video = {"url": "", "duration": 0, "respect_moderation": False}
            return json_response({"status": "done", "video": video})
        document: dict[str, Any] = {"status": end.status}
        if end.status == "failed":
            document["progress"] = 0
            document["error"] = {"code": end.code, "message": end.message or "Failed"}
        return json_response(document)

    def _rejection(
        self, form: str, kind: str, usage: Mapping[str, int] | None = None
    ) -> HttpResponse:
        if form == "coded":
            return self.error(400, "Content moderated", "imagine:content-moderated")
        facts: dict[str, Any] = {} if usage is None else {"usage": usage}
        return self.error(400, f"Generated {kind} rejected by content moderation.", **facts)

    async def _list_image_models(self, _call: ApiCall) -> HttpResponse:
        return json_response({"models": _listings()})

    async def _list_models(self, _call: ApiCall) -> HttpResponse:
        return json_response({"object": "list", "data": _listings()})


def _listings() -> list[dict[str, Any]]:
    """What the vendor says of its models for pictures."""
    return [
        {"id": name, **_DATA["listing"], "image_price": facts["image_price"]}
        for name, facts in _DATA["models"].items()
        if facts["makes"] == "image"
    ]


def _usage(record: BilledRequest) -> dict[str, int]:
    return {"cost_in_usd_ticks": int(record.usd * _TICKS)}

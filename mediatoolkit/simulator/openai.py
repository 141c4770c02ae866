"""OpenAI's pictures: generations, edits, batches of both, and the list of models.

Shapes, limits and errors are those of OpenAI's published specification (2026-08-21) and of recorded
traffic; schemas and models stand in `openai.json`. Not played, and answered with 501: animated and
vector formats, pictures to edit that lie at an address, everything beside pictures.

`openai.json` says which models cost less in a batch; those whose price in a batch nobody lists cost
there what they cost alone.
"""

import base64
import json
import math
import mimetypes
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar, NamedTuple, NoReturn

from mediatoolkit.simulator.api_faults import ApiFault, PromptBlocked, Status, StreamError
from mediatoolkit.simulator.http import FormPart, HttpResponse, Request, event_stream, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.openai_batches import OpenAIBatches, OpenAIFiles
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_FORM = replace(_SCHEMA, form=True)
_MODELS: dict[str, str | None] = _DATA["models"]  # and the day each ends
_SIZES = {"auto", "1024x1024", "1536x1024", "1024x1536"}  # of every model
_DATA_URL = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)
_FILE_TYPES = {"image/png", "image/jpeg", "image/webp"}
_CAPS = {"image": 50 << 20, "mask": 4 << 20}  # bytes
_REFERENCE_TOKENS, _PARTIAL_TOKENS = 323, 100
_SOURCES = ("images", "mask")  # of an edit by JSON
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class _Generation(NamedTuple):
    """One request for pictures: what is asked for, what goes wrong, what `auto` means.

    No document says whether a mask counts as a picture that goes in; it does here.
    """

    fields: Mapping[str, Any]
    files: Sequence[FormPart]
    fault: ApiFault | None
    auto: Mapping[str, str]

    @property
    def echo(self) -> dict[str, str]:
        """What an answer says of the options, with every `auto` decided."""
        options: dict[str, str] = _DATA["usual"] | self.auto
        model = self.fields["model"]
        if options["quality"] not in _qualities(model):
            options["quality"] = "high"
        if _is_old(model) and options["size"] not in _SIZES:
            options["size"] = "1024x1024"
        return {
            name: usual if self.fields.get(name, "auto") == "auto" else self.fields[name]
            for name, usual in options.items()
        }

    @property
    def images(self) -> tuple[bytes, ...]:
        """The pictures to edit."""
        return tuple(part.data for part in self.files if part.name != "mask")

    @property
    def size(self) -> tuple[int, int]:
        """Pixels."""
        width, height = self.echo["size"].split("x")
        return int(width), int(height)

    def units(self, *, failed: bool = False) -> dict[str, int]:
        """Tokens by direction and modality: all, or those up to the failure of a stream."""
        partial = self.fields.get("partial_images", 0)
        whole = 0 if failed else self.fields.get("n", 1)
        if failed and not partial:
            return {}
        each = _picture_tokens(self.fields["model"], self.echo["quality"], *self.size)
        return {
            "input_text": len(self.fields["prompt"]) // 4 + 1,
            "input_image": _REFERENCE_TOKENS * len(self.files),
            "output_image": each * whole + _PARTIAL_TOKENS * partial,
        }

    def usage(self) -> dict[str, Any]:
        """The same, as the vendor tells it."""
        text, seen, drawn = self.units().values()
        return {
            "input_tokens": text + seen,
            "input_tokens_details": {"text_tokens": text, "image_tokens": seen},
            "output_tokens": drawn,
            "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0},
            "total_tokens": text + seen + drawn,
        }


class OpenAI(Vendor):
    """The vendor."""

    name: ClassVar[str] = "openai"
    body_cap: ClassVar[int] = 512 << 20  # bytes, of a file that is uploaded

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Generations, edits, files, batches, and the models."""
        self._numbers = count(1)
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._files = OpenAIFiles(self._reject)
        batches = OpenAIBatches(
            self.settings, self._files, self.respond, self._reject, _DATA["batch_prices"]
        )
        return (
            Endpoint("POST", "/v1/images/generations", "start", self._generate),
            Endpoint("POST", "/v1/images/edits", "start", self._edit),
            Endpoint("GET", "/v1/models", "list", self._list_models),
            Endpoint("GET", "/v1/models/(?P<model>[^/]+)", "list", self._show_model),
            *self._files.endpoints(),
            *batches.endpoints(),
        )

    def headers(self, request: Request) -> dict[str, str]:
        """The name of the request, and the limits of the account."""
        fields = {"x-request-id": f"req_{next(self._numbers):032x}", **_DATA["headers"]}
        rate = self.rate(request.key)
        if rate is not None:
            limits = (self.settings.per_minute, rate.remaining, f"{math.ceil(rate.reset * 1e3)}ms")
            names = ("limit", "remaining", "reset")
            pairs = zip(names, limits, strict=True)
            fields |= {f"x-ratelimit-{name}-requests": str(limit) for name, limit in pairs}
        return fields

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head."""
        return Status(
            429,
            message=f"Rate limit reached for images per minute: Limit {per_minute}.",
            retry_after=str(math.ceil(seconds)),
            retry_after_ms=math.ceil(seconds * 1e3),
        )

    def error(
        self, code: int, message: str | None = None, param: str | None = None, word: str | None = ""
    ) -> HttpResponse:
        """An error in OpenAI's envelope; *word* is its `code`."""
        return json_response({"error": _error(code, message, param, word=word)}, code)

    def key_error(self, key: str | None) -> HttpResponse:
        """401; a wrong key is quoted without its middle."""
        shown = "" if key is None else f" {key[:4]}***{key[-3:]}"
        return self.error(401, f"Incorrect API key provided:{shown}.")

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """400 that names the parameter."""
        param = str(error.value) if error.rule == "unknown" else error.path
        return self.error(400, f"Parameter '{param}' breaks the rule '{error.rule}'.", param)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders; a quota of 0 is an account without credit."""
        is_empty = fault.code == 429 and fault.quota == 0
        word = "insufficient_quota" if is_empty else fault.word or ""
        return self.error(fault.code, fault.message, word=word)

    async def _generate(self, call: ApiCall) -> HttpResponse:
        if not isinstance(call.request.body, dict):
            self._reject("The body must be a JSON object.", "body")
        fields = _SCHEMA.read(call.request.body, "CreateImageRequest")
        return await self._answer(call, "image_generation", fields, ())

    async def _edit(self, call: ApiCall) -> HttpResponse:
        body = call.request.body
        if isinstance(body, dict):
            texts = {name: value for name, value in body.items() if name not in _SOURCES}
            fields = _SCHEMA.read(texts, "EditImageRequest")
            files = self._named_files({name: body[name] for name in _SOURCES if name in body})
        elif isinstance(body, list):
            texts = {part.name: part.text for part in body if part.filename is None}
            fields = _FORM.read(texts, "EditImageRequest")
            files = [part for part in body if part.filename is not None]
        else:
            self._reject("The body must be a form or a JSON object.", "body")
        await self._check_files(files)
        return await self._answer(call, "image_edit", fields, files)

    def _named_files(self, body: Mapping[str, Any]) -> list[FormPart]:
        """The pictures of an edit by JSON, as the parts of a form."""
        sources = _SCHEMA.read(body, "EditSources")
        pictures = [("image[]", each) for each in sources["images"]]
        masks = [("mask", sources["mask"])] if "mask" in sources else []
        return [self._named_file(*each) for each in (*pictures, *masks)]

    def _named_file(self, name: str, source: Mapping[str, str]) -> FormPart:
        """The picture that *source* names: an uploaded file, or an address that holds it."""
        if len(source) != 1:
            self._reject("Give exactly one of 'image_url' and 'file_id'.", name)
        if "file_id" in source:
            file = self._files.get(source["file_id"], name)
            mime_type = mimetypes.guess_type(file.facts["filename"])[0]
            return FormPart(name, file.data, "picture", mime_type)
        url = _DATA_URL.fullmatch(source["image_url"])
        if url is None:
            raise RejectedError(self.error(501, "The simulator fetches no picture to edit."))
        try:
            return FormPart(name, base64.b64decode(url[2], validate=True), "picture", url[1])
        except ValueError:
            self._reject("The data URL is not base64.", name)

    async def _check_files(self, files: list[FormPart]) -> None:
        sizes: dict[str, tuple[int, int]] = {}
        for part in files:
            name = part.name.removesuffix("[]")
            if name not in _CAPS or part.mime_type not in _FILE_TYPES:
                self._reject(f"Invalid file '{part.name}': {part.mime_type}.", part.name)
            if len(part.data) >= _CAPS[name]:
                self._reject(f"Invalid file '{name}': {_CAPS[name] >> 20} MB are too much.", name)
            try:
                picture = await self.settings.pictures.look(part.data)
            except NotAPictureError:
                self._reject(f"Invalid image file or mode for {name}.", name)
            sizes.setdefault(name, (picture.width, picture.height))
            if name == "mask" and picture.mime_type != "image/png":
                self._reject("The mask must be a PNG.", name)
        if "image" not in sizes or sum(part.name != "mask" for part in files) > 16:
            self._reject("An edit takes 1 to 16 images.", "image")
        if sizes.get("mask", sizes["image"]) != sizes["image"]:
            self._reject("The mask must have the size of the first image.", "mask")

    def _check(self, fields: Mapping[str, Any]) -> None:
        """Refuse what depends on the model or on another field, which no schema says."""
        model, form = fields["model"], fields.get("output_format", "png")
        if model not in _MODELS and model not in self.settings.models:
            raise RejectedError(self.error(404, f"The model '{model}' does not exist."))
        if form in {"gif", "svg"}:
            raise RejectedError(self.error(501, f"The simulator does not play the format {form}."))
        is_old = _is_old(model)
        size = fields.get("size", "auto")
        wrong = {
            "size": size not in _SIZES and (is_old or not _is_size(size)),
            "quality": fields.get("quality") in {"xhigh", "max"}
            and not re.search(r"-2\.[56]", model),
            "background": fields.get("background") == "transparent" and form == "jpeg",
            "output_compression": "output_compression" in fields and form == "png",
            "partial_images": "partial_images" in fields and not fields.get("stream"),
            "input_fidelity": "input_fidelity" in fields and model != "gpt-image-1.5",
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            self._reject(f"{model} does not take this value of '{name}' here.", name)

    async def _answer(
        self, call: ApiCall, kind: str, fields: Mapping[str, Any], files: Sequence[FormPart]
    ) -> HttpResponse:
        self._check(fields)
        fault = call.fault
        generation, error = _Generation(fields, files, fault, self.settings.auto), _failure(fault)
        if fields.get("stream"):
            events = [pair async for pair in self._events(generation, kind, error)]
            if not isinstance(fault, PromptBlocked):
                self._bill(call, fields["model"], generation.units(failed=error is not None))
            return event_stream(events, self.settings.newline)
        if error is not None:
            code = fault.code if isinstance(fault, StreamError) else 400
            return json_response({"error": error}, code)
        texts = [await self._base64(generation) for _ in range(fields.get("n", 1))]
        data = [{"b64_json": text} for text in texts]
        self._bill(call, fields["model"], generation.units())
        facts = {**generation.echo, "usage": generation.usage()}
        return json_response({"created": int(time.time()), "data": data, **facts})

    def _bill(self, call: ApiCall, model: str, units: Mapping[str, int]) -> None:
        if units:
            call.meter.add(self._tariff.bill(model, call.request.path, units))

    async def _events(
        self, generation: _Generation, kind: str, error: dict[str, Any] | None
    ) -> AsyncIterator[tuple[str, str]]:
        """The partial pictures, then the whole one or what went wrong."""
        echo = {**generation.echo, "created_at": int(time.time())}
        for number in range(generation.fields.get("partial_images", 0)):
            facts = {**echo, "partial_image_index": number}
            data = await self._base64(generation._replace(files=(), fault=None), number)
            yield _event(f"{kind}.partial_image", b64_json=data, **facts)
        if error is not None:
            yield _event("error", error=error)
            return
        data = await self._base64(generation)
        yield _event(f"{kind}.completed", b64_json=data, usage=generation.usage(), **echo)

    async def _base64(self, generation: _Generation, seed: int | None = None) -> str:
        """A picture; the vendor takes no seed, so each one is another."""
        fields = generation.fields
        form = generation.echo["output_format"].upper()
        cut_out = fields.get("background") == "transparent"
        order = PictureOrder(
            fields["prompt"],
            *generation.size,
            seed,
            generation.images,
            form,
            exact=True,
            cut_out=cut_out,
        )
        return await self.settings.pictures.base64(order, generation.fault)

    async def _list_models(self, _call: ApiCall) -> HttpResponse:
        data = [_model(name) for name in (*_MODELS, *self.settings.models)]
        return json_response({"object": "list", "data": data})

    async def _show_model(self, call: ApiCall) -> HttpResponse:
        name = call.match["model"]
        self._check({"model": name})
        return json_response(_model(name))

    def _reject(self, message: str, param: str | None, code: int = 400) -> NoReturn:
        word = "invalid_value" if code == 400 else None
        raise RejectedError(self.error(code, message, param, word=word))


def _is_old(model: str) -> bool:
    """Whether *model* draws three sizes only."""
    return model.startswith(("gpt-image-1", "chatgpt"))


def _qualities(model: str) -> Mapping[str, int]:
    """Patches along the longer side of a picture, by quality; of old models the names alone."""
    patches: dict[str, dict[str, int]] = _DATA["patches"]
    return patches["gpt-image-2" if _is_old(model) else model if model in patches else "later"]


def _picture_tokens(model: str, quality: str, width: int, height: int) -> int:
    """Tokens of one picture.

    Old models have a table. The rule of later ones fits the published price of every quality at
    1024x768, 1024x1024, 1024x1536, 1920x1080, 2560x1440 and 3840x2160 to the token.
    """
    if _is_old(model):
        return int(_DATA["tokens"][f"{width}x{height}"][quality])
    long = _qualities(model)[quality]
    short = (2 * long * min(width, height) + max(width, height)) // (2 * max(width, height))
    return -(-long * short * (2_000_000 + width * height) // 4_000_000)


def _is_size(size: str) -> bool:
    """Both sides divisible by 16, a ratio of 1:3 to 3:1, at most 3840x2160 pixels."""
    sides = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", size)
    if sides is None:
        return False
    short, long = sorted(map(int, sides.groups()))
    return not (short % 16 or long % 16) and long <= 3 * short and long <= 3840 and short <= 2160


def _event(kind: str, **document: Any) -> tuple[str, str]:
    return kind, json.dumps({"type": kind, **document})


def _model(name: str) -> dict[str, Any]:
    facts = {"object": "model", "created": 1, "owned_by": "openai"}
    return {"id": name, **facts, "shutdown_date": _MODELS.get(name)}


def _error(
    code: int,
    message: str | None,
    param: str | None = None,
    *,
    kind: str = "",
    word: str | None = "",
) -> dict[str, Any]:
    """What stands in the envelope; *kind* is its `type`, *word* its `code`."""
    usual = "server_error" if code >= 500 else "invalid_request_error"
    return {
        "message": message or f"The request failed with status {code}.",
        "type": kind or ("rate_limit_error" if code == 429 else usual),
        "param": param,
        "code": _CODES.get(code) if word == "" else word,
    }


def _failure(fault: ApiFault | None) -> dict[str, Any] | None:
    """The error of *fault*, or None; within a stream it comes as an event."""
    if isinstance(fault, StreamError):
        return _error(fault.code, fault.message)
    if not isinstance(fault, PromptBlocked):
        return None
    usual = "Your request was rejected by the safety system."
    message = fault.message or f"{usual} safety_violations=[{fault.reason.lower()}]."
    return _error(400, message, kind="image_generation_user_error", word="moderation_blocked")

"""A LocalAI server: pictures and films at once, speech as it is spoken, and the list of models.

Routes exist with and without `/v1`. A picture lies at an address unless base64 is asked for; that
of a film is relative. Fields that nobody knows are ignored, and a negative prompt follows a `|`.
What is installed stands in `localai.json`. Not played, and answered with 501: upscaling, and the
formats Opus, AAC and FLAC.
"""

import base64
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from mediatoolkit.simulator.api_faults import Status
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.openai_shaped import (
    Film,
    OwnServerDialect,
    pixels_of,
    sound_response,
    split_form,
    spoken,
)
from mediatoolkit.simulator.pictures import PictureOrder
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.sounds import Utterance, wav
from mediatoolkit.simulator.vendor import ApiCall, Endpoint

_DATA = data_beside(__file__)
_SIZE = "512x512"
_PROFILE = "localai://voice-profiles/"
_FORMS = ("wav", "mp3", "pcm")
_PIECE = 9600  # bytes of a stream


class LocalAI(OwnServerDialect):
    """The server."""

    name: ClassVar[str] = "localai"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, speech, films, models, and what was made."""
        self._made: dict[str, tuple[bytes, str]] = {}
        made = "/generated-(?:images|videos)/[^/]+"
        return (
            Endpoint("POST", "(?:/v1)?/images/generations", "start", self._draw),
            Endpoint("POST", "(?:/v1)?/images/inpainting", "start", self._inpaint),
            Endpoint("POST", "(?:/v1)?/audio/speech|/tts", "start", self._speak),
            Endpoint("POST", "(?:/v1)?/video", "start", self._film),
            Endpoint("GET", "(?:/v1)?/models", "list", self._models),
            Endpoint("GET", "(?:/v1)?/models/capabilities", "list", self._capabilities),
            Endpoint("GET", "/api/voice-profiles", "list", self._profiles),
            Endpoint("GET", made, "download", self._download),
        )

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error like OpenAI's, with the status as its code."""
        error = {"code": code, "message": message or f"status {code}", "type": ""}
        return json_response({"error": error}, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401, from a server that was given keys."""
        return self.error(401, "An authentication key is required")

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """500: bad input is not told apart."""
        return self.error(500, f"failed parsing request body: {error.path}: {error.rule}")

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    def no_model(self, model: str) -> HttpResponse:
        """404."""
        return self.error(404, f"model {model!r} not found")

    async def _draw(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "ImageRequest")
        given = [*([fields["file"]] if "file" in fields else []), *fields.get("ref_images", ())]
        seen = await self.references(map(_address, given), "ref_images")
        return await self._pictures(call, fields, seen)

    async def _inpaint(self, call: ApiCall) -> HttpResponse:
        """A form with a picture and its mask."""
        if not isinstance(call.request.body, list):
            self.reject("Expected a multipart form")
        texts, files = split_form(call.request.body)
        if {part.name for part in files} != {"image", "mask"}:
            self.reject("image and mask are required")
        fields = replace(self.schema, form=True).read(texts, "ImageRequest")
        self.judge(call.fault, fields)
        sources = (part.data for part in files if part.name == "image")
        seen = await self.references(map(_inline, sources), "image")
        return await self._pictures(call, fields, seen)

    async def _pictures(
        self, call: ApiCall, fields: Mapping[str, Any], seen: tuple[bytes, ...]
    ) -> HttpResponse:
        model = self.served(fields, "image")
        size = pixels_of(fields.get("size", _SIZE)) or (512, 512)
        text = fields["prompt"].partition("|")[0]
        order = PictureOrder(text, *size, fields.get("seed"), seen, "PNG", exact=True)
        is_inline = fields.get("response_format") == "b64_json"
        pictures = [await self.base64(order, call.fault) for _ in range(fields.get("n", 1))]
        self.bill(call, model, {})
        if is_inline:
            return _made([{"b64_json": picture} for picture in pictures])
        paths = [self._keep(base64.b64decode(each), "images", "png") for each in pictures]
        return _made([{"url": self.origin() + path} for path in paths])

    async def _speak(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "SpeechRequest")
        model, form = self.served(fields, "speech"), fields.get("response_format", "wav")
        if form not in _FORMS:
            self.refuse_unplayed(f"the format {form}")
        voice = fields.get("voice", "")
        if voice.startswith(_PROFILE) and voice.removeprefix(_PROFILE) not in _DATA["voices"]:
            self.reject(f"voice profile {voice!r} not found", 404)
        if not fields["input"].strip():
            self.reject("input is required", 500)
        words = [Utterance(fields["input"], voice, fields.get("instructions", ""))]
        self.bill(call, model, {})
        if not fields.get("stream"):
            return sound_response(await spoken(words, form), form)
        data = wav(await spoken(words, "pcm"), endless=True)
        cuts = (44, *[_PIECE] * (len(data) // _PIECE))
        return replace(sound_response(data, "wav"), cuts=cuts)

    async def _film(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "VideoRequest")
        model = self.served(fields, "video")
        given = [fields[name] for name in ("start_image", "end_image") if name in fields]
        seen = await self.references(map(_address, given), "start_image")
        size = pixels_of(fields.get("size", _SIZE)) or (512, 512)
        size = (fields.get("width", size[0]), fields.get("height", size[1]))
        seconds = float(fields.get("seconds", 2))
        if "num_frames" in fields:
            seconds = fields["num_frames"] / fields.get("fps", 24)
        film = Film(
            picture=PictureOrder(fields["prompt"], *size, fields.get("seed"), seen),
            seconds=seconds,
            bill=self.tariff.bill(model, call.request.path, {}),
            looks=0,
            fate=None,
        )
        data = await self.films.shoot(film)
        call.meter.add(film.bill)
        if fields.get("response_format") == "b64_json":
            return _made([{"b64_json": base64.b64encode(data).decode()}])
        return _made([{"url": self._keep(data, "videos", "mp4")}])

    def _keep(self, data: bytes, kind: str, ending: str) -> str:
        """The path under which the server gives *data* out, to everybody."""
        path = f"/generated-{kind}/{uuid.uuid4().hex}.{ending}"
        mime_type = {"png": "image/png", "mp4": "video/mp4"}[ending]
        self._made[path] = (data, mime_type)
        return path

    async def _download(self, call: ApiCall) -> HttpResponse:
        if call.request.path not in self._made:
            self.reject("not found", 404)
        data, mime_type = self._made[call.request.path]
        return HttpResponse(data, 200, {"Content-Type": mime_type})

    async def _models(self, _call: ApiCall) -> HttpResponse:
        listed = [{"id": name, "object": "model"} for name in self._names()]
        return json_response({"object": "list", "data": listed})

    async def _capabilities(self, _call: ApiCall) -> HttpResponse:
        kinds = {"image": "image", "speech": "audio", "video": "video"}
        listed = [
            {"id": name, "object": "model", "output_modalities": [kinds[facts["makes"]]]}
            for name, facts in _DATA["models"].items()
        ]
        return json_response({"object": "list", "data": listed})

    async def _profiles(self, _call: ApiCall) -> HttpResponse:
        listed = [{"id": name, "name": f"Voice {number}"} for number, name in _voices()]
        return json_response(listed)

    def _names(self) -> list[str]:
        return [*_DATA["models"], *self.settings.models]


def _voices() -> list[tuple[int, str]]:
    return list(enumerate(_DATA["voices"], start=1))


def _made(data: Sequence[Mapping[str, str]]) -> HttpResponse:
    return json_response({"created": int(time.time()), "id": str(uuid.uuid4()), "data": data})


def _address(source: str) -> str:
    """A picture that stands there as an address, a data URL or bare base64."""
    is_address = source.startswith(("http://", "https://", "data:"))
    return source if is_address else f"data:image/png;base64,{source}"


def _inline(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"

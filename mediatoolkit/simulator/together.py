"""Together: pictures, speech and films, and the list of voices.

Shapes and limits are those of its SDK (3.1.1), errors those of recorded traffic; schemas, models
and prices stand in `together.json`, and the prices are stand-ins. Not played, and answered with
501: speech in mu-law and A-law, films as WebM.
"""

import asyncio
import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mediatoolkit.simulator.api_faults import PromptBlocked, Status
from mediatoolkit.simulator.films import film_size
from mediatoolkit.simulator.http import HttpResponse, Request, event_stream, json_response
from mediatoolkit.simulator.openai_shaped import (
    Film,
    OpenAIShaped,
    pieces,
    sound_response,
    spoken,
)
from mediatoolkit.simulator.pictures import PictureOrder
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.sounds import RATE, Utterance, float32
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError

_DATA = data_beside(__file__)
_SIDE = 1024
_WEIGHT = re.compile(r"\(\d+(\.\d+)?\)$")


class Together(OpenAIShaped):
    """The vendor."""

    name: ClassVar[str] = "together"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, speech, voices, films."""
        return (
            Endpoint("POST", "/v1/images/generations", "start", self._draw),
            Endpoint("POST", "/v1/audio/speech", "start", self._speak),
            Endpoint("GET", "/v1/voices", "list", self._voices),
            Endpoint("POST", "/v2/videos", "start", self._film),
            Endpoint("GET", "/v2/videos/(?P<id>[^/]+)", "poll", self._poll),
        )

    def headers(self, request: Request) -> dict[str, str]:
        """The name of the request, and the limits of the key, where there are some."""
        fields = {"x-request-id": self._id()}
        rate = self.rate(request.key)
        if rate is None:
            return fields
        limits = {"limit": self.settings.per_minute, "remaining": rate.remaining}
        limits["reset"] = math.ceil(rate.reset)
        return fields | {f"x-ratelimit-{name}": str(value) for name, value in limits.items()}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head, in seconds."""
        return Status(429, retry_after=str(math.ceil(seconds)), quota=per_minute)

    def error(
        self, code: int, message: str | None = None, param: str | None = None
    ) -> HttpResponse:
        """An error like OpenAI's, with the name of the request beside it."""
        usual, word = _DATA["messages"].get(str(code), (f"Status {code}", None))
        kind = "server_error" if code >= 500 else "invalid_request_error"
        error = {
            "message": message or usual,
            "type": "rate_limit" if code == 429 else kind,
            "param": param,
            "code": word,
        }
        return json_response({"id": self._id(), "error": error}, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401."""
        return self.error(401)

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """400 that names the field."""
        field = str(error.value) if error.rule == "unknown" else error.path
        return self.error(400, f"Input validation error: '{field}' ({error.rule})", field)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    def blocked(self, fault: PromptBlocked, _fields: Mapping[str, Any]) -> HttpResponse:
        """422."""
        return self.error(422, fault.message)

    def no_model(self, model: str) -> HttpResponse:
        """404 with a word of its own."""
        response = json.loads(self.error(404, f"Unable to access model {model}").body)
        response["error"]["code"] = "model_not_available"
        return json_response(response, 404)

    async def _draw(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "ImageRequest")
        self.model(fields["model"], "image")
        first = [fields["image_url"]] if "image_url" in fields else []
        addresses = [*first, *fields.get("reference_images", ())]
        seen = await self.references(addresses, "reference_images")
        form, size = fields.get("output_format", "jpeg").upper(), self._size(fields, (_SIDE, _SIDE))
        text = fields["prompt"]
        order = PictureOrder(text, *size, fields.get("seed"), seen, form, exact=True)
        number = fields.get("n", 1)
        data = [await self._picture(call, order, fields, index) for index in range(number)]
        self.bill(call, fields["model"], {"pixel": math.prod(size) * number})
        document = {"id": self._id(), "object": "list", "model": fields["model"], "data": data}
        return json_response(document)

    async def _picture(
        self, call: ApiCall, order: PictureOrder, fields: Mapping[str, Any], index: int
    ) -> dict[str, Any]:
        if fields.get("response_format") == "base64":
            text = await self.base64(order, call.fault)
            return {"index": index, "type": "b64_json", "b64_json": text}
        url, _ = await self.hosted(order, call.fault)
        return {"index": index, "type": "url", "url": url, "timings": {"inference": 1.1}}

    def _size(self, fields: Mapping[str, Any], usual: tuple[int, int]) -> tuple[int, int]:
        return fields.get("width", usual[0]), fields.get("height", usual[1])

    async def _speak(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "SpeechRequest")
        facts = self.model(fields["model"], "speech")
        self._check_speech(fields, facts)
        form, rate = fields.get("response_format", "wav"), fields.get("sample_rate", RATE)
        rate = RATE if facts.get("fixed") else rate
        data = await spoken([Utterance(fields["input"], fields["voice"])], form, rate)
        encoding = fields.get("response_encoding", "pcm_f32le")
        if form == "raw" and encoding == "pcm_f32le" and not facts.get("fixed"):
            data = await asyncio.to_thread(float32, data)
        self.bill(call, fields["model"], {"character": len(fields["input"])})
        if not fields.get("stream"):
            return sound_response(data, "pcm" if form == "raw" else form)
        facts = {"object": "audio.tts.chunk", "model": fields["model"]}
        parts = (base64.b64encode(piece).decode() for piece in pieces(data))
        lines = [("", json.dumps({**facts, "b64": part})) for part in parts]
        return event_stream([*lines, ("", "[DONE]")], self.settings.newline)

    def _check_speech(self, fields: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        voice, form = fields["voice"], fields.get("response_format", "wav")
        names = voice.split("+") if facts.get("mixes") else [voice]
        if not {_WEIGHT.sub("", name) for name in names} <= {*facts.get("voices", names)}:
            self._refuse(f"Voice {voice} is not available for {fields['model']}", "voice")
        if fields.get("stream") and form != "raw":
            self._refuse("Streaming supports the response_format raw only", "response_format")
        if "response_encoding" in fields and form != "raw":
            self._refuse("response_encoding is for the response_format raw", "response_encoding")
        if "bit_rate" in fields and form != "mp3":
            self._refuse("bit_rate is for the response_format mp3", "bit_rate")
        if not fields["input"].strip():
            self._refuse("input is empty", "input")
        if fields.get("response_encoding") in {"pcm_mulaw", "pcm_alaw"}:
            self.refuse_unplayed("this encoding")

    async def _voices(self, call: ApiCall) -> HttpResponse:
        model = call.request.query.get("model")
        listed = [
            {
                "model": name,
                "voices": [
                    {"id": str(number), "name": voice}
                    for number, voice in enumerate(facts["voices"], start=1)
                ],
            }
            for name, facts in _DATA["models"].items()
            if "voices" in facts and model in {None, name}
        ]
        return json_response({"data": listed})

    async def _film(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "VideoRequest")
        self.model(fields["model"], "video")
        if fields.get("output_format") == "WEBM":
            self.refuse_unplayed("WebM")
        media = fields.get("media", {})
        if not fields.get("prompt") and not media:
            self._refuse("prompt is required", "prompt")
        frames = [part["input_image"] for part in media.get("frame_images", ())]
        addresses = [*frames, *media.get("reference_images", ())]
        seen = await self.references(addresses, "media")
        short = int(fields.get("resolution", "720p").removesuffix("p"))
        size = self._size(fields, film_size(fields.get("ratio", "16:9"), short))
        seconds, text = fields.get("seconds", "5"), fields.get("prompt") or "film"
        order = PictureOrder(text, *size, fields.get("seed"), seen)
        units = {"second": int(seconds)}
        facts = {"size": "{}x{}".format(*size), "seconds": seconds}
        film = self.start_film(
            call, fields["model"], order, seconds=int(seconds), units=units, facts=facts
        )
        return json_response(self._job(film))

    async def _poll(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, "Video job not found")
        await self.films.look(film, call.fault)
        return json_response(self._job(film))

    def _job(self, film: Film) -> dict[str, Any]:
        """The job as the vendor tells it."""
        job: dict[str, Any] = {
            "id": film.id,
            "object": "video",
            "model": film.bill.model,
            "status": film.status("in_progress", "in_progress", "completed"),
            "created_at": float(film.created),
            **film.facts,
        }
        if film.end is not None and film.end.message is not None:
            job["error"] = {"message": film.end.message, "code": film.end.code}
        if film.data is not None:
            job["completed_at"] = film.created + 100.0
            job["outputs"] = {"cost": float(film.bill.usd), "video_url": self.film_url(film)}
        return job

    def address(self, data: bytes, mime_type: str) -> str:
        """A film lies behind a short link."""
        place = super().address(data, mime_type)
        if mime_type != "video/mp4":
            return place
        return self.origin() + self.settings.file_host.redirect(place, status=302)

    def _refuse(self, message: str, param: str) -> None:
        raise RejectedError(self.error(400, message, param))

    def _id(self) -> str:
        return f"req-{next(self.numbers)}"

"""A vLLM-omni server: pictures, edits, speech, and films in OpenAI's shape, retired there.

Errors come in two forms: FastAPI's `detail`, and an object for a model that is not served. Fields
that nobody knows are ignored. What is served stands in `vllm.json`: a real server has one model.
Not played, and answered with 501: pictures as files, FLAC and Opus; `word_timestamps` is ignored.
"""

import base64
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from mediatoolkit.simulator.api_faults import ApiFault, Status, StreamError
from mediatoolkit.simulator.http import (
    FormPart,
    HttpResponse,
    Request,
    event_stream,
    json_response,
)
from mediatoolkit.simulator.openai_shaped import (
    Film,
    OwnServerDialect,
    pieces,
    pixels_of,
    sound_response,
    split_form,
    spoken,
)
from mediatoolkit.simulator.pictures import NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.sounds import RATE, Utterance
from mediatoolkit.simulator.vendor import ApiCall, Endpoint

_DATA = data_beside(__file__)
_SIZE, _FILM_SIZE = (1024, 1024), (1280, 720)
_FPS = 24
_TOKENS = 0.3  # of speech, for each letter
_NO_FILM = "Video not found"
_STATES = ("queued", "in_progress", "completed")


class VLLM(OwnServerDialect):
    """The server."""

    name: ClassVar[str] = "vllm"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Pictures, edits, speech, voices, films, models."""
        film = "/v1/videos/(?P<id>[^/]+)"
        return (
            Endpoint("POST", "/v1/images/generations", "start", self._draw),
            Endpoint("POST", "/v1/images/edits", "start", self._edit),
            Endpoint("POST", "/v1/audio/speech", "start", self._speak),
            Endpoint("GET", "/v1/audio/voices", "list", self._voices),
            Endpoint("POST", "/v1/videos/sync", "start", self._film_at_once),
            Endpoint("POST", "/v1/videos", "start", self._film),
            Endpoint("GET", "/v1/videos", "list", self._films),
            Endpoint("GET", film, "poll", self._poll),
            Endpoint("DELETE", film, "cancel", self._delete),
            Endpoint("GET", f"{film}/content", "download", self._content),
            Endpoint("GET", "/v1/models", "list", self._models),
            Endpoint("GET", "/health", "list", self._health),
        )

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """FastAPI's error."""
        return json_response({"detail": message or f"Status {code}"}, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401, from a server that was given a key."""
        return json_response({"error": "Unauthorized"}, 401)

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """422 with the place of each misfit."""
        place = ["body", *error.path.split(".")]
        told = {"type": error.rule, "loc": place, "msg": f"Input breaks the rule {error.rule}"}
        return json_response({"detail": [{**told, "input": error.value}]}, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.error(fault.code, fault.message)

    def no_model(self, model: str) -> HttpResponse:
        """404 in the server's other form."""
        facts = {"type": "NotFoundError", "param": "model", "code": 404}
        return json_response(
            {"error": {"message": f"The model `{model}` does not exist.", **facts}}, 404
        )

    async def _draw(self, call: ApiCall) -> HttpResponse:
        return await self._pictures(call, self.read(call, "ImageRequest"), ())

    async def _edit(self, call: ApiCall) -> HttpResponse:
        """A form with one picture or several, as `image` or `image[]`."""
        fields, files = self._form(call, "ImageEdit")
        sources = [part for part in files if part.name in {"image", "image[]"}]
        if not sources:
            self.reject("Field 'image' or 'url' is required", 422)
        return await self._pictures(call, fields, await self._seen(sources))

    async def _pictures(
        self, call: ApiCall, fields: Mapping[str, Any], seen: tuple[bytes, ...]
    ) -> HttpResponse:
        model, way = self.served(fields, "image"), fields.get("response_format", "b64_json")
        if way == "file":
            self.refuse_unplayed("pictures as files")
        size = pixels_of(fields.get("size", "auto")) or _SIZE
        form = fields.get("output_format", "png")
        seed, text = fields.get("seed"), fields["prompt"]
        order = PictureOrder(text, *size, seed, seen, form.upper(), exact=True)
        number = fields.get("n", 1)
        data = [await self._picture(order, way, call.fault) for _ in range(number)]
        self.bill(call, model, {})
        facts = {"output_format": form, "size": "{}x{}".format(*size), "cot_output": None}
        return json_response({"created": int(time.time()), "data": data, **facts})

    async def _picture(
        self, order: PictureOrder, way: str, fault: ApiFault | None
    ) -> dict[str, str | None]:
        picture: dict[str, str | None] = {"b64_json": None, "url": None, "revised_prompt": None}
        if way == "url":
            picture["url"], _ = await self.hosted(order, fault)
        else:
            picture["b64_json"] = await self.base64(order, fault)
        return picture

    def _form(self, call: ApiCall, name: str) -> tuple[dict[str, Any], list[FormPart]]:
        """Fields and files of a form, or the fields of a JSON object."""
        if isinstance(call.request.body, dict):
            return self.read(call, name), []
        if not isinstance(call.request.body, list):
            self.reject("There was an error parsing the body")
        texts, files = split_form(call.request.body)
        fields = replace(self.schema, form=True).read(texts, name)
        self.judge(call.fault, fields)
        return fields, files

    async def _seen(self, parts: Sequence[FormPart]) -> tuple[bytes, ...]:
        for part in parts:
            try:
                await self.settings.pictures.look(part.data)
            except NotAPictureError:
                self.reject(f"Invalid image file: {part.filename}")
        return tuple(part.data for part in parts)

    async def _speak(self, call: ApiCall) -> HttpResponse:
        streams = isinstance(call.request.body, dict) and (
            call.request.body.get("stream_format") == "sse"
        )
        fields = self.read(call, "SpeechRequest", policy=not streams)
        model, form = self.served(fields, "speech"), fields.get("response_format", "wav")
        self._check_speech(fields, model, form)
        rate = fields.get("sample_rate", RATE)
        words = [
            Utterance(fields["input"], fields.get("voice", ""), fields.get("instructions", ""))
        ]
        data = await spoken(words, form, rate)
        self.bill(call, model, {})
        if streams:
            return self._stream(call, fields, data)
        response = sound_response(data, form)
        if fields.get("stream"):
            return replace(response, cuts=tuple(map(len, pieces(data))))
        return response

    def _check_speech(self, fields: Mapping[str, Any], model: str, form: str) -> None:
        if form in {"flac", "opus"}:
            self.refuse_unplayed(f"the format {form}")
        if not fields["input"].strip():
            self.reject("Input text cannot be empty")
        voices = _DATA["models"].get(model, {}).get("voices")
        voice = fields.get("voice")
        if voices and voice is not None and voice.lower() not in voices:
            self.reject(f"Invalid voice '{voice}'. Supported: {', '.join(voices)}")

    def _stream(self, call: ApiCall, fields: Mapping[str, Any], data: bytes) -> HttpResponse:
        """Events as OpenAI has them; a failure comes after the first piece."""
        events = [
            _event("speech.audio.delta", audio=base64.b64encode(piece).decode())
            for piece in pieces(data)
        ]
        if isinstance(call.fault, StreamError):
            facts = {"message": call.fault.message, "type": "InternalServerError", "param": None}
            failure = _event("error", error={**facts, "code": call.fault.code})
            return event_stream([*events[:1], failure], self.settings.newline)
        heard, made = len(fields["input"]) // 4 + 1, math.ceil(len(fields["input"]) * _TOKENS)
        usage = {"input_tokens": heard, "output_tokens": made, "total_tokens": heard + made}
        done = _event("speech.audio.done", usage=usage)
        return event_stream([*events, done], self.settings.newline)

    async def _voices(self, _call: ApiCall) -> HttpResponse:
        models = _DATA["models"].values()
        voices = [voice for facts in models for voice in facts.get("voices", ())]
        return json_response({"voices": voices})

    async def _film(self, call: ApiCall) -> HttpResponse:
        film = await self._begun(call, self.settings.looks)
        self.films.start(film)
        return json_response(_job(film))

    async def _film_at_once(self, call: ApiCall) -> HttpResponse:
        film = await self._begun(call, 0)
        data = await self.films.shoot(film)
        call.meter.add(film.bill)
        return HttpResponse(data, 200, {"Content-Type": "video/mp4"})

    async def _begun(self, call: ApiCall, looks: int) -> Film:
        fields, files = self._form(call, "VideoRequest")
        model = self.served(fields, "video")
        seen = await self._seen([part for part in files if part.name == "input_reference"])
        if "image_reference" in fields:
            seen += await self.references([fields["image_reference"]], "image_reference")
        size = pixels_of(fields.get("size", "")) or _FILM_SIZE
        size = (fields.get("width", size[0]), fields.get("height", size[1]))
        seconds = float(fields.get("seconds", 4))
        if "num_frames" in fields:
            seconds = fields["num_frames"] / fields.get("fps", _FPS)
        return Film(
            picture=PictureOrder(fields["prompt"], *size, fields.get("seed"), seen),
            seconds=seconds,
            bill=self.tariff.bill(model, call.request.path, {}),
            looks=looks,
            fate=call.fault,
            facts={"size": "{}x{}".format(*size), "seconds": f"{seconds:g}"},
        )

    async def _films(self, _call: ApiCall) -> HttpResponse:
        jobs = [_job(film) for film in self.films]
        edges = {"first_id": jobs[0]["id"], "last_id": jobs[-1]["id"]} if jobs else {}
        return json_response({"object": "list", "data": jobs, "has_more": False, **edges})

    async def _poll(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, _NO_FILM)
        await self.films.look(film, call.fault)
        return json_response(_job(film))

    async def _delete(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, _NO_FILM)
        self.films.drop(film)
        return json_response({"id": film.id, "object": "video.deleted", "deleted": True})

    async def _content(self, call: ApiCall) -> HttpResponse:
        film = self.find_film(call, _NO_FILM)
        if film.data is None:
            self.reject(f"Video {film.id} is not completed")
        return HttpResponse(film.data, 200, {"Content-Type": "video/mp4"})

    async def _models(self, _call: ApiCall) -> HttpResponse:
        names = (*_DATA["models"], *self.settings.models)
        facts = {"object": "model", "created": 1, "owned_by": "vllm"}
        return json_response({"object": "list", "data": [{"id": name, **facts} for name in names]})

    async def _health(self, _call: ApiCall) -> HttpResponse:
        return HttpResponse(b"")


def _job(film: Film) -> dict[str, Any]:
    """A film as OpenAI's protocol has it."""
    job: dict[str, Any] = {
        "id": film.id,
        "object": "video",
        "created_at": film.created,
        "status": film.status(*_STATES),
        "model": film.bill.model,
        "progress": film.progress if film.end is None else 0,
        "prompt": film.picture.text,
        **film.facts,
    }
    if film.data is not None:
        job["completed_at"] = film.created + 60
    if film.end is not None and film.end.message is not None:
        job["error"] = {"code": film.end.code, "message": film.end.message}
    return job


def _event(kind: str, **document: Any) -> tuple[str, str]:
    return kind, json.dumps({"type": kind, **document})

"""Mistral: Voxtral's speech, at once or as a stream, and its voices.

Shapes are those of its SDK (3.7.0), errors those of recorded traffic; schemas, models, voices and
prices stand in `mistral.json`. As at the vendor, fields that nobody knows are ignored, samples are
floats, and an MP3 has 22,050 samples a second. Without a format, MP3 comes; no document says which.
Not played, and answered with 501: FLAC and Opus.
"""

import asyncio
import base64
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mediatoolkit.simulator.api_faults import PromptBlocked, Status, StreamError
from mediatoolkit.simulator.http import HttpResponse, Request, event_stream, json_response
from mediatoolkit.simulator.openai_shaped import (
    OpenAIShaped,
    pieces,
    sound_response,
    spoken,
)
from mediatoolkit.simulator.schema import SchemaError, data_beside
from mediatoolkit.simulator.sounds import RATE, Utterance, float32
from mediatoolkit.simulator.vendor import ApiCall, Endpoint

_DATA = data_beside(__file__)
_MODEL = "voxtral-mini-tts-3-0"
_MP3_RATE = 22_050
_ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)  # an empty tag
_TOKENS = 0.3  # of speech, for each letter
_MISFITS = {
    "required": ("missing", "Field required"),
    "enum": ("enum", "Input should be one of {}"),
    "minimum": ("greater_than_equal", "Input should be greater than or equal to {}"),
    "type": ("{}_type", "Input should be a valid {}"),
    "contentEncoding": ("value_error", "Value error, invalid {}"),
    "unknown": ("extra_forbidden", "Extra inputs are not permitted"),
}


class Mistral(OpenAIShaped):
    """The vendor."""

    name: ClassVar[str] = "mistral"
    data: ClassVar[Mapping[str, Any]] = _DATA

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Speech and voices."""
        self._voices: dict[str, dict[str, Any]] = {
            voice["id"]: _DATA["voice"] | voice for voice in _DATA["voices"]
        }
        voices, voice = "/v1/audio/voices", "/v1/audio/voices/(?P<id>[^/]+)"
        return (
            Endpoint("POST", "/v1/audio/speech", "start", self._speak),
            Endpoint("GET", voices, "list", self._list_voices),
            Endpoint("GET", "/v2/audio/voices", "list", self._search_voices),
            Endpoint("POST", voices, "upload", self._add_voice),
            Endpoint("GET", voice, "list", self._show_voice),
            Endpoint("PATCH", voice, "upload", self._change_voice),
            Endpoint("DELETE", voice, "delete", self._delete_voice),
            Endpoint("GET", f"{voice}/sample", "download", self._sample),
        )

    def headers(self, _request: Request) -> dict[str, str]:
        """The name of the request."""
        return {"x-request-id": f"{next(self.numbers):032x}"}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head, in seconds."""
        return Status(429, retry_after=str(math.ceil(seconds)), quota=per_minute)

    def error(self, code: int, message: str | None = None) -> HttpResponse:
        """An error of the service behind the front end."""
        kinds = _DATA["messages"]
        usual, kind, number = kinds.get(str(code), kinds["500" if code >= 500 else "400"])
        facts = {"type": kind, "param": None, "code": number, "raw_status_code": code}
        return json_response({"object": "error", "message": message or usual, **facts}, code)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401 of the front end."""
        return json_response({"detail": "Unauthorized"}, 401)

    def schema_error(self, error: SchemaError, _request: Request) -> HttpResponse:
        """422 as FastAPI words it."""
        kind, message = _MISFITS.get(error.rule, ("value_error", "Value error"))
        bound = error.schema.get(error.rule, "")
        place = ["body", *error.path.split(".")] if error.path else ["body"]
        if error.rule == "unknown":
            place.append(error.value)
        told = {"type": kind.format(bound), "loc": place, "msg": message.format(bound)}
        return json_response({"detail": [{**told, "input": error.value or {}}]}, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders."""
        return self.key_error(None) if fault.code == 401 else self.error(fault.code, fault.message)

    def blocked(self, fault: PromptBlocked, _fields: Mapping[str, Any]) -> HttpResponse:
        """403."""
        return self.error(403, fault.message)

    def no_model(self, model: str) -> HttpResponse:
        """400, with a code of its own."""
        told = {"type": "invalid_model", "param": None, "code": "1500", "raw_status_code": 400}
        text = f"Invalid model: {model}"
        return json_response({"object": "error", "message": text, **told}, 400)

    async def _speak(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "SpeechRequest", policy=False)
        model = fields.get("model", _MODEL)
        self.model(model, "speech")
        self._check(fields)
        streams = fields.get("stream", False)
        if not (streams and isinstance(call.fault, StreamError)):
            self.judge(call.fault, fields)
        form = fields.get("response_format", "mp3")
        data = await self._sound(fields, form)
        self.bill(call, model, {"character": len(fields["input"])})
        if streams:
            return self._stream(call, fields, data)
        return json_response({"audio_data": base64.b64encode(data).decode()})

    def _check(self, fields: Mapping[str, Any]) -> None:
        """Refuse what depends on the voice or on another field, which no schema says."""
        form = fields.get("response_format")
        if form in {"flac", "opus"}:
            self.refuse_unplayed(f"the format {form}")
        if not fields["input"].strip():
            self.reject("Input must not be empty")
        voice = self._voices.get(fields["voice_id"]) if "voice_id" in fields else {}
        if voice is None:
            self.reject("Voice not found", 404)
        if "conversation_history" in fields and (
            voice.get("kind") != "pvc" or "ref_audio" in fields
        ):
            self.reject("conversation_history requires a preset voice of kind pvc")

    async def _sound(self, fields: Mapping[str, Any], form: str) -> bytes:
        rate = _MP3_RATE if form == "mp3" else RATE
        voice = fields.get("voice_id") or f"reference {len(fields.get('ref_audio', b''))}"
        data = await spoken([Utterance(fields["input"], voice)], form, rate)
        if form == "pcm":
            return await asyncio.to_thread(float32, data)
        return _ID3 + data if form == "mp3" else data

    def _stream(self, call: ApiCall, fields: Mapping[str, Any], data: bytes) -> HttpResponse:
        """Pieces under named events; a failure comes after the first one."""
        events = [
            _event("speech.audio.delta", audio_data=base64.b64encode(piece).decode())
            for piece in pieces(data)
        ]
        if isinstance(call.fault, StreamError):
            facts = {"message": call.fault.message, "type": "internal", "code": "3000"}
            failure = ("error", json.dumps({"object": "error", **facts}))
            return event_stream([*events[:1], failure], self.settings.newline)
        heard, made = len(fields["input"]) // 4 + 1, math.ceil(len(fields["input"]) * _TOKENS)
        usage = {"prompt_tokens": heard, "completion_tokens": made, "total_tokens": heard + made}
        done = _event("speech.audio.done", usage=usage)
        return event_stream([*events, done], self.settings.newline)

    async def _list_voices(self, call: ApiCall) -> HttpResponse:
        start, count = (self._number(call, *each) for each in (("offset", 0), ("limit", 10)))
        voices = self._chosen(call)
        pages = {
            "total": len(voices),
            "page": start // count + 1,
            "page_size": count,
            "total_pages": -(-len(voices) // count),
        }
        return json_response({"items": voices[start : start + count], **pages})

    async def _search_voices(self, call: ApiCall) -> HttpResponse:
        start, count = self._number(call, "page_token", 0), self._number(call, "page_size", 10)
        voices = self._chosen(call)
        token = str(start + count) if start + count < len(voices) else None
        return json_response({"data": voices[start : start + count], "next_page_token": token})

    def _chosen(self, call: ApiCall) -> list[dict[str, Any]]:
        """The voices that the query asks for."""
        query, genders = call.request.query, call.request.values("gender")
        languages = call.request.values("language")
        return [
            voice
            for voice in self._voices.values()
            if query.get("type", "all") in {"all", voice["type"]}
            and query.get("kind", voice["kind"]) == voice["kind"]
            and query.get("query", "").lower() in voice["name"].lower()
            and (not genders or voice["gender"] in genders)
            and (not languages or {*languages} & {*voice["languages"]})
        ]

    def _number(self, call: ApiCall, name: str, usual: int) -> int:
        text = call.request.query.get(name, str(usual))
        if not text.isdecimal() or (usual and not int(text)):
            raise SchemaError("type", name, text, {"type": "integer"})
        return int(text)

    async def _add_voice(self, call: ApiCall) -> HttpResponse:
        fields = self.read(call, "VoiceCreateRequest")
        facts = {name: fields[name] for name in fields if not name.startswith("sample_")}
        kind = {"id": str(uuid.uuid4()), "type": "custom", "kind": "ivc", "user_id": "user_1"}
        usual: dict[str, Any] = {"slug": None, "languages": [], "gender": None, "tags": []}
        voice = _DATA["voice"] | usual | facts | kind
        self._voices[voice["id"]] = voice
        return json_response(voice)

    async def _show_voice(self, call: ApiCall) -> HttpResponse:
        return json_response(self._voice(call))

    async def _change_voice(self, call: ApiCall) -> HttpResponse:
        voice = self._voice(call)
        voice.update(self.read(call, "VoiceUpdateRequest"))
        return json_response(voice)

    async def _delete_voice(self, call: ApiCall) -> HttpResponse:
        return json_response(self._voices.pop(self._voice(call)["id"]))

    async def _sample(self, call: ApiCall) -> HttpResponse:
        voice = self._voice(call)
        words = Utterance(f"My name is {voice['name']}.", voice["id"])
        return sound_response(await spoken([words], "wav"), "wav")

    def _voice(self, call: ApiCall) -> dict[str, Any]:
        voice = self._voices.get(call.match["id"])
        if voice is None:
            self.reject("Voice not found", 404)
        return voice


def _event(kind: str, **document: Any) -> tuple[str, str]:
    return kind, json.dumps({"type": kind, **document})

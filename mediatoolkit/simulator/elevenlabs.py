"""ElevenLabs: speech, dialogue, sounds and music, with times of each letter; voices and models.

Shapes, limits and errors are those of the official SDK and of recorded traffic; schemas, models and
voices stand in `elevenlabs.json`. Not played, and answered with 501: the formats `opus`, `ulaw` and
`alaw`, films and the detailed stream for music, voices of one's own, everything beside these.

The times in a stream count from its beginning. A credit costs here what the dearest list asks for
a character in a thousand, and a second of sound or music what `elevenlabs.json` says: no list that
we know has a price for those.
"""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, NoReturn

from mediatoolkit.simulator.api_faults import PromptBlocked, Status, StreamError
from mediatoolkit.simulator.elevenlabs_catalog import ElevenLabsCatalog, read_query
from mediatoolkit.simulator.elevenlabs_recordings import Format, Recording, timed
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.schema import Schema, SchemaError, data_beside
from mediatoolkit.simulator.sounds import Utterance
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_DATA = data_beside(__file__)
_SCHEMA = Schema(_DATA["$defs"])
_ERRORS: dict[str, tuple[str, str]] = _DATA["errors"]  # word and sentence by status
_DEFAULT_MODEL = {"Speech": "eleven_multilingual_v2", "Dialogue": "eleven_v3"}
_MOST_VOICES = 10
_BOUNDARY = "simulated-song"
_PIECE = 0.25  # seconds of sound that come at once


class ElevenLabs(Vendor):
    """The vendor."""

    name: ClassVar[str] = "elevenlabs"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Speech, dialogue, sounds, music, and what can be looked up."""
        self._numbers = count(1)
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._catalog = ElevenLabsCatalog(self.settings, self.files_origin, self._reject)
        self._used = 0  # credits
        way = "(?P<way>(?:/stream)?(?:/with-timestamps)?)"
        made = {
            f"/v1/text-to-speech/(?P<voice>[^/]+?){way}": self._speech,
            f"/v1/text-to-dialogue{way}": self._dialogue,
            "/v1/sound-generation(?P<way>)": self._sound,
            "/v1/music(?P<way>(?:/stream|/detailed)?)": self._music,
        }
        return (
            *(Endpoint("POST", path, "start", respond) for path, respond in made.items()),
            Endpoint("POST", "/v1/music/plan", "list", self._plan),
            Endpoint("GET", "/v1/user/subscription", "list", self._subscription),
            *self._catalog.endpoints(),
        )

    def headers(self, _request: Request) -> dict[str, str]:
        """The name of the request."""
        name = f"req-el-{next(self._numbers)}"
        return {"request-id": name, "x-trace-id": name, "x-region": "loopback"}

    def rate_fault(self, seconds: float, per_minute: int) -> Status:
        """As for each vendor; how long to wait stands in the head."""
        return Status(429, retry_after=str(math.ceil(seconds)), quota=per_minute)

    def error(self, code: int, message: str | None = None, word: str | None = None) -> HttpResponse:
        """An error with a word and a sentence in `detail`."""
        if code == 429:
            return self._rate_error(message, word)
        if code == 422:
            entry = {"type": "value_error", "loc": ["body"], "msg": message or "Invalid."}
            return json_response({"detail": [{**entry, "input": {}}]}, code)
        usual_word, usual = _ERRORS.get(str(code), ("error", f"The request failed with {code}."))
        return json_response(
            {"detail": {"status": word or usual_word, "message": message or usual}}, code
        )

    def _rate_error(self, message: str | None, word: str | None) -> HttpResponse:
        is_busy = word == "system_busy"
        usual = "The system is busy." if is_busy else "Too many concurrent requests."
        detail = {
            "type": "rate_limit_error",
            "code": "system_busy" if is_busy else "concurrent_limit_exceeded",
            "status": word or "too_many_concurrent_requests",
            "message": message or usual,
            "request_id": f"req-el-{next(self._numbers)}",
        }
        return json_response({"detail": detail}, 429)

    def key_error(self, _key: str | None) -> HttpResponse:
        """401."""
        return self.error(401)

    def schema_error(self, error: SchemaError, request: Request) -> HttpResponse:
        """422 with the list of what is wrong."""
        return json_response({"detail": [problem(error, request.body)]}, 422)

    def status_fault(self, fault: Status, _request: Request) -> HttpResponse:
        """The error that *fault* orders; a quota of 0 is a plan that is used up."""
        if fault.code in {401, 429} and fault.quota == 0:
            message = "This request exceeds your quota of 10000. You have 3 credits remaining, "
            message += "while 11 credits are required for this request."
            return self.error(401, fault.message or message, "quota_exceeded")
        return self.error(fault.code, fault.message, fault.word)

    async def _speech(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Speech")
        voice = self._catalog.voice(call.match["voice"])
        speed = fields.get("voice_settings", {}).get("speed", 1.0)
        recording = self._recording(fields, "Speech", [Utterance(fields["text"], voice)], speed)
        return await self._answer(call, recording)

    async def _dialogue(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Dialogue")
        inputs = fields["inputs"]
        utterances = [
            Utterance(each["text"], self._catalog.voice(each["voice_id"])) for each in inputs
        ]
        if len({each.voice for each in utterances}) > _MOST_VOICES:
            self._reject(400, f"A dialogue has at most {_MOST_VOICES} voices.")
        return await self._answer(call, self._recording(fields, "Dialogue", utterances))

    async def _sound(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Sound")
        seconds = fields.get("duration_seconds", _DATA["sound"]["seconds"])
        model = fields.get("model_id", "eleven_text_to_sound_v2")
        cost = math.ceil(seconds * _DATA["sound"]["credits"])
        utterance = Utterance(fields["text"], "sound")
        return await self._answer(call, Recording(model, [utterance], cost, seconds))

    async def _music(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Music")
        plan = _planned(fields)
        seconds = sum(section["duration_ms"] for section in plan["sections"]) / 1000
        model = fields.get("model_id", "music_v1")
        cost = math.ceil(seconds * _DATA["music"]["credits"])
        utterance = Utterance(fields.get("prompt") or json.dumps(plan), "music")
        return await self._answer(call, Recording(model, [utterance], cost, seconds), plan)

    def _recording(
        self,
        fields: Mapping[str, Any],
        kind: str,
        utterances: Sequence[Utterance],
        speed: float = 1.0,
    ) -> Recording:
        """Speech, unless its model does not take it."""
        name = fields.get("model_id", _DEFAULT_MODEL[kind])
        model = self._catalog.model(name)
        length = sum(len(each.text) for each in utterances)
        most = model["maximum_text_length_per_request"]
        if length > most:
            message = f"The text has {length} characters, while {name} takes {most}."
            self._reject(400, message, "max_character_limit_exceeded")
        for field in {"previous_text", "next_text"} & fields.keys():
            if name == "eleven_v3":
                self._reject(400, f"'{field}' is not supported by the model '{name}'.")
        cost = math.ceil(length * model["model_rates"]["character_cost_multiplier"])
        return Recording(name, utterances, cost, speed=speed)

    async def _answer(
        self, call: ApiCall, recording: Recording, plan: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        form = self._format(call, recording)
        if isinstance(call.fault, PromptBlocked):
            self._reject(403, call.fault.message or _DATA["blocked"], "content_against_policy")
        if isinstance(call.fault, StreamError):
            self._reject(call.fault.code, call.fault.message)
        way = call.match["way"]
        samples = await asyncio.to_thread(recording.samples, form.rate)
        data = await asyncio.to_thread(form.encode, samples, endless="stream" in way)
        self._used += recording.credits
        call.meter.add(
            self._tariff.bill(recording.model, call.request.path, {"credit": recording.credits})
        )
        seconds = len(samples) / 2 / form.rate
        headers = self._facts(recording, plan)
        if way.endswith("/with-timestamps"):
            is_dialogue = "text-to-dialogue" in call.request.path
            pieces = timed(recording, data, seconds, cuts="stream" in way, voices=is_dialogue)
            return _listed(list(pieces), headers, streams="stream" in way)
        if way == "/detailed":
            return _detailed(data, form, plan or {}, headers)
        step = max(1, math.ceil(len(data) / max(2, seconds / _PIECE)))
        cuts = (step,) * (len(data) // step if way else 1)
        return HttpResponse(data, 200, {"Content-Type": form.mime_type, **headers}, cuts)

    def _format(self, call: ApiCall, recording: Recording) -> Format:
        is_music = recording.model.startswith("music")
        query = read_query(call, "MusicQuery" if is_music else "SpeechQuery")
        name = query.get("output_format", "auto" if is_music else "mp3_44100_128")
        if name == "auto":
            name = "mp3_44100_128" if recording.model == "music_v1" else "mp3_48000_192"
        if name.startswith(("opus", "ulaw", "alaw")):
            self._reject(501, f"The simulator does not play the format {name}.")
        return Format.of(name)

    def _facts(self, recording: Recording, plan: Mapping[str, Any] | None) -> dict[str, str]:
        """What the head of a generation tells."""
        number = next(self._numbers)
        if plan is not None:
            return {"song-id": f"song-{number}"}
        limits = {"current-concurrent-requests": "1", "maximum-concurrent-requests": "5"}
        cost = {"character-cost": str(recording.credits), "tts-latency-ms": "12"}
        return {"history-item-id": f"hist-{number}", **cost, **limits}

    async def _plan(self, call: ApiCall) -> HttpResponse:
        return json_response(_planned(self._read(call, "Plan")))

    async def _subscription(self, _call: ApiCall) -> HttpResponse:
        return json_response({**_DATA["subscription"], "character_count": self._used})

    def _read(self, call: ApiCall, name: str) -> dict[str, Any]:
        body = call.request.body
        if body is None or isinstance(body, bytes):
            raise SchemaError("type" if body else "required", "", None, {"type": "object"})
        fields: dict[str, Any] = _SCHEMA.read(body, name)
        if name == "Music":
            _check_music(fields)
        texts = [each.get("text", "-") for each in fields.get("inputs", [fields])]
        if not (texts and all(text.strip() for text in texts)):
            raise SchemaError("minLength", "inputs" if "inputs" in fields else "text", "", {})
        return fields

    def _reject(self, code: int, message: str, word: str | None = None) -> NoReturn:
        raise RejectedError(self.error(code, message, word))


def _check_music(fields: Mapping[str, Any]) -> None:
    words = None
    if ("prompt" in fields) == ("composition_plan" in fields):
        words = "give exactly one of prompt and composition_plan"
    elif "seed" in fields and "prompt" in fields:
        words = "seed goes with composition_plan only"
    if words:
        raise SchemaError("value", "prompt", fields.get("prompt"), {"value": words})


def _listed(
    pieces: Sequence[Mapping[str, Any]], headers: Mapping[str, str], *, streams: bool
) -> HttpResponse:
    """The sound with its times as JSON: one document, or one in each line."""
    if not streams:
        return json_response(pieces[0], headers=headers)
    lines = [json.dumps(piece).encode() + b"\n\n" for piece in pieces]
    fields = {"Content-Type": "application/json", **headers}
    return HttpResponse(b"".join(lines), 200, fields, tuple(map(len, lines)))


def _planned(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a song: the given one, or one section as long as was asked."""
    if "composition_plan" in fields:
        return dict(fields["composition_plan"])
    length = fields.get("music_length_ms", _DATA["music"]["length_ms"])
    section = {"section_name": "Verse", "duration_ms": length, "lines": []}
    styles: dict[str, Any] = {"positive_local_styles": [], "negative_local_styles": []}
    plan = {"positive_global_styles": [fields["prompt"]], "negative_global_styles": []}
    return {**plan, "sections": [section | styles]}


def _detailed(
    data: bytes, form: Format, plan: Mapping[str, Any], headers: Mapping[str, str]
) -> HttpResponse:
    """The plan and the song as the two parts of one body."""
    facts: dict[str, Any] = {
        "title": "Song",
        "description": None,
        "genres": [],
        "languages": [],
        "is_explicit": False,
    }
    document = json.dumps({"composition_plan": plan, "song_metadata": facts}).encode()
    name = f'Content-Disposition: attachment; filename="song.{form.codec}"'
    edge = f"--{_BOUNDARY}".encode()
    body = b"\r\n".join(
        (
            *(edge, b"Content-Type: application/json", b"", document),
            *(edge, f"Content-Type: {form.mime_type}".encode(), name.encode(), b"", data),
            edge + b"--\r\n",
        )
    )
    mime_type = f"multipart/mixed; boundary={_BOUNDARY}"
    return HttpResponse(body, 200, {"Content-Type": mime_type, **headers})

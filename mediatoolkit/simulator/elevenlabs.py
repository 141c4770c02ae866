"""ElevenLabs: speech, dialogue, sounds and music, with times of each letter; voices and models.

Shapes, limits and errors are those of the official SDK and of recorded traffic; schemas, models and
voices stand in `elevenlabs.json`. Not played, and answered with 501: the formats `opus`, `ulaw` and
`alaw`, films and the detailed stream for music, voices of one's own, everything beside these.

The times in a stream count from its beginning. A credit costs here what the dearest list asks for
a character in a thousand, and a second of sound or music what `elevenlabs.json` says: no list that
we know has a price for those.
"""

import asyncio
import base64
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, NoReturn

from mediatoolkit.simulator.api_faults import PromptBlocked, Status, StreamError
from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.schema import Schema, SchemaError
from mediatoolkit.simulator.sounds import Utterance, speak, times, wav
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Vendor

_PATH = Path(__file__).with_suffix(".json")
_SCHEMA = Schema.load(_PATH)
_QUERY = replace(_SCHEMA, form=True)
_DATA = json.loads(_PATH.read_text(encoding="utf-8"))
_MODELS: dict[str, dict[str, Any]] = {each["model_id"]: each for each in _DATA["models"]}
_VOICES: dict[str, dict[str, Any]] = {each["voice_id"]: each for each in _DATA["voices"]}
_ERRORS: dict[str, tuple[str, str]] = _DATA["errors"]  # word and sentence by status
_DEFAULT_MODEL = {"Speech": "eleven_multilingual_v2", "Dialogue": "eleven_v3"}
_MOST_VOICES = 10
_BOUNDARY = "simulated-song"
_FEW_WORDS = re.compile(r"\s*(?:\S+\s*){1,4}")  # of each line in a stream with times
_PIECE = 0.25  # seconds of sound that come at once


class _Format(NamedTuple):
    """What `output_format` says: codec, samples and kilobits per second."""

    codec: str
    rate: int
    kbits: int = 0

    @classmethod
    def of(cls, name: str) -> "_Format":
        codec, *numbers = name.split("_")
        return cls(codec, *map(int, numbers))

    @property
    def mime_type(self) -> str:
        return {"mp3": "audio/mpeg"}.get(self.codec, f"audio/{self.codec}")

    def encode(self, samples: bytes, *, endless: bool = False) -> bytes:
        """*samples* as a file; the WAV of a stream does not know its length."""
        if self.codec == "mp3":
            return mp3(samples, self.rate, self.kbits)
        return wav(samples, rate=self.rate, endless=endless) if self.codec == "wav" else samples


class _Line(NamedTuple):
    """What is to be heard of one voice: its first letter, its first second, times of letters."""

    utterance: Utterance
    first: int
    start: float
    spans: Sequence[tuple[float, float]]

    @property
    def end(self) -> float:
        return self.spans[-1][1] if self.spans else self.start


class _Take(NamedTuple):
    """One generation."""

    model: str
    utterances: Sequence[Utterance]
    credits: int
    seconds: float | None = None  # of a sound or of music; speech is as long as its words
    speed: float = 1.0

    def samples(self, rate: int) -> bytes:
        samples = speak(self.utterances, round(rate / self.speed))
        if self.seconds is None:
            return samples
        length = round(self.seconds * rate) * 2
        return (samples * (length // max(len(samples), 1) + 1))[:length].ljust(length, b"\0")

    def lines(self) -> Iterator[_Line]:
        index, start = 0, 0.0
        for utterance in self.utterances:
            spans = [
                (round(start + begin / self.speed, 3), round(start + end / self.speed, 3))
                for begin, end in times(utterance.text.rstrip() + " ")
            ]
            yield _Line(utterance, index, start, spans[: len(utterance.text)])
            index, start = index + len(utterance.text), spans[-1][1]


class ElevenLabs(Vendor):
    """The vendor."""

    name: ClassVar[str] = "elevenlabs"

    def make_endpoints(self) -> Sequence[Endpoint]:
        """Speech, dialogue, sounds, music, and what can be looked up."""
        self._numbers = count(1)
        self._tariff = Tariff(self.name, _DATA["prices"], self.settings.day)
        self._previews: dict[str, str] = {}
        self._used = 0  # credits
        way = "(?P<way>(?:/stream)?(?:/with-timestamps)?)"
        made = {
            f"/v1/text-to-speech/(?P<voice>[^/]+?){way}": self._speech,
            f"/v1/text-to-dialogue{way}": self._dialogue,
            "/v1/sound-generation(?P<way>)": self._sound,
            "/v1/music(?P<way>(?:/stream|/detailed)?)": self._music,
        }
        listed = {
            "/v1/voices": self._all_voices,
            "/v2/voices": self._voice_page,
            "/v1/voices/(?P<voice>[^/]+)": self._one_voice,
            "/v1/models": self._models,
            "/v1/user/subscription": self._subscription,
        }
        return (
            *(Endpoint("POST", path, "start", respond) for path, respond in made.items()),
            *(Endpoint("GET", path, "list", respond) for path, respond in listed.items()),
            Endpoint("POST", "/v1/music/plan", "list", self._plan),
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
            return json_response({"detail": [_problem(message or "Invalid request.")]}, code)
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
        voice = self._voice(call.match["voice"])
        speed = fields.get("voice_settings", {}).get("speed", 1.0)
        take = self._take(fields, "Speech", [Utterance(fields["text"], voice)], speed)
        return await self._answer(call, take)

    async def _dialogue(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Dialogue")
        inputs = fields["inputs"]
        utterances = [Utterance(each["text"], self._voice(each["voice_id"])) for each in inputs]
        if len({each.voice for each in utterances}) > _MOST_VOICES:
            self._reject(400, f"A dialogue has at most {_MOST_VOICES} voices.")
        return await self._answer(call, self._take(fields, "Dialogue", utterances))

    async def _sound(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Sound")
        seconds = fields.get("duration_seconds", _DATA["sound"]["seconds"])
        model = fields.get("model_id", "eleven_text_to_sound_v2")
        cost = math.ceil(seconds * _DATA["sound"]["credits"])
        utterance = Utterance(fields["text"], "sound")
        return await self._answer(call, _Take(model, [utterance], cost, seconds))

    async def _music(self, call: ApiCall) -> HttpResponse:
        fields = self._read(call, "Music")
        plan = _planned(fields)
        seconds = sum(section["duration_ms"] for section in plan["sections"]) / 1000
        model = fields.get("model_id", "music_v1")
        cost = math.ceil(seconds * _DATA["music"]["credits"])
        utterance = Utterance(fields.get("prompt") or json.dumps(plan), "music")
        return await self._answer(call, _Take(model, [utterance], cost, seconds), plan)

    def _take(
        self,
        fields: Mapping[str, Any],
        kind: str,
        utterances: Sequence[Utterance],
        speed: float = 1.0,
    ) -> _Take:
        """Speech, unless its model does not take it."""
        name = fields.get("model_id", _DEFAULT_MODEL[kind])
        ended = self.settings.ended
        if name in ended or name not in (*_MODELS, *self.settings.models):
            self._reject(400, f"A model with the model_id {name} was not found.", "model_not_found")
        model = _MODELS.get(name, _MODELS["eleven_flash_v2_5"])
        length = sum(len(each.text) for each in utterances)
        most = model["maximum_text_length_per_request"]
        if length > most:
            message = f"The text has {length} characters, while {name} takes {most}."
            self._reject(400, message, "max_character_limit_exceeded")
        for field in {"previous_text", "next_text"} & fields.keys():
            if name == "eleven_v3":
                self._reject(400, f"'{field}' is not supported by the model '{name}'.")
        cost = math.ceil(length * model["model_rates"]["character_cost_multiplier"])
        return _Take(name, utterances, cost, speed=speed)

    async def _answer(
        self, call: ApiCall, take: _Take, plan: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        form = self._format(call, take)
        if isinstance(call.fault, PromptBlocked):
            self._reject(403, call.fault.message or _DATA["blocked"], "content_against_policy")
        if isinstance(call.fault, StreamError):
            self._reject(call.fault.code, call.fault.message)
        way = call.match["way"]
        samples = await asyncio.to_thread(take.samples, form.rate)
        data = await asyncio.to_thread(form.encode, samples, endless="stream" in way)
        self._used += take.credits
        call.meter.add(self._tariff.bill(take.model, call.request.path, {"credit": take.credits}))
        seconds = len(samples) / 2 / form.rate
        headers = self._facts(take, plan)
        if way.endswith("/with-timestamps"):
            is_dialogue = "text-to-dialogue" in call.request.path
            pieces = _timed(take, data, seconds, cuts="stream" in way, voices=is_dialogue)
            if "stream" not in way:
                return json_response(next(pieces), headers=headers)
            lines = [json.dumps(piece).encode() + b"\n\n" for piece in pieces]
            headers = {"Content-Type": "application/json", **headers}
            return HttpResponse(b"".join(lines), 200, headers, tuple(map(len, lines)))
        if way == "/detailed":
            return _detailed(data, form, plan or {}, headers)
        step = max(1, math.ceil(len(data) / max(2, seconds / _PIECE)))
        cuts = (step,) * (len(data) // step if way else 1)
        return HttpResponse(data, 200, {"Content-Type": form.mime_type, **headers}, cuts)

    def _format(self, call: ApiCall, take: _Take) -> _Format:
        is_music = take.model.startswith("music")
        query = self._query(call, "MusicQuery" if is_music else "SpeechQuery")
        name = query.get("output_format", "auto" if is_music else "mp3_44100_128")
        if name == "auto":
            name = "mp3_44100_128" if take.model == "music_v1" else "mp3_48000_192"
        if name.startswith(("opus", "ulaw", "alaw")):
            self._reject(501, f"The simulator does not play the format {name}.")
        return _Format.of(name)

    def _facts(self, take: _Take, plan: Mapping[str, Any] | None) -> dict[str, str]:
        """What the head of a generation tells."""
        number = next(self._numbers)
        if plan is not None:
            return {"song-id": f"song-{number}"}
        limits = {"current-concurrent-requests": "1", "maximum-concurrent-requests": "5"}
        cost = {"character-cost": str(take.credits), "tts-latency-ms": "12"}
        return {"history-item-id": f"hist-{number}", **cost, **limits}

    async def _plan(self, call: ApiCall) -> HttpResponse:
        return json_response(_planned(self._read(call, "Plan")))

    async def _all_voices(self, _call: ApiCall) -> HttpResponse:
        return json_response({"voices": [self._described(each) for each in _VOICES]})

    async def _one_voice(self, call: ApiCall) -> HttpResponse:
        return json_response(self._described(self._voice(call.match["voice"])))

    async def _voice_page(self, call: ApiCall) -> HttpResponse:
        query = self._query(call, "VoicesQuery")
        names = [name for name, voice in _VOICES.items() if _fits(voice, query)]
        if query.get("sort") == "name":
            names.sort(key=lambda name: _VOICES[name]["name"])
        if query.get("sort_direction") == "desc":
            names.reverse()
        token = query.get("next_page_token")
        if token is not None and token not in names:
            self._reject(400, "The page token is not valid.")
        start = names.index(token) if token else 0
        stop = start + query.get("page_size", 10)
        following = names[stop] if stop < len(names) else None
        page: dict[str, Any] = {"voices": [self._described(name) for name in names[start:stop]]}
        page |= {"has_more": following is not None, "next_page_token": following}
        return json_response(page | {"total_count": len(names)})

    async def _models(self, _call: ApiCall) -> HttpResponse:
        further = [{"model_id": name, "name": name} for name in self.settings.models]
        models = [*_MODELS.values(), *further]
        return json_response(
            [each for each in models if each["model_id"] not in self.settings.ended]
        )

    async def _subscription(self, _call: ApiCall) -> HttpResponse:
        return json_response({**_DATA["subscription"], "character_count": self._used})

    def _described(self, name: str) -> dict[str, Any]:
        """A voice, with a sample that anybody may hear."""
        voice = _VOICES[name]
        if name not in self._previews:
            samples = speak([Utterance(f"Hello, I am {voice['name']}.", name)], 44_100)
            file = HostedFile(mp3(samples, 44_100, 64), "audio/mpeg")
            self._previews[name] = self.settings.file_host.host(file)
        return {**voice, "preview_url": self.files_origin() + self._previews[name]}

    def _voice(self, name: str) -> str:
        if name not in _VOICES:
            message = f"A voice with the voice_id '{name}' was not found."
            self._reject(404, message, "voice_not_found")
        return name

    def _read(self, call: ApiCall, name: str) -> dict[str, Any]:
        body = call.request.body
        if body is None or isinstance(body, bytes):
            raise SchemaError("type" if body else "required", "", None, {"type": "object"})
        fields: dict[str, Any] = _SCHEMA.read(body, name)
        texts = [each["text"] for each in fields.get("inputs", [fields]) if "text" in each]
        if not all(text.strip() for text in texts):
            raise SchemaError("minLength", "text", "", {})
        if name in {"Music", "Plan"} and ("prompt" in fields) == ("composition_plan" in fields):
            words = "give exactly one of prompt and composition_plan"
            raise SchemaError("value", "prompt", fields.get("prompt"), {"value": words})
        return fields

    def _query(self, call: ApiCall, name: str) -> dict[str, Any]:
        values = dict(call.request.query)
        try:
            query: dict[str, Any] = _QUERY.read(values, name)
        except SchemaError as error:
            detail = [problem(error, values, "query")]
            raise RejectedError(json_response({"detail": detail}, 422)) from error
        return query

    def _reject(self, code: int, message: str, word: str | None = None) -> NoReturn:
        raise RejectedError(self.error(code, message, word))


def _timed(
    take: _Take, data: bytes, seconds: float, *, cuts: bool, voices: bool
) -> Iterator[dict[str, Any]]:
    """The sound with the times of its letters: at once, or a few words at a time."""
    lines = list(take.lines())
    letters = "".join(line.utterance.text for line in lines)
    spans = [span for line in lines for span in line.spans]
    edges = [words.end() for words in _FEW_WORDS.finditer(letters)]
    start, sent = 0, 0
    for edge in edges if cuts else [len(letters)]:
        until = len(data)
        if edge < len(letters):
            until = round(spans[edge - 1][1] / seconds * len(data)) // 2 * 2
        begins, ends = zip(*spans[start:edge], strict=True)
        alignment = {
            "characters": list(letters[start:edge]),
            "character_start_times_seconds": begins,
            "character_end_times_seconds": ends,
        }
        audio = base64.b64encode(data[sent:until]).decode()
        piece: dict[str, Any] = {
            "audio_base64": audio,
            "alignment": alignment,
            "normalized_alignment": alignment,
        }
        if voices:
            segments = [_segment(number, line) for number, line in enumerate(lines)]
            piece["voice_segments"] = [
                each for each in segments if start <= each["character_start_index"] < edge
            ]
        yield piece
        start, sent = edge, until


def _segment(number: int, line: _Line) -> dict[str, Any]:
    """Which letters and seconds one line of a dialogue has."""
    return {
        "voice_id": line.utterance.voice,
        "start_time_seconds": line.start,
        "end_time_seconds": line.end,
        "character_start_index": line.first,
        "character_end_index": line.first + len(line.utterance.text),
        "dialogue_input_index": number,
    }


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
    data: bytes, form: _Format, plan: Mapping[str, Any], headers: Mapping[str, str]
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


def _fits(voice: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a page for *query* shows *voice*."""
    texts = (voice["name"], voice["description"], *voice["labels"].values())
    is_default = voice["category"] == "premade"
    kind = query.get("voice_type")
    return (
        query.get("search", "").casefold() in " ".join(texts).casefold()
        and query.get("category", voice["category"]) == voice["category"]
        and (kind is None or is_default == (kind == "default"))
    )


def _problem(message: str) -> dict[str, Any]:
    return {"type": "value_error", "loc": ["body"], "msg": message, "input": {}}

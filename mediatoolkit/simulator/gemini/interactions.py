"""The Interactions API: pictures, speech and films, at once or in the background with polls."""

import asyncio
import base64
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mediatoolkit.simulator.api_faults import (
    ApiFault,
    EndsAs,
    PromptBlocked,
    Status,
    StreamError,
    TextOnly,
)
from mediatoolkit.simulator.films import FilmOrder, is_mp4, shoot
from mediatoolkit.simulator.gemini.catalog import GeminiCatalog
from mediatoolkit.simulator.gemini.content import signature_of
from mediatoolkit.simulator.gemini.envelope import (
    InvalidError,
    error,
    error_body,
    status_fault,
    word_error,
)
from mediatoolkit.simulator.gemini.faults import ResultAt, Stumbles
from mediatoolkit.simulator.gemini.files import GeminiFiles, timestamp
from mediatoolkit.simulator.gemini.interaction_request import (
    InteractionRequest,
    check_request,
    contents_of,
    form_of,
    utterances_in,
)
from mediatoolkit.simulator.gemini.speech import SPEECH_TOKENS, pieces_of
from mediatoolkit.simulator.http import HttpResponse, event_stream, json_response
from mediatoolkit.simulator.meter import Tariff
from mediatoolkit.simulator.pictures import MadePicture, NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema
from mediatoolkit.simulator.sounds import RATE, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Settings

_NAME = re.compile(r"v1_[\w-]{16,}")
_SHORT_SIDE = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
_STUMBLES = {
    400: ("invalid_request", "Invalid interaction name: interactions/{id}"),
    403: (
        "permission_denied",
        "There was a problem processing your request. You will not be charged.",
    ),
    404: ("not_found", "Requested entity was not found."),
}


@dataclass(frozen=True, slots=True)
class InteractionResult:
    """What an interaction brings.

    Attributes:
        facts: The content without its bytes.
        data: The bytes.
        tokens: What it costs.
        signature: Of the thought that comes first.
    """

    facts: dict[str, Any]
    data: bytes
    tokens: int
    signature: str


@dataclass(eq=False, slots=True)
class Interaction:
    """One interaction, which lives as long as the simulator.

    Attributes:
        request: What was asked for.
        looks: How many more polls find it unfinished.
        fate: The fault that decides its end, or None.
        stumbles: How many more polls do not find it.
        path: Of the request that began it.
        thoughts: Tokens that a picture or film takes beside itself.
    """

    request: InteractionRequest
    looks: int
    fate: ApiFault | None
    stumbles: int
    path: str
    thoughts: int
    id: str = field(default_factory=lambda: f"v1_{secrets.token_urlsafe(12)}")
    status: str = "in_progress"
    steps: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    tokens: int = 0
    created: str = field(default_factory=timestamp)
    updated: str = field(default_factory=timestamp)

    @property
    def runs(self) -> bool:
        """Whether it is unfinished."""
        return self.status == "in_progress"

    def end(self, status: str, content: dict[str, Any] | None = None, result: Any = None) -> None:
        """Record its end, with this content if any; a thought comes first."""
        self.status, self.updated = status, timestamp()
        signature = result.signature if result else base64.b64encode(self.id.encode()).decode()
        thought = {"type": "thought", "signature": signature}
        self.tokens = result.tokens if result else 0
        self.steps = [thought, {"type": "model_output", "content": [content]}] if content else []

    def body(self, *, with_input: bool) -> dict[str, Any]:
        """What the vendor tells of it: a GET always shows the input, a POST never."""
        body = self.head() | {"created": self.created, "updated": self.updated}
        steps = [{"type": "user_input", "content": self._input()}, *self.steps]
        if with_input or self.steps:
            body["steps"] = steps if with_input else self.steps
        if self.errors:
            body["errors"] = self.errors
        return body | ({} if self.runs else {"usage": self.usage()})

    def head(self) -> dict[str, Any]:
        """What every event and every body begins with."""
        return {
            "id": self.id,
            "object": "interaction",
            "status": self.status,
            "model": self.request.model.id,
            "service_tier": self.tier,
        }

    @property
    def tier(self) -> str:
        """The service tier."""
        return str(self.request.body.get("service_tier", "standard"))

    def units(self, tokens: int) -> dict[str, int]:
        """What is billed when the media costs *tokens*, by direction and modality."""
        incoming = self._incoming()
        return {
            "input_text": incoming["text"],
            "input_image": incoming["image"],
            f"output_{self.request.model.makes.lower()}": tokens,
            "output_text": self.thoughts if tokens else 0,
        }

    def usage(self) -> dict[str, Any]:
        """Token counts."""
        incoming = self._incoming()
        modality = self.request.model.makes.lower()
        thoughts = self.thoughts if self.tokens else 0
        total = sum(incoming.values())
        return {
            "total_input_tokens": total,
            "input_tokens_by_modality": _by_modality(incoming),
            "total_cached_tokens": 0,
            "total_output_tokens": self.tokens,
            "output_tokens_by_modality": _by_modality({modality: self.tokens}),
            "total_thought_tokens": thoughts,
            "total_tool_use_tokens": 0,
            "total_tokens": total + self.tokens + thoughts,
        }

    def _incoming(self) -> dict[str, int]:
        kinds = [content["type"] for content in self.request.contents]
        return {
            "text": -(-len(self.request.text) // 4),
            "image": self.request.model.reference * kinds.count("image"),
        }

    def events(self) -> Iterator[dict[str, Any]]:
        """What a stream tells of it."""
        running = self.head() | {"status": "in_progress"}
        yield {"event_type": "interaction.created", "interaction": running}
        yield {
            "event_type": "interaction.status_update",
            "interaction_id": self.id,
            "status": "in_progress",
        }
        for index, step in enumerate(self.steps):
            start = {"type": step["type"]}
            yield {"event_type": "step.start", "index": index, "step": start}
            for delta in _deltas(step):
                yield {"event_type": "step.delta", "index": index, "delta": delta}
            yield {"event_type": "step.stop", "index": index}
        ended = self.head() | {"usage": self.usage()}
        yield {"event_type": "interaction.completed", "interaction": ended}

    def _input(self) -> list[Any]:
        """The input as the contents of one step."""
        steps = self.request.body["input"]
        if isinstance(steps, str):
            return [{"type": "text", "text": steps}]
        contents: list[Any] = []
        for step in steps:
            contents += step.get("content", []) if step["type"] == "user_input" else [step]
        return contents


@dataclass(frozen=True, slots=True)
class InteractionService:
    """Answers everything about interactions."""

    settings: Settings
    catalog: GeminiCatalog
    files: GeminiFiles
    schema: Schema
    tariff: Tariff
    _interactions: dict[str, Interaction] = field(default_factory=dict, init=False, repr=False)

    def endpoints(self, version: str) -> Sequence[Endpoint]:
        """The paths under *version*."""
        every, single = f"{version}/interactions", f"{version}/interactions/(?P<id>[^/:]+)"
        return (
            Endpoint("POST", every, "start", self._start),
            Endpoint("GET", single, "poll", self._poll),
            Endpoint("DELETE", single, "delete", self._delete),
            Endpoint("POST", f"{single}/cancel", "cancel", self._cancel),
        )

    async def _start(self, call: ApiCall) -> HttpResponse:
        request = await self._read(call.request.body)
        fault = call.fault
        if isinstance(fault, PromptBlocked):
            raise InvalidError(fault.message or "The prompt was blocked by our safety policy.")
        if isinstance(fault, StreamError) and not request.stream:
            status = Status(fault.code, message=fault.message)
            raise RejectedError(status_fault(status, request.model.id))
        stumbles = fault.times if isinstance(fault, Stumbles) else 0
        thinks = request.model.makes != "AUDIO"
        thoughts = self.settings.draw(self.settings.thoughts) if thinks else 0
        path, looks = call.request.path, self.settings.looks
        interaction = Interaction(request, looks, fault, stumbles, path, thoughts)
        self._interactions[interaction.id] = interaction
        if request.background:
            self._expect(interaction, _film_tokens(request))
        else:
            await self._finish(interaction, fault)
        if request.stream:
            return self._stream(interaction, fault)
        return json_response(interaction.body(with_input=False))

    async def _poll(self, call: ApiCall) -> HttpResponse:
        interaction, fault = self._find(call.match["id"]), call.fault
        if interaction.stumbles > 0:
            interaction.stumbles -= 1
            raise RejectedError(_stumble(interaction))
        decided = isinstance(fault, EndsAs | ResultAt | TextOnly)
        if interaction.runs and (interaction.looks <= 0 or decided):
            await self._finish(interaction, fault if decided else interaction.fate)
        interaction.looks -= 1
        if call.request.query.get("stream") == "true":
            return self._stream(interaction, fault)
        return json_response(interaction.body(with_input=True))

    async def _delete(self, call: ApiCall) -> HttpResponse:
        del self._interactions[self._find(call.match["id"]).id]
        return json_response({})

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        interaction, fault = self._find(call.match["id"]), call.fault
        if isinstance(fault, EndsAs):
            if fault.status == "completed":
                self.settings.meter.finish(interaction.id)
            return json_response({"id": interaction.id, "status": fault.status})
        if not interaction.runs:
            raise InvalidError(f"Interaction {interaction.id} is not running.")
        interaction.end("cancelled")
        self.settings.meter.drop(interaction.id)
        return json_response({"id": interaction.id, "status": "cancelled"})

    def _find(self, name: str) -> Interaction:
        if not _NAME.fullmatch(name):
            raise InvalidError(f"Invalid interaction name: interactions/{name}")
        if name not in self._interactions:
            raise RejectedError(word_error(*_STUMBLES[404], 404))
        return self._interactions[name]

    def _stream(self, interaction: Interaction, fault: ApiFault | None) -> HttpResponse:
        events = list(interaction.events())
        if isinstance(fault, StreamError):
            word = error_body(fault.code)["error"]["status"].lower()
            broken = {"code": word, "message": fault.message}
            events = [*events[:3], {"event_type": "error", "error": broken}]
        named = [(event["event_type"], json.dumps(event)) for event in events]
        return event_stream([*named, ("done", "[DONE]")], self.settings.newline)

    async def _finish(self, interaction: Interaction, fate: ApiFault | None) -> None:
        match fate:
            case EndsAs(status, message=message, code=code):
                interaction.end(status)
                if status == "completed":
                    self._expect(interaction, 0)
                    self.settings.meter.finish(interaction.id)
                elif not interaction.runs:
                    self.settings.meter.drop(interaction.id)
                interaction.errors = [{"code": code, "message": message}] if message else []
            case TextOnly(text):
                # The policy's refusal in this API: nothing is billed.
                interaction.end("completed", {"type": "text", "text": text})
                self.settings.meter.drop(interaction.id)
            case _:
                result = await self._make(interaction.request)
                # It may have been cancelled meanwhile, or finished by another poll.
                if interaction.runs:
                    content = self._delivered(result, interaction.request, fate)
                    interaction.end("completed", content, result)
                    if not interaction.request.background:
                        self._expect(interaction, result.tokens)
                    self.settings.meter.finish(interaction.id)

    def _expect(self, interaction: Interaction, tokens: int) -> None:
        """Let the meter know what the work will cost."""
        model, units = interaction.request.model.id, interaction.units(tokens)
        record = self.tariff.bill(model, interaction.path, units, interaction.tier)
        self.settings.meter.begin(interaction.id, record)

    def _delivered(
        self, result: InteractionResult, request: InteractionRequest, fate: ApiFault | None
    ) -> dict[str, Any]:
        """The content with its bytes, or with an address to fetch them from."""
        if isinstance(fate, ResultAt):
            return {**result.facts, "uri": fate.uri}
        if request.form.get("delivery") == "uri":
            uri = self.files.keep(result.data, result.facts["mime_type"])
            return {**result.facts, "uri": uri}
        return {**result.facts, "data": base64.b64encode(result.data).decode()}

    async def _read(self, body: Any) -> InteractionRequest:
        read = self.schema.read(body, "CreateInteraction")
        if "agent" in read or "model" not in read:
            raise InvalidError("Name a model.", "model")
        model = self.catalog.get(read["model"])
        if model is None:
            missing = f"Model {read['model']} is not found."
            raise RejectedError(word_error("not_found", missing, 404))
        request = InteractionRequest(
            model=model,
            contents=tuple(contents_of(read.get("input"))),
            form=form_of(read.get("response_format"), model),
            config=read.get("generation_config", {}),
            background=read.get("background", False),
            store=read.get("store", True),
            stream=read.get("stream", False),
            body=body,
        )
        previous = read.get("previous_interaction_id")
        check_request(request, goes_on=previous is not None)
        for index, content in enumerate(request.contents):
            await self._check_media(content, f"input[{index}].data")
        if previous is not None and not self._find(previous).request.store:
            raise InvalidError("Invalid interaction name: it was not stored.")
        return request

    async def _check_media(self, content: dict[str, Any], path: str) -> None:
        if content["type"] == "video" and not is_mp4(self._bytes(content, path)):
            raise InvalidError("Unable to process input video.", path)
        if content["type"] != "image":
            return
        try:
            picture = await self.settings.pictures.look(self._bytes(content, path))
        except NotAPictureError as problem:
            raise InvalidError("Unable to process input image.", path) from problem
        if picture.mime_type != content["mime_type"]:
            there = content["mime_type"]
            raise InvalidError(f"The picture is {picture.mime_type}, not {there}.", path)

    def _bytes(self, content: dict[str, Any], path: str) -> bytes:
        if "data" in content:
            return bytes(content["data"])
        file = self.files.find(content["uri"])
        if file is None:
            raise InvalidError(f"The file {content['uri']} does not exist.", path)
        return file.data

    async def _make(self, request: InteractionRequest) -> InteractionResult:
        match request.model.makes:
            case "IMAGE":
                return await self._picture(request)
            case "AUDIO":
                return await _speech(request)
            case "VIDEO":
                return await self._film(request)

    async def _picture(self, request: InteractionRequest) -> InteractionResult:
        size = request.form.get("image_size", "1K")
        pixels = request.model.pixels(request.form.get("aspect_ratio"), size)
        picture = await self._draw(request, pixels)
        facts = {"type": "image", "mime_type": picture.mime_type}
        tokens = request.model.tokens[size]
        return InteractionResult(facts, picture.data, tokens, signature_of(picture))

    async def _film(self, request: InteractionRequest) -> InteractionResult:
        short = _SHORT_SIDE[request.form.get("resolution", "720p")]
        size = (short * 16 // 9, short)
        width, height = size if request.form.get("aspect_ratio") != "9:16" else size[::-1]
        data = self.settings.film
        if data is None:
            picture = (await self._draw(request, (width, height))).data
            order = FilmOrder(request.text, picture, width, height, request.seconds)
            data = await asyncio.to_thread(shoot, order)
        return InteractionResult(
            {"type": "video", "mime_type": "video/mp4"},
            data,
            _film_tokens(request),
            secrets.token_urlsafe(96),
        )

    async def _draw(self, request: InteractionRequest, size: tuple[int, int]) -> MadePicture:
        images = [content for content in request.contents if content["type"] == "image"]
        references = tuple(self._bytes(content, "input") for content in images)
        text, seed = request.text or "picture", request.config.get("seed")
        order = PictureOrder(text, *size, seed, references, "JPEG", exact=True)
        return await self.settings.pictures.make(order)


def _film_tokens(request: InteractionRequest) -> int:
    per_second = request.model.tokens[request.form.get("resolution", "720p")]
    return round(request.seconds * per_second)


async def _speech(request: InteractionRequest) -> InteractionResult:
    rate = request.form.get("sample_rate", RATE)
    mime_type = request.form.get("mime_type", "audio/l16")
    sound = await asyncio.to_thread(speak, utterances_in(request), rate)
    tokens = -(-len(sound) // 2 * SPEECH_TOKENS // rate)
    data = wav(sound, rate=rate) if mime_type == "audio/wav" else sound
    facts = {"type": "audio", "mime_type": mime_type, "sample_rate": rate, "channels": 1}
    return InteractionResult(facts, data, tokens, secrets.token_urlsafe(96))


def _stumble(interaction: Interaction) -> HttpResponse:
    """What a poll gets about work that goes on all the same, as the real service does it."""
    code = interaction.fate.code if isinstance(interaction.fate, Stumbles) else 403
    if code not in _STUMBLES:
        return error(code)
    word, message = _STUMBLES[code]
    return word_error(word, message.format(id=interaction.id), code)


def _by_modality(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokens": count} for name, count in counts.items() if count]


def _deltas(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step as a stream brings it: sound in pieces, everything else whole."""
    if step["type"] == "thought":
        yield {"type": "thought_signature", "signature": step["signature"]}
        return
    for content in step["content"]:
        if content["type"] != "audio" or "data" not in content:
            yield content
            continue
        for piece in pieces_of(base64.b64decode(content["data"])):
            yield {**content, "data": base64.b64encode(piece).decode()}

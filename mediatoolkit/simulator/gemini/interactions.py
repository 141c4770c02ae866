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
    PromptBlocked,
    Status,
    StreamError,
    TextOnly,
)
from mediatoolkit.simulator.films import FilmOrder, is_mp4, shoot
from mediatoolkit.simulator.gemini.catalog import (
    DEFAULT_VOICE,
    GeminiCatalog,
    GeminiModel,
    check_voice,
)
from mediatoolkit.simulator.gemini.content import (
    PICTURE_TOKENS,
    THOUGHT_TOKENS,
    check_format,
    signature_of,
)
from mediatoolkit.simulator.gemini.envelope import (
    InvalidError,
    error,
    error_body,
    status_fault,
    word_error,
)
from mediatoolkit.simulator.gemini.faults import EndsAs, ResultAt, Stumbles
from mediatoolkit.simulator.gemini.files import GeminiFiles, timestamp
from mediatoolkit.simulator.gemini.speech import SPEECH_TOKENS, pieces_of
from mediatoolkit.simulator.http import HttpResponse, event_stream, json_response
from mediatoolkit.simulator.pictures import MadePicture, NotAPictureError, PictureOrder
from mediatoolkit.simulator.schema import Schema
from mediatoolkit.simulator.sounds import RATE, Utterance, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Settings

_NAME = re.compile(r"v1_[\w-]{16,}")
_MEDIA = ("image", "audio", "video", "document")
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_SHORTEST, _LONGEST = 3, 10  # seconds
_SHORT_SIDE = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
_FILM_TOKENS = 1158.4  # per second, from a recorded answer of five
_STUMBLES = {
    400: ("invalid_request", "Invalid interaction name: interactions/{id}"),
    403: (
        "permission_denied",
        "There was a problem processing your request. You will not be charged.",
    ),
    404: ("not_found", "Requested entity was not found."),
}


@dataclass(frozen=True, slots=True)
class InteractionRequest:
    """One valid request.

    Attributes:
        model: Who is to answer.
        contents: What the user gave, in order, bytes decoded.
        form: The response format, with its `type`.
        config: The generation settings.
        background: Whether the response comes at once and the work later.
        store: Whether another interaction may go on from this one.
        stream: Whether events are wanted.
        body: As it came.
    """

    model: GeminiModel
    contents: tuple[dict[str, Any], ...]
    form: dict[str, Any]
    config: dict[str, Any]
    background: bool
    store: bool
    stream: bool
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """Everything that the user says."""
        texts = (content["text"] for content in self.contents if content["type"] == "text")
        return " ".join(texts).strip()

    @property
    def seconds(self) -> float:
        """Duration of the film, the vendor's choice when none was given."""
        duration = _DURATION.fullmatch(self.form.get("duration", "5s"))
        return float(duration[1]) if duration else 0.0


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
    """

    request: InteractionRequest
    looks: int
    fate: ApiFault | None
    stumbles: int
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
        """It has come to an end, with this content if any; a thought comes first."""
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
            "service_tier": self.request.body.get("service_tier", "standard"),
        }

    def usage(self) -> dict[str, Any]:
        """Token counts."""
        kinds = [content["type"] for content in self.request.contents]
        incoming = {
            "text": -(-len(self.request.text) // 4),
            "image": PICTURE_TOKENS * kinds.count("image"),
        }
        modality = self.request.model.makes.lower()
        thoughts = THOUGHT_TOKENS if self.tokens else 0
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
    _interactions: dict[str, Interaction] = field(default_factory=dict, init=False, repr=False)

    def endpoints(self, version: str) -> Sequence[Endpoint]:
        """The paths under *version*."""
        every, one = f"{version}/interactions", f"{version}/interactions/(?P<id>[^/:]+)"
        return (
            Endpoint("POST", every, "start", self._start),
            Endpoint("GET", one, "poll", self._poll),
            Endpoint("DELETE", one, "delete", self._delete),
            Endpoint("POST", f"{one}/cancel", "cancel", self._cancel),
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
        interaction = Interaction(request, self.settings.looks, fault, stumbles)
        self._interactions[interaction.id] = interaction
        if not request.background:
            await self._finish(interaction, fault)
        if request.stream:
            return self._stream(interaction, fault)
        return json_response(interaction.body(with_input=False))

    async def _poll(self, call: ApiCall) -> HttpResponse:
        interaction, fault = self._find(call.place["id"]), call.fault
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
        del self._interactions[self._find(call.place["id"]).id]
        return json_response({})

    async def _cancel(self, call: ApiCall) -> HttpResponse:
        interaction, fault = self._find(call.place["id"]), call.fault
        if isinstance(fault, EndsAs):
            return json_response({"id": interaction.id, "status": fault.status})
        if not interaction.runs:
            raise InvalidError(f"Interaction {interaction.id} is not running.")
        interaction.end("cancelled")
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
                interaction.errors = [{"code": code, "message": message}] if message else []
            case TextOnly(text):
                interaction.end("completed", {"type": "text", "text": text})
            case _:
                result = await self._make(interaction.request)
                # It may have been cancelled meanwhile, or finished by another poll.
                if interaction.runs:
                    content = self._delivered(result, interaction.request, fate)
                    interaction.end("completed", content, result)

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
            contents=tuple(_contents(read.get("input"))),
            form=_form(read.get("response_format"), model),
            config=read.get("generation_config", {}),
            background=read.get("background", False),
            store=read.get("store", True),
            stream=read.get("stream", False),
            body=body,
        )
        previous = read.get("previous_interaction_id")
        _check(request, goes_on=previous is not None)
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
        tokens = round(request.seconds * _FILM_TOKENS)
        return InteractionResult(
            {"type": "video", "mime_type": "video/mp4"}, data, tokens, secrets.token_urlsafe(96)
        )

    async def _draw(self, request: InteractionRequest, size: tuple[int, int]) -> MadePicture:
        images = [content for content in request.contents if content["type"] == "image"]
        references = tuple(self._bytes(content, "input") for content in images)
        text, seed = request.text or "picture", request.config.get("seed", 0)
        order = PictureOrder(text, *size, seed, references, "JPEG", exact=True)
        return await self.settings.pictures.make(order)


async def _speech(request: InteractionRequest) -> InteractionResult:
    rate = request.form.get("sample_rate", RATE)
    mime_type = request.form.get("mime_type", "audio/l16")
    sound = await asyncio.to_thread(speak, _utterances(request), rate)
    tokens = -(-len(sound) // 2 * SPEECH_TOKENS // rate)
    data = wav(sound, rate=rate) if mime_type == "audio/wav" else sound
    facts = {"type": "audio", "mime_type": mime_type, "sample_rate": rate, "channels": 1}
    return InteractionResult(facts, data, tokens, secrets.token_urlsafe(96))


def _utterances(request: InteractionRequest) -> list[Utterance]:
    """What is to be said, and by whom."""
    voice, speakers = _voices(request.config.get("speech_config", []))
    utterances = []
    for index, content in enumerate(request.contents):
        if content["type"] != "text":
            raise InvalidError(f"{request.model.id} takes text only.", f"input[{index}]")
        notes = (content.get("annotations") or [{}])[0]
        speaker = notes.get("speaker")
        if speakers and speaker is not None and speaker not in speakers:
            raise InvalidError(f"Speaker {speaker} has no voice.", f"input[{index}].annotations")
        name = speakers.get(speaker, voice)
        utterances.append(Utterance(content["text"], name, notes.get("style", "")))
    return utterances


def _voices(config: Any) -> tuple[str, dict[str, str]]:
    """The voice of everything, and those of named speakers."""
    entries = config.get("speakers", []) if isinstance(config, dict) else config
    common, speakers = "", {}
    for index, entry in enumerate(entries):
        path = f"generation_config.speech_config[{index}].voice"
        voice = check_voice(entry.get("voice", DEFAULT_VOICE), path, custom=True)
        if "speaker" in entry:
            speakers[entry["speaker"]] = voice
        else:
            common = voice
    return common or next(iter(speakers.values()), DEFAULT_VOICE), speakers


def _contents(steps: Any) -> list[dict[str, Any]]:
    """The user's contents, whichever of the ways they were given in."""
    if isinstance(steps, str):
        steps = [{"type": "text", "text": steps}]
    contents: list[dict[str, Any]] = []
    for index, step in enumerate(steps or ()):
        if step["type"] == "user_input":
            contents += step.get("content", [])
        elif step["type"] in {"text", *_MEDIA}:
            contents.append(step)
        for content in (step, *step.get("content", ())):
            _check_content(content, f"input[{index}]")
    if not any(
        content.get("text", "").strip() or content["type"] != "text" for content in contents
    ):
        raise InvalidError("The input must say something.", "input")
    return contents


def _check_content(content: dict[str, Any], path: str) -> None:
    kind = content["type"]
    if kind == "text" and "text" not in content:
        raise InvalidError("A text content needs its text.", f"{path}.text")
    if kind not in _MEDIA:
        return
    if len({"data", "uri"} & content.keys()) != 1:
        raise InvalidError(f"{kind} needs one of data and uri.", path)
    mime_type = content.get("mime_type", "")
    if not mime_type.startswith("application/" if kind == "document" else f"{kind}/"):
        there = content.get("mime_type")
        raise InvalidError(f"Unsupported MIME type: {there}", f"{path}.mime_type")


def _form(formats: Any, model: GeminiModel) -> dict[str, Any]:
    """The format of the media; words may be asked for beside it."""
    kind = model.makes.lower()
    formats = formats if isinstance(formats, list) else [formats or {"type": kind}]
    media = [form for form in formats if form["type"] != "text"]
    if len(media) != 1 or media[0]["type"] != kind:
        raise InvalidError(f"{model.id} answers with one {kind}.", "response_format")
    form: dict[str, Any] = media[0]
    return form


def _check(request: InteractionRequest, *, goes_on: bool) -> None:
    """What the vendor checks beside the shape."""
    form, model = request.form, request.model
    if model.makes != "VIDEO" and request.background:
        raise InvalidError(f"Model '{model.id}' does not support background interactions.")
    if model.makes != "VIDEO" and "delivery" in form:
        raise InvalidError(f"{form['type'].capitalize()} delivery mode is not supported.")
    if request.background and request.stream:
        raise InvalidError("background and stream exclude each other.", "stream")
    if "duration" in form and not _SHORTEST <= request.seconds <= _LONGEST:
        raise InvalidError("Invalid duration.", "response_format.duration")
    if model.makes == "IMAGE":
        shape = (form.get("aspect_ratio"), form.get("image_size"))
        check_format(model, *shape, "response_format")
    if model.makes == "AUDIO":
        _utterances(request)
    mime_type = form.get("mime_type", "audio/wav")
    if mime_type not in {"audio/wav", "audio/l16", "image/jpeg"}:
        # The service makes them; this simulator has no encoder.
        raise InvalidError(
            f"{mime_type} is not simulated: use audio/wav or audio/l16.",
            "response_format.mime_type",
        )
    _check_task(request, goes_on=goes_on)


def _check_task(request: InteractionRequest, *, goes_on: bool) -> None:
    task = request.config.get("video_config", {}).get("task")
    kinds = {content["type"] for content in request.contents}
    path = "generation_config.video_config.task"
    if task is not None and request.model.makes != "VIDEO":
        raise InvalidError(f"{request.model.id} makes no video.", path)
    if task in {"image_to_video", "reference_to_video"} and "image" not in kinds:
        raise InvalidError(f"{task} needs an image.", path)
    if task in {"edit", "extend", "upscale"} and "video" not in kinds and not goes_on:
        raise InvalidError(f"{task} needs a video or a previous interaction.", path)


def _stumble(interaction: Interaction) -> HttpResponse:
    """What a poll hears of work that is going on all the same; as seen of the real service."""
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

"""What a request for an interaction asks for, and what the vendor checks beside its shape."""

import re
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.catalog import DEFAULT_VOICE, GeminiModel, check_voice
from mediatoolkit.simulator.gemini.content import check_format
from mediatoolkit.simulator.gemini.envelope import InvalidError
from mediatoolkit.simulator.sounds import Utterance

_MEDIA = ("image", "audio", "video", "document")
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_SHORTEST, _LONGEST = 3, 10  # seconds


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


def contents_of(steps: Any) -> list[dict[str, Any]]:
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


def form_of(formats: Any, model: GeminiModel) -> dict[str, Any]:
    """The format of the media; words may be asked for beside it."""
    kind = model.makes.lower()
    formats = formats if isinstance(formats, list) else [formats or {"type": kind}]
    media = [form for form in formats if form["type"] != "text"]
    if len(media) != 1 or media[0]["type"] != kind:
        raise InvalidError(f"{model.id} answers with one {kind}.", "response_format")
    form: dict[str, Any] = media[0]
    return form


def check_request(request: InteractionRequest, *, goes_on: bool) -> None:
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
        utterances_in(request)
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


def utterances_in(request: InteractionRequest) -> list[Utterance]:
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

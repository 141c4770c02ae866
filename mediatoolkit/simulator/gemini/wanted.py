"""What a request for an interaction wants, after strict validation."""

import re
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.schema import (
    InvalidError,
    Shape,
    anything,
    boolean,
    data,
    enum,
    integer,
    number,
    record,
    repeated,
    string,
    tagged,
)

_TASKS = (
    "text_to_video",
    "image_to_video",
    "reference_to_video",
    "edit",
    "extend",
    "upscale",
)
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
_HARMS = ("harassment", "hate_speech", "sexually_explicit", "dangerous_content", "civic_integrity")
_THRESHOLDS = ("none", "only_high", "medium_and_above", "low_and_above")
_SOUNDS = ("audio/mp3", "audio/ogg_opus", "audio/l16", "audio/wav", "audio/alaw", "audio/mulaw")
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_SHORTEST, _LONGEST = 3, 10  # seconds


def _either(one: Shape, many: Shape) -> Shape:
    """One object, or a list."""

    def read(value: Any, path: str) -> Any:
        return (many if isinstance(value, list) else one)(value, path)

    return read


_SPEECH_NOTE = record(speaker=string, style=string)
_MEDIA = record(mime_type=string, data=data, uri=string, resolution=string)
_CONTENTS: dict[str, Shape] = {
    "text": record(text=string, annotations=repeated(tagged(speech_metadata=_SPEECH_NOTE))),
    **dict.fromkeys(("image", "audio", "video", "document"), _MEDIA),
}
_TURN = record(content=repeated(tagged(**_CONTENTS)))
_ITEM = tagged(
    user_input=_TURN,
    model_output=_TURN,
    thought=record(signature=string, summary=anything),
    **_CONTENTS,
)
_DELIVERY = enum("Delivery", "inline", "uri")
_FORMAT = tagged(
    image=record(
        aspect_ratio=string,
        image_size=string,
        mime_type=enum("MimeType", "image/jpeg"),
        delivery=_DELIVERY,
    ),
    audio=record(
        mime_type=enum("MimeType", *_SOUNDS),
        sample_rate=integer(8000, 48_000),
        bit_rate=integer(1),
        delivery=_DELIVERY,
    ),
    video=record(
        aspect_ratio=enum("AspectRatio", "16:9", "9:16"),
        resolution=enum("Resolution", "360p", "720p", "1080p", "4k"),
        duration=string,
        delivery=_DELIVERY,
    ),
)
_SPEAKER = record(voice=string, language=string, speaker=string)
_CONFIG = record(
    seed=integer(),
    max_output_tokens=integer(1),
    stop_sequences=repeated(string),
    thinking_level=enum("ThinkingLevel", *_LEVELS),
    thinking_summaries=string,
    speech_config=_either(record(speakers=repeated(_SPEAKER)), repeated(_SPEAKER)),
    video_config=record(task=enum("Task", *_TASKS)),
    transcription_config=anything,
    image_config=record(aspect_ratio=string, image_size=string),
    temperature=number(0, 2),
    top_p=number(0, 1),
)
_REQUEST = record(
    model=string,
    agent=string,
    input=_either(string, repeated(_ITEM)),
    response_format=_either(_FORMAT, repeated(_FORMAT)),
    generation_config=_CONFIG,
    background=boolean,
    store=boolean,
    previous_interaction_id=string,
    stream=boolean,
    safety_settings=repeated(
        record(
            type=enum("HarmCategory", *_HARMS),
            threshold=enum("Threshold", "off", *(f"block_{word}" for word in _THRESHOLDS)),
        )
    ),
    service_tier=enum("ServiceTier", "flex", "standard", "priority", "deferred"),
    system_instruction=string,
    labels=anything,
    webhook_config=record(uris=repeated(string), user_metadata=anything),
    response_modalities=repeated(enum("Modality", "text", "image", "audio", "video")),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One valid request.

    Attributes:
        model: Who is to answer.
        items: Contents that were given, in order, bytes decoded.
        form: The response format, with its `type`.
        config: The generation settings.
        previous: Id of the interaction that goes on, or None.
        background: Whether the answer comes at once and the work later.
        store: Whether another interaction may go on from this one.
        stream: Whether events are wanted.
    """

    model: Model
    items: tuple[dict[str, Any], ...]
    form: dict[str, Any]
    config: dict[str, Any]
    previous: str | None
    background: bool
    store: bool
    stream: bool

    @property
    def text(self) -> str:
        """All that was said."""
        return " ".join(item["text"] for item in self.items if item["type"] == "text").strip()

    @property
    def seed(self) -> int:
        """0 when none was given, so that the same request gives the same result."""
        return int(self.config.get("seed", 0))

    @property
    def seconds(self) -> float:
        """Duration of the film, the vendor's choice when none was given."""
        asked = _DURATION.fullmatch(self.form.get("duration", "5s"))
        return float(asked[1]) if asked else 0.0


def parse(body: Any) -> dict[str, Any]:
    """Validate *body* as far as its shape goes.

    Raises:
        InvalidError: The service would refuse it.
    """
    if not isinstance(body, dict):
        raise InvalidError("Invalid JSON payload received. Expected an object.")
    request: dict[str, Any] = _REQUEST(body, "")
    if "agent" in request or "model" not in request:
        raise InvalidError("Name a model.", "model")
    return request


def read(request: dict[str, Any], model: Model) -> Wanted:
    """What the parsed *request* wants of *model*.

    Raises:
        InvalidError: The service would refuse it.
    """
    wanted = Wanted(
        model=model,
        items=tuple(_items(request.get("input"))),
        form=_form(request.get("response_format"), model),
        config=request.get("generation_config", {}),
        previous=request.get("previous_interaction_id"),
        background=request.get("background", False),
        store=request.get("store", True),
        stream=request.get("stream", False),
    )
    if wanted.background and wanted.stream:
        raise InvalidError("background and stream exclude each other.", "stream")
    _check_form(wanted)
    _check_task(wanted)
    return wanted


def _items(given: Any) -> list[dict[str, Any]]:
    """The user's contents, whichever of the ways they were given in."""
    if isinstance(given, str):
        given = [{"type": "text", "text": given}]
    contents: list[dict[str, Any]] = []
    for index, item in enumerate(given or ()):
        if item["type"] == "user_input":
            contents += item.get("content", [])
        elif item["type"] in _CONTENTS:
            contents.append(item)
        for content in (item, *item.get("content", ())):
            _check_content(content, f"input[{index}]")
    if not any(item.get("text", "").strip() or item["type"] != "text" for item in contents):
        raise InvalidError("The input must say something.", "input")
    return contents


def _check_content(content: dict[str, Any], path: str) -> None:
    kind = content["type"]
    if kind == "text" and "text" not in content:
        raise InvalidError("A text content needs its text.", f"{path}.text")
    if kind not in _CONTENTS or kind == "text":
        return
    if len({"data", "uri"} & content.keys()) != 1:
        raise InvalidError(f"{kind} needs one of data and uri.", path)
    if not content.get("mime_type", "").startswith(f"{kind}/"):
        raise InvalidError(
            f"Unsupported MIME type: {content.get('mime_type')}", f"{path}.mime_type"
        )


def _form(given: Any, model: Model) -> dict[str, Any]:
    kind = model.makes.lower()
    formats = given if isinstance(given, list) else [given or {"type": kind}]
    if len(formats) != 1 or formats[0]["type"] != kind:
        raise InvalidError(f"{model.id} answers with one {kind}.", "response_format")
    form: dict[str, Any] = formats[0]
    return form


def _check_form(wanted: Wanted) -> None:
    if "duration" in wanted.form and not _SHORTEST <= wanted.seconds <= _LONGEST:
        raise InvalidError("Invalid duration.", "response_format.duration")
    if wanted.form.get("mime_type", "audio/wav") not in {"audio/wav", "audio/l16", "image/jpeg"}:
        # The service makes them; this simulator has no encoder.
        raise InvalidError(
            f"{wanted.form['mime_type']} is not simulated: use audio/wav or audio/l16.",
            "response_format.mime_type",
        )


def _check_task(wanted: Wanted) -> None:
    task = wanted.config.get("video_config", {}).get("task")
    kinds = {item["type"] for item in wanted.items}
    path = "generation_config.video_config.task"
    if task is not None and wanted.model.makes != "VIDEO":
        raise InvalidError(f"{wanted.model.id} makes no video.", path)
    if task in {"image_to_video", "reference_to_video"} and "image" not in kinds:
        raise InvalidError(f"{task} needs an image.", path)
    if task in {"edit", "extend", "upscale"} and "video" not in kinds and not wanted.previous:
        raise InvalidError(f"{task} needs a video or a previous interaction.", path)

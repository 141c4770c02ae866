"""What a `generateContent` request asks for, after strict validation."""

from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.envelope import RefusedError, error
from mediatoolkit.simulator.gemini.models import CLASSIC_ASPECTS, LONG_ASPECTS, Model, ratio
from mediatoolkit.simulator.gemini.schema import (
    InvalidError,
    anything,
    boolean,
    data,
    enum,
    integer,
    message,
    number,
    repeated,
    string,
)

_HARMS = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
_THRESHOLDS = ("NONE", "ONLY_HIGH", "MEDIUM_AND_ABOVE", "LOW_AND_ABOVE")
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
_RESOLUTION = tuple(f"MEDIA_RESOLUTION_{word}" for word in ("LOW", "MEDIUM", "HIGH"))
_PICTURES = ("image/png", "image/jpeg", "image/webp")

_PART = message(
    text=string,
    inlineData=message(mimeType=string, data=data),
    fileData=message(mimeType=string, fileUri=string),
    thought=boolean,
    thoughtSignature=data,
    mediaResolution=message(level=enum("MediaResolution", *_RESOLUTION), numTokens=integer(1)),
    partMetadata=anything,
    speechMetadata=message(speaker=string, style=string),
)
_CONTENT = message(role=string, parts=repeated(_PART))
_CONFIG = message(
    responseModalities=repeated(enum("Modality", "TEXT", "IMAGE", "AUDIO", "VIDEO")),
    imageConfig=message(aspectRatio=string, imageSize=string),
    seed=integer(),
    temperature=number(0, 2),
    topP=number(0, 1),
    topK=integer(1),
    candidateCount=integer(1, 8),
    maxOutputTokens=integer(1),
    stopSequences=repeated(string),
    thinkingConfig=message(
        includeThoughts=boolean,
        thinkingBudget=integer(-1),
        thinkingLevel=enum("ThinkingConfig.ThinkingLevel", *_LEVELS),
    ),
    mediaResolution=enum("GenerationConfig.MediaResolution", *_RESOLUTION),
)
_SAFETY = message(
    category=enum("HarmCategory", *(f"HARM_CATEGORY_{word}" for word in _HARMS)),
    threshold=enum(
        "SafetySetting.HarmBlockThreshold", "OFF", *(f"BLOCK_{word}" for word in _THRESHOLDS)
    ),
)
_REQUEST = message(
    contents=repeated(_CONTENT),
    generationConfig=_CONFIG,
    safetySettings=repeated(_SAFETY),
    systemInstruction=_CONTENT,
    serviceTier=enum("ServiceTier", "flex", "standard", "priority"),
    continuationToken=data,
    tools=anything,
    toolConfig=anything,
    cachedContent=anything,
    store=boolean,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One valid request.

    Attributes:
        contents: Turns with camelCase keys and decoded bytes.
        text: What the last turn says.
        aspect: Asked width over height, None to follow the reference picture.
        size: `"512"`, `"1K"`, `"2K"` or `"4K"`.
        seed: 0 when none was given, so that the same request gives the same picture.
        pictures: Whether a picture is wanted at all.
        thoughts: Whether thoughts are to be shown.
        token: What asks for the rest of an answer, or empty.
    """

    contents: list[dict[str, Any]]
    text: str
    aspect: float | None
    size: str
    seed: int
    pictures: bool
    thoughts: bool
    token: bytes

    @property
    def references(self) -> tuple[bytes, ...]:
        """Pictures of the last turn, else the newest one of the turns before."""
        for turn in reversed(self.contents):
            found = [part["inlineData"]["data"] for part in pictures(turn)]
            if found:
                return tuple(found if turn is self.contents[-1] else found[-1:])
        return ()


def read(body: Any, model: Model) -> Asked:
    """Validate *body* for *model*.

    Raises:
        InvalidError: The service would refuse it.
    """
    if not isinstance(body, dict):
        raise InvalidError("Invalid JSON payload received. Expected an object.")
    request = _REQUEST(body, "")
    contents = request.get("contents", [])
    _check_contents(contents)
    config = request.get("generationConfig", {})
    image = config.get("imageConfig", {})
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    _check_config(config, modalities, model)
    _check_image(image, model)
    return Asked(
        contents=contents,
        text=_words(contents[-1]),
        aspect=ratio(image["aspectRatio"]) if "aspectRatio" in image else None,
        size=image.get("imageSize", "1K"),
        seed=config.get("seed", 0),
        pictures="IMAGE" in modalities,
        thoughts=config.get("thinkingConfig", {}).get("includeThoughts", False),
        token=request.get("continuationToken", b""),
    )


def pictures(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Parts of *turn* that carry a picture and are no thought."""
    return [part for part in turn["parts"] if "inlineData" in part and not part.get("thought")]


def _words(turn: dict[str, Any]) -> str:
    return " ".join(part["text"] for part in turn["parts"] if "text" in part).strip()


def _check_contents(contents: list[dict[str, Any]]) -> None:
    if not contents:
        raise _bad("contents", "contents is not specified")
    for index, turn in enumerate(contents):
        path = f"contents[{index}]"
        if turn.get("role", "user") not in {"user", "model"}:
            raise InvalidError("Please use a valid role: user, model.", f"{path}.role")
        if not turn.get("parts"):
            raise _bad(f"{path}.parts", "contents.parts must not be empty.")
        for number_, part in enumerate(turn["parts"]):
            _check_part(part, f"{path}.parts[{number_}]")
    if contents[-1].get("role") == "model":
        raise InvalidError("Please ensure that the last turn comes from the user.", "contents")
    if not _words(contents[-1]) and not pictures(contents[-1]):
        raise _bad("contents", "contents must say something.")


def _check_part(part: dict[str, Any], path: str) -> None:
    if len({"text", "inlineData", "fileData"} & part.keys()) != 1:
        raise _bad(f"{path}.data", "required oneof field 'data' must have one initialized field")
    if "fileData" in part:
        uri = part["fileData"].get("fileUri")
        missing = f"You do not have permission to access the File {uri} or it may not exist."
        raise RefusedError(error(403, missing))
    if "inlineData" not in part:
        return
    mime_type = part["inlineData"].get("mimeType")
    if mime_type not in _PICTURES:
        raise InvalidError(f"Unsupported MIME type: {mime_type}", f"{path}.inline_data.mime_type")
    if not part["inlineData"].get("data"):
        raise _bad(f"{path}.inline_data.data", "data must not be empty.")


def _check_config(config: dict[str, Any], modalities: list[str], model: Model) -> None:
    path = "generation_config"
    if not modalities or not {"TEXT", "IMAGE"}.issuperset(modalities):
        raise InvalidError(
            f"The requested combination of response modalities ({', '.join(modalities)}) is not "
            f"supported by the model. models/{model.id} accepts the following combinations of "
            "response modalities:\n* IMAGE\n* TEXT\n* IMAGE, TEXT\n",
            f"{path}.response_modalities",
        )
    if config.get("candidateCount", 1) > 1:
        raise InvalidError("Multiple candidates is not enabled for this model", path)
    if len(config.get("stopSequences", ())) > 5:
        raise _bad(f"{path}.stop_sequences", "at most 5 stop sequences are allowed.")
    if {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys():
        raise InvalidError("You can only set one of thinking budget and thinking level.", path)


def _check_image(image: dict[str, Any], model: Model) -> None:
    path = "generation_config.image_config"
    aspect, size = image.get("aspectRatio"), image.get("imageSize")
    if aspect is not None and aspect not in model.aspects:
        known = "supported by this model" if aspect in CLASSIC_ASPECTS + LONG_ASPECTS else "known"
        choice = ", ".join(model.aspects)
        raise _bad(f"{path}.aspect_ratio", f'"{aspect}" is not {known}. Use one of {choice}.')
    if size is not None and size not in model.tokens:
        choice = ", ".join(model.tokens)
        raise _bad(f"{path}.image_size", f'"{size}" is not supported. Use one of {choice}.')


def _bad(path: str, complaint: str) -> InvalidError:
    return InvalidError(f"* GenerateContentRequest.{path}: {complaint}", path)

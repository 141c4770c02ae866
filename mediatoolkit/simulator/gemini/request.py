"""The shape of a `generateContent` request, and what holds for every kind of model."""

from typing import Any

from mediatoolkit.simulator.gemini.envelope import error
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
from mediatoolkit.simulator.vendor import RejectedError

_HARMS = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
_THRESHOLDS = ("NONE", "ONLY_HIGH", "MEDIUM_AND_ABOVE", "LOW_AND_ABOVE")
_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
_RESOLUTION = tuple(f"MEDIA_RESOLUTION_{word}" for word in ("LOW", "MEDIUM", "HIGH"))
PICTURES = ("image/png", "image/jpeg", "image/webp")

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
_VOICE = message(prebuiltVoiceConfig=message(voiceName=string), voice=string)
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
    speechConfig=message(
        voiceConfig=_VOICE,
        multiSpeakerVoiceConfig=message(
            speakerVoiceConfigs=repeated(message(speaker=string, voiceConfig=_VOICE))
        ),
        languageCode=string,
    ),
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


def parse(body: Any) -> dict[str, Any]:
    """Validate *body*; keys come back in camelCase, bytes decoded.

    Raises:
        InvalidError: The service would refuse it, whatever the model.
    """
    if not isinstance(body, dict):
        raise InvalidError("Invalid JSON payload received. Expected an object.")
    request: dict[str, Any] = _REQUEST(body, "")
    _check_contents(request.get("contents", []))
    _check_config(request.get("generationConfig", {}))
    return request


def check_modalities(modalities: list[str], model_id: str, accepted: tuple[str, ...]) -> None:
    """Whether the model can answer in *modalities*.

    Args:
        modalities: What was asked for.
        model_id: Who was asked.
        accepted: What it can do, singly or together.

    Raises:
        InvalidError: It cannot.
    """
    if modalities and set(accepted).issuperset(modalities):
        return
    choice = [*accepted, *([", ".join(accepted)] if len(accepted) > 1 else [])]
    lines = "".join(f"* {each}\n" for each in choice)
    raise InvalidError(
        f"The requested combination of response modalities ({', '.join(modalities)}) is not "
        f"supported by the model. models/{model_id} accepts the following combinations of "
        f"response modalities:\n{lines}",
        "generation_config.response_modalities",
    )


def pictures(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Parts of *turn* that carry a picture and are no thought."""
    return [part for part in turn["parts"] if "inlineData" in part and not part.get("thought")]


def words(turn: dict[str, Any]) -> str:
    """What *turn* says."""
    return " ".join(part["text"] for part in turn["parts"] if "text" in part).strip()


def _check_contents(contents: list[dict[str, Any]]) -> None:
    if not contents:
        raise bad("contents", "contents is not specified")
    for index, turn in enumerate(contents):
        path = f"contents[{index}]"
        if turn.get("role", "user") not in {"user", "model"}:
            raise InvalidError("Please use a valid role: user, model.", f"{path}.role")
        if not turn.get("parts"):
            raise bad(f"{path}.parts", "contents.parts must not be empty.")
        for number_, part in enumerate(turn["parts"]):
            _check_part(part, f"{path}.parts[{number_}]")
    if contents[-1].get("role") == "model":
        raise InvalidError("Please ensure that the last turn comes from the user.", "contents")
    if not words(contents[-1]) and not pictures(contents[-1]):
        raise bad("contents", "contents must say something.")


def _check_part(part: dict[str, Any], path: str) -> None:
    if len({"text", "inlineData", "fileData"} & part.keys()) != 1:
        raise bad(f"{path}.data", "required oneof field 'data' must have one initialized field")
    if "fileData" in part:
        uri = part["fileData"].get("fileUri")
        missing = f"You do not have permission to access the File {uri} or it may not exist."
        raise RejectedError(error(403, missing))
    if "inlineData" not in part:
        return
    mime_type = part["inlineData"].get("mimeType")
    if mime_type not in PICTURES:
        raise InvalidError(f"Unsupported MIME type: {mime_type}", f"{path}.inline_data.mime_type")
    if not part["inlineData"].get("data"):
        raise bad(f"{path}.inline_data.data", "data must not be empty.")


def _check_config(config: dict[str, Any]) -> None:
    path = "generation_config"
    if config.get("candidateCount", 1) > 1:
        raise InvalidError("Multiple candidates is not enabled for this model", path)
    if len(config.get("stopSequences", ())) > 5:
        raise bad(f"{path}.stop_sequences", "at most 5 stop sequences are allowed.")
    if {"thinkingBudget", "thinkingLevel"} <= config.get("thinkingConfig", {}).keys():
        raise InvalidError("You can only set one of thinking budget and thinking level.", path)


def bad(path: str, complaint: str) -> InvalidError:
    """What the service says of the field at *path*."""
    return InvalidError(f"* GenerateContentRequest.{path}: {complaint}", path)

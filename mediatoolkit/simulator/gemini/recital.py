"""What a `generateContent` request asks of a speech model, after strict validation."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.request import check_modalities, parse
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.gemini.voices import DEFAULT, check_voice
from mediatoolkit.simulator.sounds import RATE, Line

_CONFIG = "generation_config.speech_config"
_TOKENS = 25  # per second of speech
_TURN = re.compile(r"\s*([^:\n]{1,40}?)\s*:\s*(.+)")
_INSTRUCTION = re.compile(
    r"\s*(?:say|read|speak|tts|make|whisper)\b[^:]*:(.*)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Recital:
    """One valid request.

    Attributes:
        contents: Turns with camelCase keys and decoded bytes.
        lines: What is to be said, and by whom.
        token: What asks for the rest of an answer, or empty.
    """

    contents: list[dict[str, Any]]
    lines: tuple[Line, ...]
    token: bytes

    def price(self, part: dict[str, Any]) -> int:
        """Tokens that this piece of speech costs."""
        frames = len(part["inlineData"]["data"]) * 3 // 4 // 2
        return -(-frames * _TOKENS // RATE)


def read(body: Any, model: Model) -> Recital:
    """Validate *body* for *model*.

    Raises:
        InvalidError: The service would refuse it.
    """
    request = parse(body)
    config = request.get("generationConfig", {})
    check_modalities(config.get("responseModalities", ["TEXT"]), model.id, ("AUDIO",))
    if "imageConfig" in config:
        path = "generation_config.image_config"
        raise InvalidError(f"models/{model.id} draws no pictures.", path)
    parts = _parts(request["contents"], model)
    one, several = _voices(config.get("speechConfig", {}), model)
    return Recital(
        contents=request["contents"],
        lines=_lines(parts, one, several, model),
        token=request.get("continuationToken", b""),
    )


def _parts(contents: list[dict[str, Any]], model: Model) -> list[dict[str, Any]]:
    """Parts of the last turn."""
    for index, turn in enumerate(contents):
        for number, part in enumerate(turn["parts"]):
            path = f"contents[{index}].parts[{number}]"
            if "text" not in part:
                raise InvalidError(f"models/{model.id} takes text only.", path)
            if "speechMetadata" in part and not model.verbatim:
                raise InvalidError(
                    f"Speech metadata is not supported by models/{model.id}: write the style into "
                    "the text.",
                    f"{path}.speech_metadata",
                )
    parts: list[dict[str, Any]] = contents[-1]["parts"]
    return parts


def _voices(speech: dict[str, Any], model: Model) -> tuple[str, dict[str, str]]:
    """The voice of everything, and those of named speakers."""
    if {"voiceConfig", "multiSpeakerVoiceConfig"} <= speech.keys():
        raise InvalidError(
            "You can only set one of voice_config and multi_speaker_voice_config.", _CONFIG
        )
    if "multiSpeakerVoiceConfig" not in speech:
        return _voice(speech.get("voiceConfig"), f"{_CONFIG}.voice_config"), {}
    path = f"{_CONFIG}.multi_speaker_voice_config.speaker_voice_configs"
    several = _speakers(speech["multiSpeakerVoiceConfig"].get("speakerVoiceConfigs", []), path)
    if not several or (len(several) != 2 and not model.verbatim):
        count = "at least one voice" if model.verbatim else "exactly 2 voices"
        raise InvalidError(f"multi_speaker_voice_config needs {count}, not {len(several)}.", path)
    return next(iter(several.values())), several


def _speakers(configs: list[dict[str, Any]], path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, config in enumerate(configs):
        here = f"{path}[{index}]"
        name = config.get("speaker")
        if not name or name in found or "voiceConfig" not in config:
            raise InvalidError("Each speaker needs a name of its own and a voice.", here)
        found[name] = _voice(config["voiceConfig"], f"{here}.voice_config")
    return found


def _voice(config: dict[str, Any] | None, path: str) -> str:
    if config is None:
        return DEFAULT
    if len(config) != 1:
        raise InvalidError(
            "required oneof field 'voice_config' must have one initialized field", path
        )
    if "voice" in config:
        return check_voice(config["voice"], f"{path}.voice", custom=True)
    path = f"{path}.prebuilt_voice_config.voice_name"
    return check_voice(config["prebuiltVoiceConfig"].get("voiceName", ""), path, custom=False)


def _lines(
    parts: list[dict[str, Any]], one: str, several: Mapping[str, str], model: Model
) -> tuple[Line, ...]:
    if any("speechMetadata" in part for part in parts):
        return tuple(_marked(parts, one, several))
    text = "\n".join(part["text"] for part in parts)
    if several:
        return _dialogue(text, several, model)
    spoken = None if model.verbatim else _INSTRUCTION.fullmatch(text)
    return (Line(spoken[1] if spoken else text, one),)


def _marked(parts: list[dict[str, Any]], one: str, several: Mapping[str, str]) -> Iterator[Line]:
    """Speaker and style stand beside each text."""
    for number, part in enumerate(parts):
        facts = part.get("speechMetadata", {})
        speaker = facts.get("speaker")
        if several and speaker is not None and speaker not in several:
            path = f"contents.parts[{number}].speech_metadata.speaker"
            raise InvalidError(f"Speaker {speaker} has no voice.", path)
        yield Line(part["text"], several.get(speaker, one), facts.get("style", ""))


def _dialogue(text: str, several: Mapping[str, str], model: Model) -> tuple[Line, ...]:
    """The lines that begin with a speaker's name; what else stands there is an instruction."""
    turns = [_TURN.fullmatch(line) for line in text.splitlines()]
    said = [(turn[1], turn[2]) for turn in turns if turn is not None and turn[1] in several]
    if not model.verbatim:
        missing = several.keys() - {name for name, _ in said}
        if missing:
            raise InvalidError(
                f"The text has no line of speaker {min(missing)}; names must match.", _CONFIG
            )
    if said:
        return tuple(Line(words, several[name]) for name, words in said)
    return (Line(text, next(iter(several.values()))),)

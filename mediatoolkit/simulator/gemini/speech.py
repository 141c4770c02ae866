"""What a `generateContent` request gives a speech model to say, and by whom."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from mediatoolkit.simulator.gemini.catalog import DEFAULT_VOICE, GeminiModel, check_voice
from mediatoolkit.simulator.gemini.envelope import InvalidError
from mediatoolkit.simulator.sounds import Utterance

SPEECH_TOKENS = 25  # per second
_CONFIG = "generation_config.speech_config"
_PIECE = 9600  # bytes: 0.2 seconds
_TURN = re.compile(r"\s*([^:\n]{1,40}?)\s*:\s*(.+)")
_INSTRUCTION = re.compile(
    r"\s*(?:say|read|speak|tts|make|whisper)\b[^:]*:(.*)", re.IGNORECASE | re.DOTALL
)


def utterances_of(
    contents: list[dict[str, Any]], config: dict[str, Any], model: GeminiModel
) -> list[Utterance]:
    """What *model* is to say.

    Raises:
        InvalidError: The service would refuse the request.
    """
    if "imageConfig" in config:
        path = "generation_config.image_config"
        raise InvalidError(f"models/{model.id} draws no pictures.", path)
    _check_parts(contents, model)
    voice, speakers = _voices(config.get("speechConfig", {}), model)
    parts = contents[-1]["parts"]
    if any("speechMetadata" in part for part in parts):
        return list(_marked(parts, voice, speakers))
    text = "\n".join(part["text"] for part in parts)
    if speakers:
        return _dialogue(text, speakers, model)
    instruction = None if model.verbatim else _INSTRUCTION.fullmatch(text)
    return [Utterance(instruction[1] if instruction else text, voice)]


def pieces_of(sound: bytes) -> list[bytes]:
    """*sound* as a stream brings it, at least two pieces when there are two samples."""
    size = min(_PIECE, max(2, len(sound) // 4 * 2))
    edges = [*range(0, len(sound), size), len(sound)]
    return [sound[start:stop] for start, stop in pairwise(edges)]


def _check_parts(contents: list[dict[str, Any]], model: GeminiModel) -> None:
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


def _voices(speech: dict[str, Any], model: GeminiModel) -> tuple[str, dict[str, str]]:
    """The voice of everything, and those of named speakers."""
    if {"voiceConfig", "multiSpeakerVoiceConfig"} <= speech.keys():
        raise InvalidError(
            "You can only set one of voice_config and multi_speaker_voice_config.", _CONFIG
        )
    if "multiSpeakerVoiceConfig" not in speech:
        return _voice_of(speech.get("voiceConfig"), f"{_CONFIG}.voice_config"), {}
    path = f"{_CONFIG}.multi_speaker_voice_config.speaker_voice_configs"
    configs = speech["multiSpeakerVoiceConfig"].get("speakerVoiceConfigs", [])
    speakers: dict[str, str] = {}
    for index, config in enumerate(configs):
        here, name = f"{path}[{index}]", config.get("speaker")
        if not name or name in speakers or "voiceConfig" not in config:
            raise InvalidError("Each speaker needs a name of its own and a voice.", here)
        speakers[name] = _voice_of(config["voiceConfig"], f"{here}.voice_config")
    if not speakers or (len(speakers) != 2 and not model.verbatim):
        count = "at least one voice" if model.verbatim else "exactly 2 voices"
        raise InvalidError(f"multi_speaker_voice_config needs {count}, not {len(speakers)}.", path)
    return next(iter(speakers.values())), speakers


def _voice_of(config: dict[str, Any] | None, path: str) -> str:
    if config is None:
        return DEFAULT_VOICE
    if len(config) != 1:
        raise InvalidError(
            "required oneof field 'voice_config' must have one initialized field", path
        )
    if "voice" in config:
        return check_voice(config["voice"], f"{path}.voice", custom=True)
    path = f"{path}.prebuilt_voice_config.voice_name"
    return check_voice(config["prebuiltVoiceConfig"].get("voiceName", ""), path, custom=False)


def _marked(
    parts: list[dict[str, Any]], voice: str, speakers: Mapping[str, str]
) -> Iterator[Utterance]:
    """Speaker and style stand beside each text."""
    for number, part in enumerate(parts):
        facts = part.get("speechMetadata", {})
        speaker = facts.get("speaker")
        if speakers and speaker is not None and speaker not in speakers:
            path = f"contents.parts[{number}].speech_metadata.speaker"
            raise InvalidError(f"Speaker {speaker} has no voice.", path)
        yield Utterance(part["text"], speakers.get(speaker, voice), facts.get("style", ""))


def _dialogue(text: str, speakers: Mapping[str, str], model: GeminiModel) -> list[Utterance]:
    """The lines that begin with a speaker's name; what else stands there is an instruction."""
    turns = [_TURN.fullmatch(line) for line in text.splitlines()]
    lines = [(turn[1], turn[2]) for turn in turns if turn is not None and turn[1] in speakers]
    missing = speakers.keys() - {name for name, _ in lines}
    if missing and not model.verbatim:
        raise InvalidError(
            f"The text has no line of speaker {min(missing)}; names must match.", _CONFIG
        )
    if lines:
        return [Utterance(words, speakers[name]) for name, words in lines]
    return [Utterance(text, next(iter(speakers.values())))]

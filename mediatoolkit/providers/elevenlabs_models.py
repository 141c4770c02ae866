"""What ElevenLabs's models take, and the requests that say it."""

import re
from collections.abc import Mapping
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.prompts import LARGEST_SEED, SpeechPrompt
from mediatoolkit.providers.capabilities import (
    Capabilities,
    Flag,
    Number,
    OneOf,
    Rule,
    Taken,
    Text,
)
from mediatoolkit.providers.documents import without_none

LONGEST = {
    "eleven_flash_v2_5": 40_000,
    "eleven_turbo_v2_5": 40_000,
    "eleven_flash_v2": 30_000,
    "eleven_turbo_v2": 30_000,
    "eleven_multilingual_v2": 10_000,
}
LONGEST_OF_OTHERS, LONGEST_DIALOGUE = 5_000, 2_000
"""Characters of one request."""

SETTINGS = {
    "stability": "stability",
    "similarity_boost": "similarity_boost",
    "style_exaggeration": "style",
    "use_speaker_boost": "use_speaker_boost",
    "clone_strength": "clone_strength",
}
"""The vendor's names for the settings of a voice."""

SETTINGS_OF_DIALOGUE = {
    "stability": "stability",
    "similarity_boost": "similarity",
    "clone_strength": "clone_strength",
}

_USUAL_VOICE = "JBFqnCBsd6RMkjVDRZzb"
_IN_QUERY = ("output_format", "enable_logging")
_NOT_AS_THEY_ARE = {*SETTINGS, *_IN_QUERY, "captions", "seconds"}
_VOICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_VOICES = 10
_RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP3 = ("22050_32", "24000_48", "44100_32", "44100_64", "44100_96", "44100_128", "44100_192")
_PACKED = (
    *(f"mp3_{form}" for form in _MP3),
    *(f"opus_48000_{kbit}" for kbit in (32, 64, 96, 128, 192)),
)
_BARE = tuple(f"pcm_{rate}" for rate in _RATES)
_SPOKEN = (*_PACKED, *_BARE, *(f"wav_{rate}" for rate in _RATES))
# Of music nobody says how many channels bare samples have.
_PLAYED = ("auto", *_PACKED, *(f"mp3_48000_{kbit}" for kbit in (128, 192, 240, 320)))


class VoiceId(Rule):
    """The vendor's id of a voice, or one for each speaker."""

    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse what cannot be an id, and too many voices."""
        voices = {value} if isinstance(value, str) else set(value.values())
        wrong = sorted(voice for voice in voices if not _VOICE_ID.fullmatch(voice))
        if wrong:
            raise PromptError(
                f"{name} takes the vendor's id of a voice, not {quoted(wrong[0])}; "
                "await mt.ElevenLabsSpeechClient().voices() lists them."
            )
        if len(voices) > _MOST_VOICES:
            raise PromptError(f"{owner} has {_MOST_VOICES} voices at once, not {len(voices)}.")


_SHARE, _FLAG = Number(0, 1), Flag()
_CONTEXT = {"previous_text": Text(), "next_text": Text()}
_NOT_IN_DIALOGUE = {*_CONTEXT, *(SETTINGS.keys() - SETTINGS_OF_DIALOGUE.keys())}


def _check_dialogue(prompt: SpeechPrompt) -> None:
    wrong = [*sorted(_NOT_IN_DIALOGUE & prompt.options.keys()), *["speed"] * (prompt.speed != 1)]
    if prompt.speakers and wrong:
        raise PromptError(f"ElevenLabs's dialogues take no {wrong[0]}; leave it out.")


def _speaks(
    options: Mapping[str, Rule],
    advice: Mapping[str, str],
    *,
    language: Rule | None = None,
    style: Rule | None = None,
    speakers: Rule | None = None,
) -> Capabilities:
    return Capabilities(
        voice=VoiceId(),
        speed=Number(0.7, 1.2),
        language=language,
        style=style,
        speakers=speakers,
        options={
            "output_format": OneOf(_SPOKEN),
            "captions": _FLAG,
            "seed": Number(0, LARGEST_SEED, whole=True),
            "stability": _SHARE,
            "similarity_boost": _SHARE,
            "style_exaggeration": _SHARE,
            "use_speaker_boost": _FLAG,
            "apply_text_normalization": OneOf(("auto", "on", "off")),
            "enable_logging": _FLAG,
            **options,
        },
        advice=advice,
        together=(_check_dialogue,),
        streams=True,
    )


_ACTS = {"style": Taken(), "speakers": VoiceId(), "language": Taken()}
_PLAIN = {
    "style": "eleven_v4 and eleven_v3 take one.",
    "speakers": "eleven_v4 and eleven_v3 speak dialogues.",
    "language": "it hears the language from the text: leave language= out.",
}
_V4 = _speaks({**_CONTEXT, "clone_strength": _SHARE}, {}, **_ACTS)
_V3 = _speaks({}, dict.fromkeys(_CONTEXT, "eleven_v4 and the v2 models take it."), **_ACTS)
_V2_5, _V2 = _speaks(_CONTEXT, _PLAIN, language=Taken()), _speaks(_CONTEXT, _PLAIN)
_SOUND = Capabilities(
    options={
        "seconds": Number(0.5, 30, unit="seconds"),
        "loop": _FLAG,
        "prompt_influence": _SHARE,
        "output_format": OneOf(_SPOKEN),
        "enable_logging": _FLAG,
    }
)
_MUSIC = Capabilities(
    options={
        "seconds": Number(3, 600, unit="seconds"),
        "force_instrumental": _FLAG,
        "finetune_id": Text(),
        "sign_with_c2pa": _FLAG,
        "output_format": OneOf(_PLAYED),
        "enable_logging": _FLAG,
    }
)
MODELS = {
    "eleven_v4": _V4,
    "eleven_v4_turbo": _V4,
    "eleven_v3": _V3,
    "eleven_multilingual_v2": _V2,
    "eleven_flash_v2_5": _V2_5,
    "eleven_flash_v2": _V2,
    "eleven_turbo_v2_5": _V2_5,
    "eleven_turbo_v2": _V2,
    "eleven_text_to_sound_v3": _SOUND,
    "eleven_text_to_sound_v2": _SOUND,
    "music_v2_5": _MUSIC,
    "music_v2": _MUSIC,
    "music_v1": _MUSIC,
}
"""What each model takes, the default first."""

_FAMILIES = {"eleven_text_to_sound": _SOUND, "music": _MUSIC, "": _V4}


def rules_of(model: str) -> Capabilities:
    """What *model* takes; one that is not known takes what its family does."""
    family = next(rules for start, rules in _FAMILIES.items() if model.startswith(start))
    return MODELS.get(model, family)


def kind_of(model: str) -> str:
    """`"speech"`, `"sound"` or `"music"`."""
    rules = rules_of(model)
    return "sound" if rules is _SOUND else "music" if rules is _MUSIC else "speech"


def has_tags(model: str) -> bool:
    """Whether it reads tags in the text, such as `[laughs]`, as what to do."""
    return rules_of(model).style is not None


def to_wire(prompt: SpeechPrompt, model: str) -> tuple[str, dict[str, Any]]:
    """Where *prompt* is sent, and the body."""
    kind, options = kind_of(model), prompt.options
    body = {name: value for name, value in options.items() if name not in _NOT_AS_THEY_ARE}
    body["model_id"] = model
    seconds = options.get("seconds")
    if kind == "sound":
        path = "/v1/sound-generation"
        body |= {"text": prompt.text, "duration_seconds": seconds}
    elif kind == "music":
        path = "/v1/music"
        body |= {"prompt": prompt.text, "music_length_ms": seconds and round(seconds * 1000)}
    elif prompt.speakers:
        path = "/v1/text-to-dialogue"
        body |= _dialogue(prompt)
    else:
        path = f"/v1/text-to-speech/{prompt.voice or _USUAL_VOICE}"
        body |= _speech(prompt)
    return path, without_none(body)


def query_of(prompt: SpeechPrompt) -> dict[str, str]:
    """The options that stand behind the path."""
    values = without_none({name: prompt.options.get(name) for name in _IN_QUERY})
    return {name: str(value).lower() for name, value in values.items()}


def tag_of(prompt: SpeechPrompt) -> str:
    """The style, as it stands before the text."""
    return f"[{prompt.style}] " if prompt.style else ""


def format_of(prompt: SpeechPrompt) -> str:
    """The format that was asked for, or empty for the vendor's usual one."""
    return prompt.options.get("output_format") or ""


def rate_of(form: str) -> int | None:
    """Hertz of bare samples; None where the sound comes as a file."""
    kind, _, rate = form.partition("_")
    return int(rate) if kind == "pcm" else None


def _speech(prompt: SpeechPrompt) -> dict[str, Any]:
    settings = _renamed(prompt.options, SETTINGS)
    if prompt.speed != 1:
        settings["speed"] = prompt.speed
    return {
        "text": f"{tag_of(prompt)}{prompt.text}",
        "voice_settings": settings or None,
        "language_code": _language(prompt),
    }


def _dialogue(prompt: SpeechPrompt) -> dict[str, Any]:
    turns = [
        {"text": f"{tag_of(prompt)}{words}", "voice_id": prompt.speakers[str(name)]}
        for name, words in prompt.lines()
    ]
    return {
        "inputs": turns,
        "settings": _renamed(prompt.options, SETTINGS_OF_DIALOGUE) or None,
        "language_code": _language(prompt),
    }


def _renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: options[ours] for ours, theirs in names.items() if ours in options}


def _language(prompt: SpeechPrompt) -> str | None:
    """ISO 639-1, without the region."""
    return prompt.language and prompt.language.partition("-")[0].lower()

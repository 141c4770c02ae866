"""The voices of the simulated Gemini, and the pages of their list.

The names are the vendor's. Their descriptions are plausible and ours; accents and languages are
spread so that every filter has something to find and something to leave out.
"""

import base64
import re
from functools import cache
from typing import Any

from mediatoolkit.simulator.gemini.envelope import error, said
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.sounds import Line, speak, wav
from mediatoolkit.simulator.vendor import RejectedError

DEFAULT = "Kore"
_NAMES = {
    "female": "Zephyr Kore Leda Aoede Callirrhoe Autonoe Despina Erinome Laomedeia Achernar Gacrux "
    "Pulcherrima Vindemiatrix Sulafat",
    "male": "Puck Charon Fenrir Orus Enceladus Iapetus Umbriel Algieba Algenib Rasalgethi Alnilam "
    "Schedar Achird Zubenelgenubi Sadachbia Sadaltager",
}
_ACCENTS = (
    ("American", "en-US"),
    ("British", "en-GB"),
    ("Australian", "en-AU"),
    ("German", "de-DE"),
)
_PERSONAS = ("Warm", "Bright", "Firm", "Calm", "Lively", "Gravelly")
_CONTEXTS = ("Narration", "News", "Commercial", "Conversation", "Education")
_PITCHES = ("low", "medium", "high")
_TYPES = ("prebuilt", "replicated", "prompted")
_FILTERS = ("accent", "persona", "context", "gender", "pitch", "type", "language_code")
_CUSTOM = re.compile(r"voice(?:key)?_[\w-]+")
_PAGE, _PAGE_CAP = 50, 1000
_SEARCH_CAP = 2048  # bytes


def check_voice(name: str, path: str, *, custom: bool) -> str:
    """*name*, if it can speak.

    Args:
        name: From the catalog, or an id such as `voice_abc` where *custom* allows it.
        path: Of the field that names it.
        custom: Whether designed and cloned voices may stand there.

    Raises:
        InvalidError: It is no voice.
    """
    if name in _catalog() or (custom and _CUSTOM.fullmatch(name)):
        return name
    known = ", ".join(_catalog())
    raise InvalidError(
        f"Voice name {name} is not supported. Allowed voice names are: {known}", path
    )


def listing(request: Request) -> HttpResponse:
    """One page of the voices that pass every filter."""
    asked = _asked(request)
    found = [voice for voice in _catalog().values() if _passes(voice, asked)]
    start = _start(request, asked)
    stop = start + _size(request)
    page: dict[str, Any] = {"voices": [_shown(voice) for voice in found[start:stop]]}
    return said(page | ({"next_page_token": _token(stop, asked)} if stop < len(found) else {}))


def one(voice_id: str) -> HttpResponse:
    """The voice of that id, or 404."""
    if voice_id not in _catalog():
        raise RejectedError(error(404, f"Voice {voice_id} is not found."))
    return said(_shown(_catalog()[voice_id]))


@cache
def _catalog() -> dict[str, dict[str, str]]:
    genders = {name: gender for gender, names in _NAMES.items() for name in names.split()}
    return {
        name: _voice(number, name, gender) for number, (name, gender) in enumerate(genders.items())
    }


def _voice(number: int, name: str, gender: str) -> dict[str, str]:
    accent, language = _ACCENTS[number % 4]
    persona, context = _PERSONAS[number % 6], _CONTEXTS[number % 5]
    return {
        "id": name,
        "type": "prebuilt",
        "display_name": name,
        "description": f"A {persona.lower()} {gender} voice for {context.lower()}.",
        "gender": gender,
        "language_code": language,
        "accent": accent,
        "pitch": _PITCHES[number % 3],
        "persona": persona,
        "context": context,
        "model": "gemini-3.8-flash-tts",
    }


@cache
def _sample(name: str) -> dict[str, str]:
    sound = wav(speak([Line(f"Hello, I am {name}.", name)]))
    return {"data": base64.b64encode(sound).decode(), "mime_type": "audio/wav"}


def _shown(voice: dict[str, str]) -> dict[str, Any]:
    return {**voice, "sample_audio": _sample(voice["id"])}


def _asked(request: Request) -> dict[str, list[str]]:
    """The filters, in lower case."""
    names = (*_FILTERS, "region_code", "search")
    asked = {name: [each.lower() for each in request.values(name)] for name in names}
    for name, known in (("pitch", _PITCHES), ("type", _TYPES)):
        for each in asked[name]:
            if each not in known:
                raise InvalidError(f"Invalid {name}: {each}. Use one of {', '.join(known)}.", name)
    if any(len(each.encode()) > _SEARCH_CAP for each in asked["search"]):
        raise InvalidError(f"The search must have at most {_SEARCH_CAP} bytes.", "search")
    return {name: values for name, values in asked.items() if values}


def _passes(voice: dict[str, str], asked: dict[str, list[str]]) -> bool:
    """Any value of each filter is enough."""
    words = f"{voice['display_name']}\n{voice['description']}".lower()
    facts = voice | {"region_code": voice["language_code"].rpartition("-")[2]}
    return all(
        any(each in words for each in values)
        if name == "search"
        else facts.get(name, "").lower() in values
        for name, values in asked.items()
    )


def _size(request: Request) -> int:
    size = request.query.get("page_size", str(_PAGE))
    if not size.isdecimal():
        raise InvalidError("The page size is not valid.", "page_size")
    return min(int(size) or _PAGE, _PAGE_CAP)


def _start(request: Request, asked: dict[str, list[str]]) -> int:
    """Where the page begins; a token holds for the filters that it was given out for."""
    token = request.query.get("page_token")
    if not token:
        return 0
    start = re.sub(r"\D.*", "", token)
    if not start or token != _token(int(start), asked):
        raise InvalidError("The page token is not valid for these filters.", "page_token")
    return int(start)


def _token(start: int, asked: dict[str, list[str]]) -> str:
    filters = base64.urlsafe_b64encode(repr(sorted(asked.items())).encode()).decode()
    return f"{start}.{filters.rstrip('=')}"

"""The models and voices of the simulated Gemini, and the pages of their lists."""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mediatoolkit.simulator.gemini.envelope import InvalidError, error
from mediatoolkit.simulator.http import HttpResponse, Request, json_response
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from mediatoolkit.simulator.vendor import ApiCall, RejectedError

DEFAULT_VOICE = "Kore"
_SIDE = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_FILTERS = ("accent", "persona", "context", "gender", "pitch", "type", "language_code")
_WORDS = {"pitch": ("low", "medium", "high"), "type": ("prebuilt", "replicated", "prompted")}
_CUSTOM = re.compile(r"voice(?:key)?_[\w-]+")
_PAGE, _PAGE_CAP = 50, 1000
_SEARCH_CAP = 2048  # bytes


@dataclass(frozen=True, slots=True)
class GeminiModel:
    """One model.

    Attributes:
        id: Without `models/`.
        title: For people.
        makes: The modality of its results.
        verbatim: Reads every word aloud, so that style and speaker stand beside the text.
        aspects: Accepted `aspectRatio`.
        tokens: What a picture costs by accepted `imageSize`, a second of film by `resolution`.
        reference: Tokens of a picture that comes in.
    """

    id: str
    title: str
    makes: Literal["IMAGE", "AUDIO", "VIDEO"]
    verbatim: bool = False
    aspects: tuple[str, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    reference: int = 560

    @property
    def signs(self) -> bool:
        """Whether it draws a JPEG and signs it, as models from generation 3 on do."""
        return not self.id.startswith("gemini-2")

    def describe(self) -> dict[str, Any]:
        """What `GET /models/{id}` says. Models of films are listed with methods they refuse."""
        last = "countTokens" if self.makes == "VIDEO" else "streamGenerateContent"
        return {
            "name": f"models/{self.id}",
            "version": "001",
            "displayName": self.title,
            "description": f"{self.title}, simulated on loopback",
            "inputTokenLimit": 65536,
            "outputTokenLimit": 32768,
            "supportedGenerationMethods": ["generateContent", last],
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "maxTemperature": 2,
            "thinking": True,
        }

    def pixels(self, aspect: str | None, size: str) -> tuple[int, int]:
        """Width and height of a picture.

        With an aspect the area is that of a square of 512, 1024, 2048 or 4096 pixels, and the sides
        are multiples of 16; the real service has a table of its own, which differs by a few pixels.
        Without one it is 1408 x 768 at `"1K"` from generation 3 on, and a square before.
        """
        side = _SIDE[size] // 16
        if aspect is None and self.signs:
            return 22 * side, 12 * side
        shape = ratio(aspect or "1:1")
        return round(side * math.sqrt(shape)) * 16, round(side / math.sqrt(shape)) * 16


def ratio(aspect: str) -> float:
    """Width over height of `"16:9"`."""
    width, height = aspect.split(":")
    return int(width) / int(height)


def _voice(facts: dict[str, str]) -> dict[str, str]:
    persona, gender, context = facts["persona"], facts["gender"], facts["context"]
    return facts | {
        "type": "prebuilt",
        "display_name": facts["id"],
        "description": f"A {persona.lower()} {gender} voice for {context.lower()}.",
        "model": "gemini-3.8-flash-tts",
    }


_DATA = json.loads(Path(__file__).with_name("catalog.json").read_text(encoding="utf-8"))
MODELS = tuple(GeminiModel(**facts) for facts in _DATA["models"])
VOICES = {facts["id"]: _voice(facts) for facts in _DATA["voices"]}


def _further(model_id: str) -> GeminiModel:
    """A model no table knows, under the loosest rules of the family that its name tells."""
    if "tts" in model_id:
        return GeminiModel(model_id, model_id, "AUDIO", verbatim=True)
    if "omni" in model_id:
        films = next(model for model in MODELS if model.makes == "VIDEO")
        return GeminiModel(model_id, model_id, "VIDEO", tokens=films.tokens)
    loosest = next(model for model in MODELS if "512" in model.tokens)
    tokens = _DATA["former_tokens"].get(model_id, loosest.tokens)
    return GeminiModel(model_id, model_id, "IMAGE", aspects=loosest.aspects, tokens=tokens)


class GeminiCatalog:
    """What is served.

    Args:
        further: Ids of further models; they are served even when they have ended.
        ended: Ids of further models that have ended.
    """

    def __init__(self, further: tuple[str, ...], ended: tuple[str, ...]) -> None:
        """Take the known models and the further ones."""
        self._ended = {*_DATA["ended"], *ended} - {*further}
        models = (*MODELS, *map(_further, further))
        self._served = {model.id: model for model in models if model.id not in self._ended}

    def get(self, model_id: str) -> GeminiModel | None:
        """The model of that id, or None.

        Raises:
            RejectedError: It was served once.
        """
        if model_id in self._ended:
            raise RejectedError(
                error(
                    404,
                    f"This model models/{model_id} is no longer available. Please update your "
                    "code to use a newer model for the latest features and improvements.",
                )
            )
        return self._served.get(model_id)

    def serving(self, match: re.Match[str]) -> GeminiModel:
        """The model that *match* names, if it serves the method.

        Raises:
            RejectedError: It is not there, or it serves the Interactions API only.
        """
        model = self.get(match["model"])
        if model is None:
            raise RejectedError(
                error(
                    404,
                    f"models/{match['model']} is not found for API version {match['version']}, or "
                    f"is not supported for {match['verb']}. Call ListModels to see the list of "
                    "available models and their supported methods.",
                )
            )
        if model.makes == "VIDEO":
            raise RejectedError(error(400, "This model only supports Interactions API."))
        return model

    async def list_models(self, call: ApiCall) -> HttpResponse:
        """One page of the models."""
        models = [model.describe() for model in self._served.values()]
        return json_response(camel_page(call.request, "models", models))

    async def show_model(self, call: ApiCall) -> HttpResponse:
        """What one model tells about itself."""
        model = self._served.get(call.match["model"])
        if model is None:
            version = call.match["version"]
            missing = f"models/{call.match['model']} is not found for API version {version}."
            raise RejectedError(error(404, missing))
        return json_response(model.describe())


def camel_page(request: Request, name: str, items: list[Any]) -> dict[str, Any]:
    """One page of *items* by `pageSize` and `pageToken`."""
    query = request.query
    sizes = query.get("pageSize", "0"), query.get("pageToken", "")
    page, token = _page(items, *sizes, lambda start: f"p{start}")
    return {name: page} | ({"nextPageToken": token} if token else {})


def _page(
    items: list[Any], size: str, token: str, make_token: Callable[[int], str]
) -> tuple[list[Any], str]:
    """One page and the token of the next; a token stands for the number of items before it."""
    start = next((number for number in range(len(items)) if make_token(number) == token), 0)
    if not size.isdecimal() or (token and not start):
        raise InvalidError("The page size or the page token is not valid.", "page_token")
    stop = start + min(int(size) or _PAGE, _PAGE_CAP)
    return items[start:stop], make_token(stop) if stop < len(items) else ""


def check_voice(name: str, path: str, *, custom: bool) -> str:
    """*name*, if it can speak.

    Args:
        name: From the catalog, or an id such as `voice_abc` where *custom* allows it.
        path: Of the field that names it.
        custom: Whether designed and cloned voices may stand there.

    Raises:
        InvalidError: It is no voice.
    """
    if name in VOICES or (custom and _CUSTOM.fullmatch(name)):
        return name
    names = ", ".join(VOICES)
    raise InvalidError(
        f"Voice name {name} is not supported. Allowed voice names are: {names}", path
    )


async def list_voices(call: ApiCall) -> HttpResponse:
    """One page of the voices that pass every filter."""
    filters = _filters(call.request)
    voices = [voice for voice in VOICES.values() if _passes(voice, filters)]
    query = call.request.query
    sizes = query.get("page_size", "0"), query.get("page_token", "")
    page, token = _page(voices, *sizes, partial(_token, filters))
    body = {"voices": [_with_sample(voice) for voice in page]}
    return json_response(body | ({"next_page_token": token} if token else {}))


async def show_voice(call: ApiCall) -> HttpResponse:
    """The voice that the path names, or 404."""
    name = call.match["voice"]
    if name not in VOICES:
        raise RejectedError(error(404, f"Voice {name} is not found."))
    return json_response(_with_sample(VOICES[name]))


def _with_sample(voice: dict[str, str]) -> dict[str, Any]:
    sound = wav(speak([Utterance(f"Hello, I am {voice['id']}.", voice["id"])]))
    sample = {"data": base64.b64encode(sound).decode(), "mime_type": "audio/wav"}
    return {**voice, "sample_audio": sample}


def _filters(request: Request) -> dict[str, list[str]]:
    """The values of each filter, in lower case."""
    names = (*_FILTERS, "region_code", "search")
    filters = {name: [value.lower() for value in request.values(name)] for name in names}
    for name, words in _WORDS.items():
        for value in filters[name]:
            if value not in words:
                choice = ", ".join(words)
                raise InvalidError(f"Invalid {name}: {value}. Use one of {choice}.", name)
    if any(len(value.encode()) > _SEARCH_CAP for value in filters["search"]):
        raise InvalidError(f"The search must have at most {_SEARCH_CAP} bytes.", "search")
    return {name: values for name, values in filters.items() if values}


def _passes(voice: dict[str, str], filters: dict[str, list[str]]) -> bool:
    """Whether one value of each filter fits."""
    words = f"{voice['display_name']}\n{voice['description']}".lower()
    facts = voice | {"region_code": voice["language_code"].rpartition("-")[2]}
    return all(
        any(value in words for value in values)
        if name == "search"
        else facts[name].lower() in values
        for name, values in filters.items()
    )


def _token(filters: dict[str, list[str]], start: int) -> str:
    """A page token; it holds for the filters that it was given out for."""
    mark = base64.urlsafe_b64encode(repr(sorted(filters.items())).encode()).decode()
    return f"{start}.{mark.rstrip('=')}"

"""What can be looked up at ElevenLabs: voices, each with a sample, and models."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from mediatoolkit.simulator.fastapi import problem
from mediatoolkit.simulator.hosting import HostedFile
from mediatoolkit.simulator.http import HttpResponse, json_response
from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.schema import Schema, SchemaError
from mediatoolkit.simulator.sounds import Utterance, speak
from mediatoolkit.simulator.vendor import ApiCall, Endpoint, RejectedError, Settings

_PATH = Path(__file__).with_name("elevenlabs.json")
_QUERY = replace(Schema.load(_PATH), form=True)
_DATA = json.loads(_PATH.read_text(encoding="utf-8"))
_MODELS: dict[str, dict[str, Any]] = {each["model_id"]: each for each in _DATA["models"]}
_VOICES: dict[str, dict[str, Any]] = {each["voice_id"]: each for each in _DATA["voices"]}
_PAGE = 10  # voices
_SAMPLE_RATE, _SAMPLE_KBITS = 44_100, 64


def read_query(call: ApiCall, name: str) -> dict[str, Any]:
    """The query of *call*, by the schema *name*.

    Raises:
        RejectedError: It does not fit.
    """
    values = dict(call.request.query)
    try:
        query: dict[str, Any] = _QUERY.read(values, name)
    except SchemaError as error:
        detail = [problem(error, values, "query")]
        raise RejectedError(json_response({"detail": detail}, 422)) from error
    return query


class ElevenLabsCatalog:
    """Voices and models.

    Args:
        settings: How the simulator was set up.
        files_origin: The origin of the file host, where the samples lie.
        reject: Turns a request down with a status, a sentence and a word.
    """

    def __init__(
        self,
        settings: Settings,
        files_origin: Callable[[], str],
        reject: Callable[[int, str, str | None], NoReturn],
    ) -> None:
        """Begin without samples."""
        self._settings = settings
        self._files_origin = files_origin
        self._reject = reject
        self._samples: dict[str, str] = {}

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The old list of voices, pages of them, one of them; models."""
        return (
            Endpoint("GET", "/v1/voices", "list", self._all_voices),
            Endpoint("GET", "/v2/voices", "list", self._voice_page),
            Endpoint("GET", "/v1/voices/(?P<voice>[^/]+)", "list", self._one_voice),
            Endpoint("GET", "/v1/models", "list", self._all_models),
        )

    def voice(self, name: str) -> str:
        """*name*, if it is the id of a voice.

        Raises:
            RejectedError: It is none.
        """
        if name not in _VOICES:
            message = f"A voice with the voice_id '{name}' was not found."
            self._reject(404, message, "voice_not_found")
        return name

    def model(self, name: str) -> Mapping[str, Any]:
        """What is known of a model for speech.

        Raises:
            RejectedError: There is none of that name.
        """
        if name not in [each["model_id"] for each in self._models()]:
            self._reject(400, f"A model with the model_id {name} was not found.", "model_not_found")
        model: Mapping[str, Any] = _MODELS.get(name, _MODELS["eleven_flash_v2_5"])
        return model

    def _models(self) -> list[Mapping[str, Any]]:
        further = [{"model_id": name, "name": name} for name in self._settings.models]
        models = [*_MODELS.values(), *further]
        return [each for each in models if each["model_id"] not in self._settings.ended]

    async def _all_models(self, _call: ApiCall) -> HttpResponse:
        return json_response(self._models())

    async def _all_voices(self, _call: ApiCall) -> HttpResponse:
        return json_response({"voices": [self._described(each) for each in _VOICES]})

    async def _one_voice(self, call: ApiCall) -> HttpResponse:
        return json_response(self._described(self.voice(call.match["voice"])))

    async def _voice_page(self, call: ApiCall) -> HttpResponse:
        query = read_query(call, "VoicesQuery")
        names = [name for name, voice in _VOICES.items() if _fits(voice, query)]
        if query.get("sort") == "name":
            names.sort(key=lambda name: _VOICES[name]["name"])
        if query.get("sort_direction") == "desc":
            names.reverse()
        token = query.get("next_page_token")
        if token is not None and token not in names:
            self._reject(400, "The page token is not valid.", None)
        start = names.index(token) if token else 0
        stop = start + query.get("page_size", _PAGE)
        following = names[stop] if stop < len(names) else None
        page: dict[str, Any] = {"voices": [self._described(name) for name in names[start:stop]]}
        page |= {"has_more": following is not None, "next_page_token": following}
        return json_response(page | {"total_count": len(names)})

    def _described(self, name: str) -> dict[str, Any]:
        """A voice, with a sample that anybody may hear."""
        voice = _VOICES[name]
        if name not in self._samples:
            samples = speak([Utterance(f"Hello, I am {voice['name']}.", name)], _SAMPLE_RATE)
            file = HostedFile(mp3(samples, _SAMPLE_RATE, _SAMPLE_KBITS), "audio/mpeg")
            self._samples[name] = self._settings.file_host.host(file)
        return {**voice, "preview_url": self._files_origin() + self._samples[name]}


def _fits(voice: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a page for *query* shows *voice*."""
    texts = (voice["name"], voice["description"], *voice["labels"].values())
    is_default = voice["category"] == "premade"
    kind = query.get("voice_type")
    return (
        query.get("search", "").casefold() in " ".join(texts).casefold()
        and query.get("category", voice["category"]) == voice["category"]
        and (kind is None or is_default == (kind == "default"))
    )

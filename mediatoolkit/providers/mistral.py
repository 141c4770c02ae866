"""Speech by Mistral's Voxtral: JSON with base64 where others send bytes, and floats as samples."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import ModelNotFoundError, PromptError, ProviderError
from mediatoolkit.media import Audio
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, Number, OneOf, Rule, Taken
from mediatoolkit.providers.documents import objects_at, text_at
from mediatoolkit.providers.http import facts_of, sentence
from mediatoolkit.providers.openai_like_speech import OpenAILikeSpeechClient
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.transport import Dialect, ErrorResponse, Response, Transport

_PAGE, _PAGES = 100, 100
_FACTS = ("type", "kind", "gender", "slug", "description")


class _Recording(Rule):
    """Recorded speech, whose voice is to speak."""

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse what is no `Audio`."""
        if not isinstance(value, Audio):
            kind = type(value).__name__
            raise PromptError(f"{name} takes mt.Audio, as of mt.Audio.open(path), not {kind}.")


def _check_voice(prompt: SpeechPrompt) -> None:
    if prompt.voice and prompt.options.get("ref_audio") is not None:
        raise PromptError("Give either voice= or ref_audio=.")


_TAKES = Capabilities(
    voice=Taken(),
    streams=True,
    options={
        "response_format": OneOf(("mp3", "wav", "flac", "opus")),
        "expressiveness": Number(1, 100),
        "phoneme_hints": Taken(),
        "ref_audio": _Recording(),
    },
    together=(_check_voice,),
    advice={
        "style": "say it in the text, as in [emotion=happy].",
        "speed": "it speaks at the pace of its voice.",
        "speakers": "speak each line alone, with its own voice.",
        "language": "it hears the language from the text.",
    },
)


class MistralSpeechClient(OpenAILikeSpeechClient):
    """Speaks with Mistral's Voxtral models.

    Args:
        api_key: Left out, `MISTRAL_API_KEY` is read.
        base_url: Left out, Mistral's own, without a version in it.
        model: Mistral's name; one that is newer than this package is fine.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: As for each client; nothing is fetched from elsewhere here.

    `voice=` is an id, as `voices()` lists them. A text may have tags, such as `[emotion=happy]`.
    `options` may be `response_format` (`"mp3"`, `"wav"`, `"flac"`, `"opus"`), `expressiveness`
    from 1, `phoneme_hints` (`{"Nguyen": ["w", "i", "n"]}`), and `ref_audio`, an `Audio` of some
    seconds whose voice is to speak.
    """

    provider = "mistral"
    label = "Mistral"
    key_names = ("MISTRAL_API_KEY",)
    default_base_url = "https://api.mistral.ai"
    refusal_codes = frozenset({"content_moderation"})
    dialect = Dialect(retry_after_ms=("retry-after-ms",))
    catalog: ClassVar[tuple[ModelInfo, ...]] = tuple(
        ModelInfo(f"mistral/voxtral-mini-tts-{name}", _TAKES)
        for name in ("3-0", "3", "latest", "2603")
    )
    unlisted = _TAKES
    path = "/v1/audio/speech"
    whole: ClassVar[Mapping[str, Any]] = {"response_format": "mp3", "stream": False}
    streamed: ClassVar[Mapping[str, Any]] = {"response_format": "pcm", "stream": True}
    sound_field = "audio_data"
    media_fields = ("audio_data",)
    last_type = ".done"
    is_float = True

    def to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """What is sent for *prompt*; a voice goes by another name here."""
        fields = super().to_wire(prompt)
        voice = {"voice_id": fields.pop("voice")} if prompt.voice else {}
        recording = prompt.options.get("ref_audio")
        return {**fields, **voice, **({"ref_audio": recording.data} if recording else {})}

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """As for each client; 404 tells of a voice here, and 400 of a model."""
        words = response.safe_text(text_at(response.document, "message"))
        if text_at(response.document, "type") == "invalid_model":
            return ModelNotFoundError(
                f"{self.label} does not serve this model: {sentence(words)} Live ones: "
                f"{self.live_models()}.",
                **facts_of(response),
            )
        if response.status == 404 and "voice" in words.lower():
            return ProviderError(
                f"{self.label} does not know the voice: {sentence(words)} voices() lists them.",
                family="request",
                **facts_of(response),
            )
        return super().read_error(response)

    async def voices(
        self, *, timeout: float | Timeout | None = None, **filters: str
    ) -> "list[MistralVoice]":
        """List the voices there are.

        Args:
            timeout: Seconds for everything together.
            filters: `type` (`"all"`, `"custom"`, `"preset"`), `gender`, `language`, `query` or
                `kind`.

        Raises:
            PromptError: There is no such filter.
        """
        for name in filters.keys() - {"type", "gender", "language", "query", "kind"}:
            raise PromptError(f"Voices have no {name}: filter by type, gender, language or query.")
        async with context_for(timeout, self.timeout) as context:
            return [voice async for voice in _voices(self._transport, filters, context)]

    async def preview(
        self, voice: "MistralVoice | str", *, timeout: float | Timeout | None = None
    ) -> Audio:
        """How *voice* sounds, a voice or its id.

        Raises:
            PromptError: It is no id of a voice.
            ProviderError: There is no sample of it.
        """
        name = voice.id if isinstance(voice, MistralVoice) else voice
        if not isinstance(name, str) or not self.model_names.fullmatch(name):
            raise PromptError(f"{quoted(name)} is no id of a voice.")
        async with context_for(timeout, self.timeout) as context:
            path = f"/v1/audio/voices/{name}/sample"
            response = await self._transport.get(path, context, expect="bytes")
        return await self.load_media(response.content)


@dataclass(frozen=True, slots=True)
class MistralVoice:
    """One voice of the vendor's catalogue.

    Attributes:
        id: What `voice=` takes.
        name: What people call it.
        languages: What it speaks, such as `"en"`.
        facts: What else the vendor says of it.
    """

    id: str
    name: str
    languages: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


async def _voices(
    transport: Transport, filters: Mapping[str, str], context: CallContext
) -> AsyncGenerator[MistralVoice, None]:
    """All voices, page by page."""
    query = {"page_size": str(_PAGE), **filters}
    for _ in range(_PAGES):
        response = await transport.get("/v2/audio/voices", context, query=query)
        for voice in objects_at(response.document, "data"):
            yield _voice(voice, response)
        query["page_token"] = text_at(response.document, "next_page_token")
        if not query["page_token"]:
            break


def _voice(voice: Mapping[str, Any], response: Response) -> MistralVoice:
    facts = {name: response.safe_text(voice.get(name)) for name in _FACTS}
    languages = voice.get("languages")
    return MistralVoice(
        response.safe_text(voice.get("id")),
        response.safe_text(voice.get("name")),
        tuple(map(response.safe_text, languages if isinstance(languages, list) else ())),
        {name: words for name, words in facts.items() if words},
    )

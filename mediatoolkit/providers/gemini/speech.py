"""Speech by `models/{model}:generateContent`, whole or as it is made, and the voices there are."""

import asyncio
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache, partial, reduce
from typing import Any, ClassVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaToolkitError, PromptError, ProviderError
from mediatoolkit.media import Audio, Sound
from mediatoolkit.media.audio import concatenate
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import SpeechPrompt, checked_text
from mediatoolkit.prompts.parts import split_prompt
from mediatoolkit.providers.base import StreamedSpeechClient
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, OneOf, Rule, Taken
from mediatoolkit.providers.documents import at, objects_at, sum_of_usage, text_at
from mediatoolkit.providers.gemini.batch import GeminiBatches
from mediatoolkit.providers.gemini.errors import broke_off, read_block, response_id
from mediatoolkit.providers.gemini.service import (
    CONTINUATIONS,
    candidate_of,
    continued,
    media_of,
    parts_of,
    usage_of,
)
from mediatoolkit.providers.sound import BARE, SoundDecoder, joined
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.gather import gather_limited
from mediatoolkit.transport import Response

LONGEST = 4_000  # characters a call; the vendor names no limit, long texts drift and time out
_AT_ONCE = 4
_NAMES = """
Achernar Achird Algenib Algieba Alnilam Aoede Autonoe Callirrhoe Charon Despina Enceladus Erinome
Fenrir Gacrux Iapetus Kore Laomedeia Leda Orus Puck Pulcherrima Rasalgethi Sadachbia Sadaltager
Schedar Sulafat Umbriel Vindemiatrix Zephyr Zubenelgenubi
"""
PREBUILT = tuple(_NAMES.split())
"""Voices that every speech model has; the catalogue of newer models knows further ones."""

_WRITTEN_STYLE = re.compile(r"gemini-(2\.5|3\.1)-.*tts")
_FILTERS = frozenset(
    [
        "accent",
        "context",
        "gender",
        "language_code",
        "persona",
        "pitch",
        "region_code",
        "search",
        "type",
    ]
)
_FACTS = ("gender", "language_code", "accent", "pitch", "persona", "context", "description")
_RECEIVED, _RECEIVED_PER_BYTE = 200_000, 10_000
"""Bytes of a response: a second of sound is 64 kB of base64, and takes 7 bytes of text or more."""

_PAGE = 200
_PAGES = 50


@dataclass(frozen=True, slots=True)
class TwoSpeakers(Rule):
    """Two speakers, each with one of the voices.

    Attributes:
        voices: What the voices may be.
    """

    voices: OneOf

    def check(self, _name: str, value: Any, owner: str, /) -> None:
        """Refuse another number, and an unknown voice."""
        if len(value) != 2:
            raise PromptError(
                f"Gemini speaks with one voice or with two speakers, not {len(value)}."
            )
        for voice in value.values():
            self.voices.check("voice", voice, owner)


def _takes(voices: OneOf) -> Capabilities:
    return Capabilities(
        streams=True,
        voice=voices,
        style=Taken(),
        language=Taken(),
        speakers=TwoSpeakers(voices),
        advice={"speed": 'ask for it in words: style="slowly".'},
    )


_NEWER, _OLDER = _takes(OneOf(PREBUILT, others=True)), _takes(OneOf(PREBUILT))
_SUCCESSOR = "gemini/gemini-3.8-flash-tts"


class GeminiSpeechClient(GeminiBatches[SpeechPrompt, Audio], StreamedSpeechClient):
    """Speaks with Google's Gemini speech models.

    Args:
        api_key: Left out, `GOOGLE_API_KEY` then `GEMINI_API_KEY` are read.
        base_url: Left out, `GOOGLE_GEMINI_BASE_URL`, then Google's own.
        model: The vendor's name; one that is newer than this package is fine.
        api_version: `"v1"` or `"v1beta"`.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that files may be fetched from even when they are
            private; the key goes to none of them.

    A text of more than 4,000 characters is split at sentences, a dialogue between its lines, and
    joined again. Two speakers at the most. There is no speed on this wire: ask for it as a style,
    such as `"slowly"`. Models before 3.8 get the style as a part of the text, or "Read aloud".

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    local_verb = "speak"
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo("gemini/gemini-3.8-flash-tts", _NEWER),
        ModelInfo("gemini/gemini-3.8-flash-lite-tts", _NEWER),
        *(
            ModelInfo(f"gemini/{name}", _OLDER, ends=date(2026, 12, 18), successor=_SUCCESSOR)
            for name in (
                "gemini-3.1-flash-tts-preview",
                "gemini-2.5-flash-preview-tts",
                "gemini-2.5-pro-preview-tts",
            )
        ),
    )
    unlisted = _NEWER

    async def make(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Speak all of *prompt*; parts of a long text are asked for side by side, unless heard."""
        failures: list[MediaToolkitError] = []

        async def speak(part: SpeechPrompt) -> Audio:
            if failures:
                raise failures[0]  # nobody would hear it
            try:
                return await self._speak(part, context)
            except MediaToolkitError as error:
                failures.append(error)
                raise

        works = [partial(speak, part) for part in _parts(prompt)]
        at_once = 1 if context.listener else _AT_ONCE  # what is heard at once is heard in order
        spoken = await gather_limited(works, at_once=at_once, return_exceptions=True)
        if failures:
            failures[0].may_have_been_billed |= any(
                isinstance(part, Audio) or part.may_have_been_billed for part in spoken
            )
            raise failures[0]
        if len(spoken) == 1:
            return spoken[0]
        whole = await asyncio.to_thread(concatenate, spoken)
        first = spoken[0].provenance
        usages = [part.provenance.usage for part in spoken if part.provenance]
        usage: dict[str, Any] = reduce(sum_of_usage, usages, {})
        provenance = await self.provenance(
            prompt, usage=usage, request_id=first.request_id if first else None
        )
        return replace(whole, provenance=provenance)

    async def stream_to(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> Mapping[str, Any]:
        """As `stream`, in the caller's own task; returns what was used up."""
        responses: list[Response] = []
        for part in _parts(prompt):
            try:
                responses += await self._say(part, context, give, streamed=True)
            except MediaToolkitError as error:
                error.may_have_been_billed |= bool(responses)
                raise
        return reduce(sum_of_usage, map(usage_of, responses))

    def quotes(self, prompt: SpeechPrompt, **facts: float) -> list[Price]:
        """One for each part of a long text."""
        of_one = super().quotes
        return [price for part in _parts(prompt) for price in of_one(part, **facts)]

    def check_batch(self, prompt: SpeechPrompt) -> None:
        """Refuse a text that takes several requests, too.

        Raises:
            PromptError: Says how much one request takes.
        """
        super().check_batch(prompt)
        if len(_parts(prompt)) > 1:
            raise PromptError(
                f"In a batch a text has up to {LONGEST:,} characters, not {len(prompt.text):,}: "
                "make several rows of it, or speak it alone."
            )

    def request_for(self, prompt: SpeechPrompt) -> dict[str, Any]:
        """The body for *prompt*, a part of a long text or one in a batch."""
        return _to_wire(prompt, written=bool(_WRITTEN_STYLE.match(self.model)))

    def received_for(self, prompt: SpeechPrompt) -> int:
        """Bytes of the response: slow speech, for each byte of the text."""
        return _RECEIVED + len(prompt.text.encode()) * _RECEIVED_PER_BYTE

    async def read_media(
        self, prompt: SpeechPrompt, response: Response, notes: Mapping[str, Any] | None = None
    ) -> Audio:
        """The speech in one response of a batch."""
        decoder = _decoder()
        inlines = _inlines(response)
        if not inlines or broke_off(candidate_of(response), streamed=False):
            failure = read_block(response)
            failure.may_have_been_billed |= bool(inlines)
            raise failure
        provenance = await self.provenance(
            prompt, usage=usage_of(response), request_id=response_id(response), notes=notes
        )
        sounds = [_sound(decoder, inline) for inline in inlines]
        return await asyncio.to_thread(joined, sounds, provenance)

    async def voices(
        self, *, timeout: float | Timeout | None = None, **filters: str | Sequence[str]
    ) -> "list[GeminiVoice]":
        """List the voices there are.

        Args:
            timeout: Seconds for everything together.
            filters: `language_code`, `region_code`, `accent`, `persona`, `context`, `gender`,
                `pitch`, `type`, `search`: one word or several.

        Raises:
            PromptError: There is no such filter, or its word is none.
        """
        query = [("page_size", str(_PAGE)), *_query(filters)]
        voices: list[GeminiVoice] = []
        token = ""
        async with context_for(timeout, self.timeout) as context:
            for _ in range(_PAGES):
                page = [("page_token", token)] if token else []
                response = await self._transport.get(
                    f"/{self._version}/voices", context, query=[*query, *page]
                )
                voices += _read_voices(response)
                token = text_at(response.document, "next_page_token")
                if not token:
                    break
        return voices

    async def _speak(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Speak one part; as a stream where somebody listens, so that it sounds at once."""
        sounds: list[Sound] = []
        streamed = context.listener is not None

        def take(sound: Sound) -> None:
            sounds.append(sound)
            if streamed:
                self.report_sound(sound, context)

        responses = await self._say(prompt, context, take, streamed=streamed)
        context.report(Decoding())
        provenance = await self.provenance(
            prompt,
            usage=reduce(sum_of_usage, map(usage_of, responses)),
            request_id=response_id(responses[-1]),
        )
        return await asyncio.to_thread(joined, sounds, provenance)

    async def _say(
        self,
        prompt: SpeechPrompt,
        context: CallContext,
        give: Callable[[Sound], None],
        *,
        streamed: bool,
    ) -> list[Response]:
        """Give every piece of sound as it comes; returns a response without sound for each request.

        Raises:
            RefusalError: The content policy said no, perhaps after the first words.
            ProviderError: The vendor did not come to the end.
        """
        document = request = self.request_for(prompt)
        decoder, heard = _decoder(), False
        responses: list[Response] = []
        for _ in range(CONTINUATIONS):
            events: list[Response] = []

            def hear(event: Response, events: list[Response] = events) -> None:
                nonlocal heard
                events.append(event)
                for inline in _inlines(event):
                    heard = True
                    give(_sound(decoder, inline))

            try:
                await self._ask(request, context, hear, streamed=streamed)
            except MediaToolkitError as error:
                error.may_have_been_billed |= heard or bool(responses)
                if events and isinstance(error, ProviderError) and error.request_id is None:
                    error.request_id = response_id(events[-1])
                raise
            responses.append(_summed(events))
            rest = continued(document, responses[-1])
            if rest is None:
                break
            request = rest
        if not heard or broke_off(candidate_of(responses[-1]), streamed=streamed):
            failure = read_block(responses[-1])
            failure.may_have_been_billed |= heard or len(responses) > 1
            raise failure
        return responses

    async def _ask(
        self,
        document: dict[str, Any],
        context: CallContext,
        hear: Callable[[Response], None],
        *,
        streamed: bool,
    ) -> None:
        if streamed:
            path = self._path("streamGenerateContent")
            await self._transport.post(
                path, document, context, query={"alt": "sse"}, expect="events", sink=hear
            )
            return
        headers = {"x-server-timeout": str(math.ceil(context.left()))}
        path = self._path("generateContent")
        hear(await self._transport.post(path, document, context, headers=headers))


@lru_cache(maxsize=4)
def _parts(prompt: SpeechPrompt) -> Sequence[SpeechPrompt]:
    """What is asked for one by one; a long text is cut but once for its quote and its requests."""
    return split_prompt(prompt, LONGEST)


def _to_wire(prompt: SpeechPrompt, *, written: bool) -> dict[str, Any]:
    """The request.

    Args:
        prompt: What to say.
        written: Whether the style stands in the text, where older models look for it.
    """
    parts = [_written(prompt)] if written else _annotated(prompt)
    config = {
        "responseModalities": ["AUDIO"],
        "speechConfig": _speech_config(prompt, written=written),
    }
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _written(prompt: SpeechPrompt) -> dict[str, Any]:
    """The text behind an instruction; without one, older models refuse to read a question."""
    if prompt.speakers:
        manner = f" in a way that is {prompt.style}" if prompt.style else ""
        return {"text": f"TTS the following conversation{manner}:\n{prompt.text}"}
    lead = f"Say in a way that is {prompt.style}" if prompt.style else "Read aloud"
    return {"text": f"{lead}: {prompt.text}"}


def _annotated(prompt: SpeechPrompt) -> list[dict[str, Any]]:
    """The text with style and speaker beside it, since newer models read every word of it."""
    parts: list[dict[str, Any]] = []
    for speaker, words in prompt.lines():
        notes = {"speaker": speaker, "style": prompt.style}
        metadata = {name: note for name, note in notes.items() if note}
        parts.append({"text": words, **({"speechMetadata": metadata} if metadata else {})})
    return parts


def _speech_config(prompt: SpeechPrompt, *, written: bool) -> dict[str, Any]:
    def voice(name: str) -> dict[str, Any]:
        return {"prebuiltVoiceConfig": {"voiceName": name}} if written else {"voice": name}

    config: dict[str, Any] = {}
    if prompt.speakers:
        speakers = [
            {"speaker": speaker, "voiceConfig": voice(name)}
            for speaker, name in prompt.speakers.items()
        ]
        config["multiSpeakerVoiceConfig"] = {"speakerVoiceConfigs": speakers}
    elif prompt.voice:
        config["voiceConfig"] = voice(prompt.voice)
    if prompt.language:
        config["languageCode"] = prompt.language
    return config


def _inlines(event: Response) -> list[dict[str, Any]]:
    """What holds sound in *event*; an event of a stream may also hold nothing but a count."""
    blocked = at(event.document, "promptFeedback", "blockReason") is not None
    if not blocked and not at(event.document, "candidates"):
        return []
    return media_of(parts_of(candidate_of(event), event))


def _decoder() -> SoundDecoder:
    return SoundDecoder("gemini", "Gemini")


def _sound(decoder: SoundDecoder, inline: Mapping[str, Any]) -> Sound:
    """The sound of one `inlineData`."""
    return decoder.decode(bytes(inline["data"]), str(inline.get("mimeType", "")))


def _summed(events: Sequence[Response]) -> Response:
    """One response that says what all *events* did: every text, how it ended, what it cost."""
    candidate: dict[str, Any] = {}
    texts: list[dict[str, Any]] = []
    document: dict[str, Any] = {}
    for event in events:
        document |= event.document if isinstance(event.document, dict) else {}
        for first in objects_at(event.document, "candidates")[:1]:
            candidate |= first
            texts += [part for part in parts_of(first, event) if "text" in part]
    if candidate:
        document["candidates"] = [{**candidate, "content": {"parts": texts}}]
    return replace(events[-1], document=document)


@dataclass(frozen=True, slots=True)
class GeminiVoice:
    """One voice of the vendor's catalogue.

    Attributes:
        name: What `voice=` takes.
        kind: `"prebuilt"`, `"prompted"` or `"replicated"`.
        facts: What the vendor says of it: gender, language_code, accent, pitch, persona, …
        sample: Bytes and mime type of how it sounds, or None.
    """

    name: str
    kind: str
    facts: Mapping[str, str]
    sample: tuple[bytes, str] | None = field(default=None, repr=False)

    def preview(self) -> Audio:
        """How it sounds.

        Raises:
            ProviderError: The vendor has no sample of it.
            MediaError: The sample is no sound.
        """
        if self.sample is None:
            raise ProviderError(f"There is no sample of the voice {self.name}.", provider="gemini")
        data, mime_type = self.sample
        if not mime_type.lower().startswith(BARE):
            return Audio(data)
        return joined([_decoder().decode(data, mime_type)])


def _query(filters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    unknown = sorted(set(filters) - _FILTERS)
    if unknown:
        raise PromptError(f"Voices have no {unknown[0]}; filter by {', '.join(sorted(_FILTERS))}.")
    for name, words in filters.items():
        for word in words if isinstance(words, (list, tuple)) else [words]:
            if not isinstance(word, str):
                raise PromptError(f"{name} takes one word or several, not {quoted(word)}.")
            yield name, checked_text(word)


def _read_voices(response: Response) -> Iterator[GeminiVoice]:
    for voice in objects_at(response.document, "voices"):
        name = response.safe_text(voice.get("id"))
        if name:
            facts = {fact: response.safe_text(voice.get(fact)) for fact in _FACTS}
            data, mime_type = (
                at(voice, "sample_audio", "data"),
                text_at(voice, "sample_audio", "mime_type"),
            )
            yield GeminiVoice(
                name,
                response.safe_text(voice.get("type"), 40) or "prebuilt",
                {fact: words for fact, words in facts.items() if words},
                (response.media_bytes(data), mime_type) if isinstance(data, str) else None,
            )

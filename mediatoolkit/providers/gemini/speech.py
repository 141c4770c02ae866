"""Speech by `models/{model}:generateContent`, whole or as it is made."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaToolkitError, PromptError, ProviderError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.audio import concatenate
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.base import ModelInfo, SpeechClient
from mediatoolkit.providers.gemini.answers import (
    CONTINUATIONS,
    added,
    candidate_of,
    continued,
    provenance_of,
)
from mediatoolkit.providers.gemini.parts import parts_of_text
from mediatoolkit.providers.gemini.refusals import broke_off, read_block, response_id
from mediatoolkit.providers.gemini.service import GeminiService
from mediatoolkit.providers.gemini.sounds import Ear, inlines, summed, whole
from mediatoolkit.providers.gemini.voices import PREBUILT, Voice, read_voices
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.gather import as_async_generator, gather_limited
from mediatoolkit.transport import Response

DEFAULT = "gemini-3.8-flash-tts"
_MODELS = (
    DEFAULT,
    "gemini-3.8-flash-lite-tts",
    "gemini-3.1-flash-tts-preview",
    "gemini-2.5-flash-preview-tts",
    "gemini-2.5-pro-preview-tts",
)
LONGEST = 4_000  # characters a call; the vendor names no limit, long texts drift and time out
_AT_ONCE = 4
_WRITTEN_STYLE = re.compile(r"gemini-(2\.5|3\.1)-.*tts")


class GeminiSpeechClient(GeminiService, SpeechClient):
    """Speaks with Google's Gemini speech models; made as `GeminiService` says.

    A text of more than 4,000 characters is split at sentences, a dialogue between its lines, and
    joined again. Two speakers at the most. There is no speed on this wire: ask for it as a style,
    such as `"slowly"`. Models before 3.8 get the style as a part of the text, or "Read aloud".
    """

    local_verb = "speak"

    default_model = DEFAULT
    live = _MODELS

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The live models, the default first, with the prebuilt voices."""
        takes = frozenset({"language", "speakers", "style"})
        return [cls._offer(name, takes, voice=PREBUILT) for name in _MODELS]

    def check(self, prompt: SpeechPrompt) -> None:
        """Refuse what this model does not take.

        Raises:
            PromptError: Names what it takes.
        """
        self.check_options(prompt)
        if prompt.speed != 1.0:
            raise PromptError('Gemini takes no speed; ask for it in words: style="slowly".')
        if len(prompt.speakers) not in (0, 2):
            raise PromptError(
                f"Gemini speaks with one voice or with two speakers, not {len(prompt.speakers)}."
            )
        if self.model in _MODELS and _WRITTEN_STYLE.match(self.model):
            self._check_voices(prompt)

    def _check_voices(self, prompt: SpeechPrompt) -> None:
        """Older models have the prebuilt voices alone; newer ones know more than we do."""
        for voice in filter(None, (prompt.voice, *prompt.speakers.values())):
            if voice not in PREBUILT:
                known = ", ".join(PREBUILT)
                raise PromptError(f"{self.model} has no voice {quoted(voice)}; it has {known}.")

    async def make(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Speak all of *prompt*; parts of a long text are asked for side by side, unless heard."""
        failed: list[MediaToolkitError] = []

        async def speak(part: SpeechPrompt) -> Audio:
            if failed:
                raise failed[0]  # nobody would hear it
            try:
                return await self._speak(part, context)
            except MediaToolkitError as error:
                failed.append(error)
                raise

        works = [partial(speak, part) for part in parts_of_text(prompt, LONGEST)]
        in_order = 1 if context.listener else _AT_ONCE  # what is heard at once is heard in order
        spoken = await gather_limited(works, at_once=in_order, return_exceptions=True)
        if failed:
            failed[0].may_have_been_billed |= any(isinstance(one, Audio) for one in spoken)
            raise failed[0]
        if len(spoken) == 1:
            return spoken[0]
        whole = await asyncio.to_thread(concatenate, spoken)
        return replace(whole, provenance=await _provenance_of(prompt, spoken))

    async def stream(
        self, prompt: SpeechPrompt, context: CallContext
    ) -> AsyncGenerator[Sound, None]:
        """Speak *prompt* as it is made, part after part of a long text."""
        async with aclosing(as_async_generator(partial(self.stream_to, prompt, context))) as sounds:
            async for sound in sounds:
                yield sound

    async def stream_to(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> None:
        """As `stream`, in the caller's own task."""
        for part in parts_of_text(prompt, LONGEST):
            await self._say(part, context, give, streamed=True)

    async def voices(
        self, *, timeout: float | Timeout | None = None, **filters: str | Sequence[str]
    ) -> list[Voice]:
        """The voices there are.

        Args:
            timeout: Seconds for everything together.
            filters: `language_code`, `region_code`, `accent`, `persona`, `context`, `gender`,
                `pitch`, `type`, `search`: one word or several.

        Raises:
            PromptError: There is no such filter.
        """
        async with context_for(timeout, self.timeout) as context:
            return await read_voices(self._transport, self._version, filters, context)

    async def _speak(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """One part; as a stream where somebody listens, since it then sounds at once."""
        sounds: list[Sound] = []

        def hear(sound: Sound) -> None:
            sounds.append(sound)
            if heard:
                self.report_sound(sound, context)

        heard = context.listener is not None
        answers = await self._say(prompt, context, hear, streamed=heard)
        context.report(Decoding())
        provenance = provenance_of(prompt, await prompt.plain_options(), answers, self.model_id)
        return await asyncio.to_thread(whole, sounds, provenance)

    async def _say(
        self,
        prompt: SpeechPrompt,
        context: CallContext,
        give: Callable[[Sound], None],
        *,
        streamed: bool,
    ) -> list[Response]:
        """Give every piece of sound as it comes; returns what else was said, for each request.

        Raises:
            RefusalError: The content policy said no, perhaps after the first words.
            ProviderError: The vendor did not come to the end.
        """
        document = asked = self._to_wire(prompt)
        ask = self._stream if streamed else self._whole
        ear, heard = Ear(), False
        answers: list[Response] = []
        for _ in range(CONTINUATIONS):
            said: list[Response] = []

            def hear(answer: Response, said: list[Response] = said) -> None:
                nonlocal heard
                said.append(answer)
                for inline in inlines(answer):
                    heard = True
                    give(ear.hear(inline))

            try:
                await ask(asked, context, hear)
            except MediaToolkitError as error:
                error.may_have_been_billed |= heard or bool(answers)
                if said and isinstance(error, ProviderError) and error.request_id is None:
                    error.request_id = response_id(said[-1])
                raise
            answers.append(summed(said))
            rest = continued(document, answers[-1])
            if rest is None:
                break
            asked = rest
        if not heard or broke_off(candidate_of(answers[-1]), streamed=streamed):
            failure = read_block(answers[-1])
            failure.may_have_been_billed |= heard or len(answers) > 1
            raise failure
        return answers

    async def _whole(
        self, document: dict[str, Any], context: CallContext, hear: Callable[[Response], None]
    ) -> None:
        hear(await self._generate(document, context))

    async def _stream(
        self, document: dict[str, Any], context: CallContext, hear: Callable[[Response], None]
    ) -> None:
        path = f"/{self._version}/models/{self.model}:streamGenerateContent"
        await self._transport.post(
            path, document, context, query={"alt": "sse"}, expect="events", sink=hear
        )

    def _to_wire(self, prompt: SpeechPrompt) -> dict[str, Any]:
        written = _WRITTEN_STYLE.match(self.model)
        parts = [_written(prompt)] if written else _annotated(prompt)
        return {
            "contents": [{"role": "user", "parts": parts}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": _speech_config(prompt, classic=bool(written)),
            },
        }


async def _provenance_of(prompt: SpeechPrompt, spoken: Sequence[Audio]) -> Provenance | None:
    """The origin of the whole: of the first part, with what all parts cost."""
    origins = [one.provenance for one in spoken if one.provenance]
    if not origins:
        return None
    usage = added([dict(one.usage) for one in origins])
    asked = await prompt.plain_options()
    return replace(origins[0], prompt=prompt.text, options=asked, usage=usage)


def _written(prompt: SpeechPrompt) -> dict[str, Any]:
    """Older models find in the text what to do with it; without that they refuse a question."""
    if prompt.speakers:
        manner = f" in a way that is {prompt.style}" if prompt.style else ""
        return {"text": f"TTS the following conversation{manner}:\n{prompt.text}"}
    lead = f"Say in a way that is {prompt.style}" if prompt.style else "Read aloud"
    return {"text": f"{lead}: {prompt.text}"}


def _annotated(prompt: SpeechPrompt) -> list[dict[str, Any]]:
    """Newer models read the text to the letter; style and speaker stand beside it."""
    parts = []
    for speaker, words in prompt.lines():
        said = {"speaker": speaker, "style": prompt.style}
        metadata = {name: value for name, value in said.items() if value}
        parts.append({"text": words, **({"speechMetadata": metadata} if metadata else {})})
    return parts


def _speech_config(prompt: SpeechPrompt, *, classic: bool) -> dict[str, Any]:
    def voice(name: str) -> dict[str, Any]:
        return {"prebuiltVoiceConfig": {"voiceName": name}} if classic else {"voice": name}

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

"""Speech by the embedded voices."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Audio, Caption, Captions, Provenance, Sound
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.base import SpeechClient, now
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, OneOf, Taken
from mediatoolkit.providers.local.workers import LocalClient, missing_extra
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Drawing, Loading
from mediatoolkit.runtime.workers import Tell, Workers
from mediatoolkit.synthesis.speaking.voices import PACKAGES, VOICES, LocalVoice, speaks, usual

if TYPE_CHECKING:
    from mediatoolkit.synthesis.speaking.speech import SpokenSentence

ENGINES = ("hibari", "pico")
_SEED = 0  # a prompt for speech has none: the same words always sound the same


class Speaking(Drawing):
    """A local voice is at work on the sentence `what`."""

    name = "speaking"

    def __str__(self) -> str:
        """One word; the bar says how far it is."""
        return self.name


class LocalSpeechClient(LocalClient[SpeechPrompt, Audio], SpeechClient):
    """Speaks with the embedded engines, in worker threads.

    Hibari's voices speak English: `heart`, `deep` and `bright`. Pico's are plainer and speak what
    they are called: `american`, `british`, `german`, `spanish`, `french` and `italian`. Without
    a voice, the prompt's language decides. The same prompt gives the same sound, and the captions
    of what it makes are exact.

    In English, numbers, units, money and formulas are read as people read them, Markdown and SSML
    are not read out, and a `<break time="1s"/>` is a pause; captions keep what was written. What a
    voice has no words for is named in the provenance, `notes["not_spoken"]`.

    Args:
        model: `"hibari"`, which leaves to Pico what it cannot speak itself; or `"pico"`.
        timeout: One deadline over the whole call.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = tuple(
        ModelInfo(
            f"local/{engine}",
            Capabilities(
                streams=True,
                voice=OneOf(
                    tuple(voice.name for voice in VOICES.values() if voice.engine == engine),
                    others=True,
                ),
                speakers=Taken(),
                speed=Taken(),
                language=Taken(),
                advice={
                    "seed": "the same words sound the same each time: leave seed= out.",
                    "style": "each voice has one style: leave style= out, or choose another voice.",
                },
            ),
        )
        for engine in ENGINES
    )
    default_timeout = Timeout(total=300)
    workers = Workers("speaker", os.cpu_count() or 1)

    @classmethod
    def missing(cls, model: str, /) -> str:
        """Which packages the voices of *model* need, unless they are installed."""
        return missing_extra("These voices", *PACKAGES[model])

    def check(self, prompt: SpeechPrompt) -> None:
        """Refuse what the voices cannot say.

        Raises:
            PromptError: Names what they can.
            MissingExtraError: The speech model is not installed.
        """
        from mediatoolkit.synthesis.speaking import speech

        super().check(prompt)
        turns = self._turns(prompt)
        for name in dict(turns):
            self._check_voice(speech.voice_called(name), prompt.language)
        speech.check(turns, prompt.speed)

    async def make(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Speak in a worker thread, sentence by sentence; cancelling stops the voice."""
        async with aclosing(self._sentences(prompt, context)) as sentences:
            spoken = []
            async for sentence in sentences:
                spoken.append(sentence)
                self.report_sound(sentence.sound, context)
        context.report(Decoding())
        options = await prompt.plain_options()
        turns, engines = self._turns(prompt), self._engines(prompt)
        missing = await asyncio.to_thread(_not_spoken, turns)
        return await asyncio.to_thread(_audio, prompt, options, spoken, engines, missing)

    async def stream(
        self, prompt: SpeechPrompt, context: CallContext
    ) -> AsyncGenerator[Sound, None]:
        """As `make`, a sentence at a time, each while the next is being made.

        All sentences are equally loud; the whole that `make` returns may be a little louder.
        """
        async with aclosing(self._sentences(prompt, context)) as sentences:
            async for sentence in sentences:
                yield sentence.sound

    def _engines(self, prompt: SpeechPrompt) -> list[str]:
        """Who speaks, in the order in which they are first heard."""
        return list(dict.fromkeys(VOICES[name].engine for name, _ in self._turns(prompt)))

    def _turns(self, prompt: SpeechPrompt) -> list[tuple[str, str]]:
        """Voices and their words, in the order in which they are heard.

        Raises:
            PromptError: No local voice speaks the prompt's language.
            MissingExtraError: None that does is installed.
        """
        usual = prompt.voice or ("" if prompt.speakers else self._usual(prompt.language).name)
        return [(prompt.speakers[name] if name else usual, text) for name, text in prompt.lines()]

    def _usual(self, language: str | None) -> LocalVoice:
        from mediatoolkit.synthesis.speaking import speech

        engines = ENGINES if self.model == ENGINES[0] else (self.model,)
        there = [engine for engine in engines if engine in speech.installed()]
        voice = usual(language, there) or usual(language, engines)
        if voice is None:
            spoken = ", ".join(dict.fromkeys(known.language[:2] for known in VOICES.values()))
            raise PromptError(
                f"The local voices speak {spoken}, not {language!r}; leave language= out, or use a "
                "model that speaks it."
            )
        return voice

    def _check_voice(self, voice: LocalVoice, language: str | None) -> None:
        if self.model != ENGINES[0] and voice.engine != self.model:
            raise PromptError(f'{self.model_id} has no voice {voice.name}; use "local/hibari".')
        if language is not None and not speaks(voice, language):
            raise PromptError(
                f"The voice {voice.name} speaks {voice.language}, not {quoted(language)}; leave "
                "one of voice= and language= out."
            )

    async def _sentences(
        self, prompt: SpeechPrompt, context: CallContext
    ) -> AsyncGenerator["_Sentence", None]:
        # The next sentence is made while this one is heard.
        dialogue = _Dialogue(prompt, self._turns(prompt))
        ahead = asyncio.create_task(self._next(dialogue, context))
        try:
            while sentence := await ahead:
                ahead = asyncio.create_task(self._next(dialogue, context))
                yield sentence
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _next(self, dialogue: "_Dialogue", context: CallContext) -> "_Sentence | None":
        return await self._do(dialogue.next, context)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence, and when its words are heard."""

    sound: Sound
    caption: Caption


class _Dialogue:
    """A prompt that the voices speak, a sentence at each call of `next`."""

    def __init__(self, prompt: SpeechPrompt, turns: list[tuple[str, str]]) -> None:
        self._speed, self._turns = prompt.speed, turns
        self._sentences: Iterator[SpokenSentence] | None = None
        self._tell: Tell | None = None

    def next(self, tell: Tell) -> _Sentence | None:
        """Make the next sentence, or None after the last; blocks."""
        from mediatoolkit.media.containers.wav import to_pcm
        from mediatoolkit.synthesis.speaking.speech import dialogue

        self._tell = tell
        if self._sentences is None:
            self._load(tell)
            self._sentences = dialogue(
                self._turns, speed=self._speed, seed=_SEED, progress=self._progress
            )
        spoken = next(self._sentences, None)
        if spoken is None:
            return None
        sound = Sound(to_pcm(spoken.samples), spoken.sample_rate, 1, spoken.text)
        return _Sentence(sound, Caption(spoken.start, spoken.end, spoken.text))

    def _load(self, tell: Tell) -> None:
        """Bring the speech model into memory, which takes seconds the first time."""
        from mediatoolkit.synthesis.speaking import engines

        speaks_hibari = any(VOICES[name].engine == ENGINES[0] for name, _ in self._turns)
        if speaks_hibari and not engines.is_loaded():
            tell(Loading("the voice"))
            engines.load()

    def _progress(self, what: str, fraction: float) -> None:
        if self._tell is not None:
            self._tell(Speaking(what, fraction))


def _not_spoken(turns: list[tuple[str, str]]) -> list[str]:
    """What the voices passed over, each once."""
    from mediatoolkit.synthesis.speaking.speech import left_out

    missing = (word for voice, text in turns for word in left_out(text, voice))
    return list(dict.fromkeys(missing))


def _audio(
    prompt: SpeechPrompt,
    options: dict[str, Any],
    sentences: list[_Sentence],
    engines: list[str],
    missing: list[str],
) -> Audio:
    """All sentences as one sound, with its highest sample at -1 dBFS."""
    import numpy as np

    from mediatoolkit.synthesis.speaking.speech import LOUDEST

    waves = [np.frombuffer(sentence.sound.pcm, "<i2") for sentence in sentences]
    peak = max(int(np.abs(wave.astype(np.int32)).max(initial=1)) for wave in waves)
    gain = np.float32(LOUDEST * 32768 / peak)
    pcm = b"".join(np.rint(wave * gain).astype("<i2").tobytes() for wave in waves)
    notes: dict[str, object] = {
        "captions": Captions(tuple(sentence.caption for sentence in sentences)).to_plain(),
        "not_spoken": missing,
        "engines": engines if len(engines) > 1 else None,
    }
    provenance = Provenance(
        model=f"local/{engines[0] if len(engines) == 1 else ENGINES[0]}",
        prompt=prompt.text,
        engine="local",
        seed=_SEED,
        options=options,
        created=now(),
        notes={name: value for name, value in notes.items() if value},
    )
    return Audio.from_pcm(pcm, sample_rate=sentences[0].sound.sample_rate, provenance=provenance)

"""Speech at vendors that take a text up to some length: a longer one is spoken in parts."""

import abc
import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Sound, codec
from mediatoolkit.media.audio import concatenate
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.prompts.parts import split_prompt
from mediatoolkit.providers.base import StreamedSpeechClient
from mediatoolkit.providers.documents import sum_of_usage
from mediatoolkit.runtime.context import CallContext


class LongSpeech(StreamedSpeechClient):
    """Speaks a long text in parts, one after the other, and joins them to a WAV.

    A text is cut at sentences, a dialogue between its lines. Each part is a paid request.
    """

    @abc.abstractmethod
    def longest(self, prompt: SpeechPrompt) -> int:
        """Characters of the text that one request for *prompt* takes."""

    @abc.abstractmethod
    async def make_part(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """As `make`, for what one request takes."""

    async def stream_part(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> Mapping[str, Any]:
        """As `stream_to`, for what one request takes; all in one where a vendor does not stream."""
        audio = await self.make_part(prompt, context)
        give(await asyncio.to_thread(audio.sound))
        return audio.provenance.usage if audio.provenance else {}

    def is_compressed(self, prompt: SpeechPrompt) -> bool:  # noqa: ARG002 - for who overrides it
        """Whether the parts of *prompt* come in a format that takes PyAV to read, such as MP3."""
        return True

    def check(self, prompt: SpeechPrompt) -> None:
        """As for each client.

        Raises:
            PromptError: It cannot be made as asked; says what can.
            MissingExtraError: It comes in several parts, and PyAV, which reads them, is missing.
        """
        super().check(prompt)
        if len(self._parts(prompt)) > 1 and self.is_compressed(prompt):
            codec.load_av()

    def quotes(self, prompt: SpeechPrompt, **facts: float) -> list[Price]:
        """One for each part."""
        of_one = super().quotes
        return [price for part in self._parts(prompt) for price in of_one(part, **facts)]

    async def make(self, prompt: SpeechPrompt, context: CallContext) -> Audio:
        """Make all parts of *prompt*; what cannot be joined any more may have been billed."""
        made: list[Audio] = []
        for part in self._parts(prompt):
            with _billed(made):
                made.append(await self.make_part(part, context))
        if len(made) == 1:
            return made[0]
        records = [audio.provenance for audio in made if audio.provenance]
        provenance = await self.provenance(
            prompt,
            seed=records[0].seed,
            usage=reduce(sum_of_usage, (record.usage for record in records)),
            request_id=records[0].request_id,
        )
        with _billed(made):
            return await asyncio.to_thread(concatenate, made, provenance=provenance)

    async def stream_to(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> Mapping[str, Any]:
        """As `stream`, in the caller's own task; returns what was used up."""
        usages: list[Mapping[str, Any]] = []
        for part in self._parts(prompt):
            with _billed(usages):
                usages.append(await self.stream_part(part, context, give))
        return reduce(sum_of_usage, usages)

    def _parts(self, prompt: SpeechPrompt) -> Sequence[SpeechPrompt]:
        return _split(prompt, self.longest(prompt))


@lru_cache(maxsize=4)
def _split(prompt: SpeechPrompt, longest: int) -> Sequence[SpeechPrompt]:
    """A long text is cut but once for its check, its quote and its requests."""
    return split_prompt(prompt, longest)


@contextlib.contextmanager
def _billed(earlier: Sequence[object]) -> Iterator[None]:
    """Say of an error in the block that what came *earlier*, if anything, was billed."""
    try:
        yield
    except MediaToolkitError as error:
        error.may_have_been_billed |= bool(earlier)
        raise

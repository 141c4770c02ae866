"""A text that is too long for one request is spoken in parts, and paid part by part."""

from collections.abc import AsyncIterator

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Sound
from mediatoolkit.media.audio import Audio
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.long_speech import LongSpeech
from mediatoolkit.runtime.context import CallContext, Timeout

TEXT = "One fox. Two foxes. Three foxes."


class Parrot(LongSpeech):
    """Says a tenth of a second for each request, and fails at a word."""

    provider = "parrot"
    timeout = Timeout()
    failure: MediaToolkitError | None = None

    def longest(self, _prompt: SpeechPrompt) -> int:
        return 14

    def is_compressed(self, _prompt: SpeechPrompt) -> bool:
        return False

    async def make_part(self, prompt: SpeechPrompt, _context: CallContext) -> Audio:
        if self.failure and "Three" in prompt.text:
            raise self.failure
        usage = {"credits": 2, "input": {"TEXT": len(prompt.text)}}
        provenance = await self.provenance(prompt, usage=usage, request_id=prompt.text[:3], seed=7)
        return Audio.from_pcm(bytes(4_800), sample_rate=24_000, provenance=provenance)

    async def close(self) -> None:
        pass


@pytest.fixture
async def parrot() -> AsyncIterator[Parrot]:
    async with Parrot() as client:
        yield client


async def test_parts_become_one_sound_and_one_record(parrot: Parrot) -> None:
    audio = await parrot.generate(TEXT)

    record = audio.provenance
    assert audio.seconds == pytest.approx(0.3)
    assert record
    assert (record.prompt, record.request_id, record.seed) == (TEXT, "One", 7)
    assert record.usage == {"credits": 6, "input": {"TEXT": len(TEXT)}}


async def test_one_part_stays_as_the_vendor_sent_it(parrot: Parrot) -> None:
    audio = await parrot.generate("One fox.")

    assert audio.provenance
    assert audio.provenance.usage == {"credits": 2, "input": {"TEXT": 8}}


async def test_parts_are_streamed_and_quoted_one_by_one(parrot: Parrot) -> None:
    prompt, pieces = SpeechPrompt(TEXT), list[Sound]()

    async with CallContext(60) as context:
        async for sound in parrot.stream(prompt, context):
            pieces.append(sound)

    assert len(pieces) == len(parrot.quotes(prompt)) == 3


@pytest.mark.parametrize("text", [TEXT, "Three foxes."])
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_was_made_before_a_failure_was_billed(
    parrot: Parrot,
    text: str,
    streamed: bool,  # noqa: FBT001
) -> None:
    """Nothing was, when the first part fails."""
    parrot.failure = mt.ProviderError("No.")

    async def speak(prompt: SpeechPrompt) -> None:
        async with CallContext(60) as context:
            if streamed:
                await parrot.stream_to(prompt, context, lambda _: None)
            else:
                await parrot.make(prompt, context)

    with pytest.raises(mt.ProviderError) as caught:
        await speak(SpeechPrompt(text))

    assert caught.value.may_have_been_billed is (text == TEXT)

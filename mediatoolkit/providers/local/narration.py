"""The voice over a film: sound, or a text that the local voice speaks."""

from typing import Any

from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Video
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.local.steps import SPOKEN
from mediatoolkit.runtime.context import CallContext

Narration = Audio | str | None


def checked(narration: object) -> Narration:
    """Text, or sound of what people have at hand; blocks when there is a file to read.

    Raises:
        PromptError: It is a text that cannot be spoken.
        MediaError: It is neither text nor sound.
    """
    if narration is None or isinstance(narration, Audio):
        return narration
    if isinstance(narration, str):
        if not narration.strip():
            raise PromptError("The narration is empty; leave it out for a film without a voice.")
        return SpeechPrompt(narration).text
    try:
        return Audio.of(narration)
    except MediaError as error:
        raise MediaError(f"The narration cannot be used. {error}") from error


async def spoken(narration: Narration, context: CallContext) -> Audio | None:
    """The narration as sound.

    Raises:
        PromptError: The local voice cannot speak it.
        MissingExtraError: The local voice is not installed.
    """
    if not isinstance(narration, str):
        return narration
    from mediatoolkit.providers.local.speech import LocalSpeechClient

    prompt = SpeechPrompt(narration)
    async with LocalSpeechClient() as client:
        client.check(prompt)
        with context.work.part(0.0, SPOKEN):
            return await client.make(prompt, context)


def mark(narration: Narration) -> str | None:
    """The narration in a record of provenance: its text, or the first digits of its digest."""
    return narration.digest()[:16] if isinstance(narration, Audio) else narration


def not_spoken(voice: Audio | None) -> object:
    """What the record of *voice* says that it leaves out of its text."""
    return voice.provenance.notes.get("not_spoken") if voice and voice.provenance else None


def captions_of(voice: Audio | None, film: bytes) -> list[list[Any]]:
    """What is spoken when in a film that *voice* narrates, as a record of provenance has it."""
    if voice is None or not voice.captions:
        return []
    from mediatoolkit.synthesis.filming.shots import delay_of

    return voice.captions.later(delay_of(Video(film).seconds, voice.seconds)).to_plain()

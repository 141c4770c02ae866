"""The agent for speech."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

from mediatoolkit.agents.base import Agent
from mediatoolkit.media import Audio, Sound
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.base import SpeechClient
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.runtime.gather import as_async_generator


class VoiceAgent(Agent[SpeechPrompt, Audio]):
    """Makes speech."""

    client_type = SpeechClient
    kind = "speech"

    def stream(
        self,
        prompt: str | SpeechPrompt,
        *,
        timeout: float | Timeout | None = None,
        **options: Any,
    ) -> AsyncGenerator[Sound]:
        """Make speech and give it away piece by piece, the first before the last is made.

        The first client alone is asked, and nothing is kept: what has been heard cannot be taken
        back. Leaving the loop early stops the work.

        Raises:
            PromptError: It cannot be said as asked; nothing was sent.
            MediaToolkitError: As the client, from within the loop.
        """
        asked = self._checked(prompt, options)
        client = cast("SpeechClient", self.clients[0])

        async def work(give: Callable[[Sound], None]) -> None:
            call = self._call(timeout)
            with self._in_flight.track(call):
                async with call:
                    await client.stream_to(asked, call, give)

        return as_async_generator(work)

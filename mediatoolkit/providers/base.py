"""What every client is and does."""

import abc
import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Image, Media, Sound, Video
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Sounding
from mediatoolkit.runtime.gather import gather_limited
from mediatoolkit.runtime.in_flight import Closing
from mediatoolkit.transport import Secret

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model, as a person may choose it.

    Attributes:
        model_id: What `model=` takes.
        reason: Why it cannot be used now and what to do, in one sentence; empty when it can.
        choices: Values that the model takes, by keyword: `size`, `aspect`, `voice`, `resolution`,
            `seconds`. Left out of a call, the model decides.
        takes: Other keywords that it takes, with values of their own, such as `seed`.
    """

    model_id: str
    reason: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes: frozenset[str] = frozenset()


class Client(Closing, Generic[P, M]):
    """One vendor's protocol for one kind of media.

    Attributes:
        provider: The vendor, as in the first half of a model id.
        prompt_type: What it is asked with.
        media_type: What it makes.
        entry_points: The group in which packages name their clients of this kind.
        option_names: Keywords beyond the prompt's own that this vendor takes.
        model: The vendor's name of the model, the second half of a model id.
        timeout: The durations a call gets when nobody says otherwise.
    """

    provider: ClassVar[str]
    prompt_type: type[P]
    media_type: type[M]
    entry_points: ClassVar[str]
    option_names: ClassVar[frozenset[str]] = frozenset()
    model: str = "?"
    timeout: Timeout

    @property
    def model_id(self) -> str:
        """`vendor/model`."""
        return f"{self.provider}/{self.model}"

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key that a client made now would find, or None."""
        return None

    @classmethod
    def environment(cls) -> Hashable:
        """All that a client made now would find in the environment; another one, another client."""
        return cls.credentials()

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The models to choose from, the default first; sends nothing.

        A vendor that lists none is offered by its name alone, which stands for its default model.
        """
        return [ModelInfo(cls.provider)]

    @abc.abstractmethod
    def check(self, prompt: P) -> None:
        """Refuse what this model does not take, before anything is sent.

        Raises:
            PromptError: It cannot be made as asked; says what can.
        """

    @abc.abstractmethod
    async def make(self, prompt: P, context: CallContext) -> M:
        """Make what a checked *prompt* asks for, within an open *context*."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Refuse later use, fail what is in flight; may be called again."""

    async def generate(self, prompt: P | str, *, timeout: float | Timeout | None = None) -> M:
        """Make what *prompt* asks for.

        Args:
            prompt: What to make.
            timeout: Seconds for everything together; left out, the client's own.

        Raises:
            PromptError: It cannot be made as asked; nothing was sent.
            RefusalError: The content policy said no; `reason` is the vendor's word.
            TransportError: No usable answer within the deadline.
            ProviderError: The vendor answered, but not with media.
        """
        asked = self.prompt_type.of(prompt)
        self.check(asked)
        async with context_for(timeout, self.timeout) as context:
            return await self.make(asked, context)

    def check_options(self, prompt: Prompt) -> None:
        """Refuse keywords that this vendor does not know, and suggest one that it does."""
        self.check_keywords(prompt.options)

    def check_keywords(self, names: Iterable[str]) -> None:
        """As `check_options`, for the *names* of keywords beyond the prompt's own.

        Raises:
            PromptError: One is unknown; suggests one that is not.
        """
        for name in names:
            if name not in self.option_names:
                known = self._keywords()
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}=?" if near else f"it takes {', '.join(known)}."
                raise PromptError(f"{self.model_id} has no option {name}=; {hint}")

    def _keywords(self) -> list[str]:
        """Those of the prompt's own that this model takes, and the vendor's."""
        offered = {offer.model_id: {*offer.choices, *offer.takes} for offer in self.models()}
        own = {one.name for one in fields(self.prompt_type)} - {"text", "options"}
        return sorted({*self.option_names, *(offered.get(self.model_id) or own), "timeout"})

    async def load_media(self, data: bytes, **known: Any) -> M:
        """Media of bytes that a vendor sent, and may have billed.

        Raises:
            MediaError: It is no such media.
        """
        try:
            return await self.media_type.load(data, **known)
        except MediaError as error:
            error.provider = self.provider
            error.may_have_been_billed = True
            raise

    def __repr__(self) -> str:
        """Vendor and model; never the key."""
        return f"<{type(self).__name__} {self.model_id}>"


class ImageClient(Client[ImagePrompt, Image]):
    """One vendor's protocol for pictures."""

    prompt_type = ImagePrompt
    media_type = Image
    entry_points = "mediatoolkit.images"

    async def generate_several(
        self, prompt: ImagePrompt | str, count: int, *, timeout: float | Timeout | None = None
    ) -> list[Image]:
        """Draw *prompt* several times at once, as calls of their own.

        A prompt with a seed is drawn with that seed and those after it. All calls run to their
        end; when one failed, the first error is raised then.

        Raises:
            PromptError: *count* is not 1 to 100, or as `generate`.
        """
        if not is_whole(count) or not 1 <= count <= 100:
            raise PromptError(f"count takes a whole number from 1 to 100, not {quoted(count)}.")
        asked = ImagePrompt.of(prompt)
        first = asked.seed
        seeds = [None if first is None else (first + n) % (LARGEST_SEED + 1) for n in range(count)]
        prompts = [ImagePrompt.of(asked, seed=seed) for seed in seeds]
        for one in prompts:
            self.check(one)
        works = [partial(self.generate, one, timeout=timeout) for one in prompts]
        return await gather_limited(works, at_once=count)


class SpeechClient(Client[SpeechPrompt, Audio]):
    """One vendor's protocol for speech."""

    prompt_type = SpeechPrompt
    media_type = Audio
    entry_points = "mediatoolkit.speech"

    async def stream(
        self, prompt: SpeechPrompt, context: CallContext
    ) -> AsyncGenerator[Sound, None]:
        """Make what a checked *prompt* asks for, within an open *context*.

        Yields:
            Pieces in the order they are heard, each as soon as it is there; all in one where a
            vendor does not stream.
        """
        audio = await self.make(prompt, context)
        yield await asyncio.to_thread(audio.sound)

    async def stream_to(
        self, prompt: SpeechPrompt, context: CallContext, give: Callable[[Sound], None]
    ) -> None:
        """As `stream`, but call *give* with every piece."""
        async with aclosing(self.stream(prompt, context)) as sounds:
            async for sound in sounds:
                give(sound)

    @staticmethod
    def report_sound(sound: Sound, context: CallContext) -> None:
        """Tell who watches the call that *sound* can be heard."""
        context.report(Sounding(sound.pcm, sound.sample_rate, sound.channels))


class VideoClient(Client[VideoPrompt, Video]):
    """One vendor's protocol for films."""

    prompt_type = VideoPrompt
    media_type = Video
    entry_points = "mediatoolkit.videos"

"""What every client is and does."""

import abc
import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from mediatoolkit.caching import RequestKey
from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import MediaError, MediaToolkitError, PromptError
from mediatoolkit.media import Audio, Image, Media, Provenance, Sound, Video
from mediatoolkit.media.cost import Cost
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.pricing.bill import Bill
from mediatoolkit.pricing.prices import prices
from mediatoolkit.pricing.quotes import FREE, Price, cost, quote
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers import capabilities
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.recipe import ClientRecipe
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Partial, Sounding, Withdrawn
from mediatoolkit.runtime.gather import as_async_generator, gather_limited
from mediatoolkit.runtime.in_flight import Closing
from mediatoolkit.transport import Secret

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


class Client(Closing, Generic[P, M]):
    """One vendor's protocol for one kind of media.

    Attributes:
        provider: The vendor, as in the first half of a model id.
        prompt_type: What it is asked with.
        media_type: What it makes.
        entry_points: The group in which packages name their clients of this kind.
        catalog: The models that are known here, the default first.
        unlisted: What is known of models that are not in the catalog.
        model: The vendor's name of the model, the second half of a model id.
        timeout: The durations a call gets when nobody says otherwise.
        is_free: What it makes costs nothing, since a machine of the user's makes it.
        books_requests: What it sends is booked request by request; else the call is booked as one,
            before it is made.
    """

    provider: ClassVar[str]
    prompt_type: type[P]
    media_type: type[M]
    entry_points: ClassVar[str]
    catalog: ClassVar[tuple[ModelInfo, ...]] = ()
    unlisted: ClassVar[Capabilities | None] = None
    model: str = "?"
    timeout: Timeout
    is_free: ClassVar[bool] = False
    books_requests: ClassVar[bool] = False

    @property
    def model_id(self) -> str:
        """`vendor/model`."""
        return f"{self.provider}/{self.model}"

    @property
    def capabilities(self) -> Capabilities | None:
        """What the model takes, or None where nobody says."""
        listed = (info.capabilities for info in self.catalog if info.model_id == self.model_id)
        return next(listed, self.unlisted)

    @classmethod
    def has_key(cls) -> bool:
        """Whether a client made now would find a key."""
        return bool(cls.key_place())

    @classmethod
    def key_place(cls) -> str:
        """Why it can be used, as `"GEMINI_API_KEY is in the environment"`; empty without a key."""
        return "it has a key" if cls.credentials() else ""

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key that a client made now would find, or None."""
        return None

    @classmethod
    def environment(cls) -> Hashable:
        """All that a client made now would find in the environment; another one, another client."""
        return None

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The models to choose from, the default first; sends nothing.

        A vendor without a catalog is listed by its name alone, which stands for its default model.
        """
        return [
            replace(info, reason=cls.missing(info.model_id.partition("/")[2]))
            for info in cls.catalog
            if not info.ended
        ] or [ModelInfo(cls.provider, cls.unlisted or Capabilities(), reason=cls.missing(""))]

    @classmethod
    def missing(cls, _model: str, /) -> str:
        """Why a model cannot be used now and what to do, in one sentence; empty when it can."""
        return ""

    @property
    def base_url(self) -> str | None:
        """Where it sends to, or None for the vendor's own address."""
        return None

    def check(self, prompt: P) -> None:
        """Refuse what this model does not take, before anything is sent.

        Raises:
            PromptError: It cannot be made as asked; says what can.
        """
        capabilities.check(prompt, self.capabilities or Capabilities(), self.model_id)

    def facts(self, prompt: P) -> Facts:
        """What the price of *prompt* depends on; more than `Prompt.facts` where a model says so."""
        return prompt.facts

    def quote(self, prompt: P, **facts: float) -> Price:
        """What *prompt* costs before it is sent; sends nothing.

        Args:
            prompt: What is asked for.
            facts: What else is known of it, by the names of `Facts`.
        """
        first, *others = self.quotes(prompt, **facts)
        return sum(others, first)

    def quotes(self, prompt: P, **facts: float) -> list[Price]:
        """As `quote`, for each paid request that *prompt* takes."""
        if self.is_free:
            return [FREE]
        return [quote(prices.find(self.model_id), {**self.facts(prompt), **facts})]

    def cost(self, prompt: P, usage: Mapping[str, Any]) -> Price:
        """What *prompt* did cost.

        Args:
            prompt: What was made.
            usage: What was used up, as the vendor counts it.
        """
        if self.is_free:
            return FREE
        return cost(prices.find(self.model_id), usage, self.facts(prompt))

    def check_keywords(self, names: Iterable[str]) -> None:
        """Refuse keywords beyond the prompt's own that this model does not have.

        Raises:
            PromptError: One is unknown; suggests one that is not.
        """
        capabilities.check_keywords(names, self.prompt_type, self.capabilities, self.model_id)

    @contextlib.contextmanager
    def billing(self, prompt: P, context: CallContext) -> Iterator[Bill]:
        """Book in the budget what *prompt* may cost, before each paid request of the block.

        Yields:
            The bill, to be settled when the media is there; an error in the block ends it.
        """
        context.is_free = self.is_free
        uppers = [price.high for price in self.quotes(prompt)]
        with billed(Bill(self.model_id, uppers), context) as bill:
            if not self.books_requests and any(upper != 0 for upper in uppers):
                bill.reserve()
                context.paid += 1
            yield bill

    def settled(self, media: M, bill: Bill, prompt: P | None = None) -> M:
        """Book what *media* has cost, and return it with that in its provenance.

        Args:
            media: What was made.
            bill: Of the call.
            prompt: What it was made of; left out, as its provenance has it.
        """
        usage = media.provenance.usage if media.provenance else {}
        return media.with_cost(self.settle(bill, usage, lambda: prompt or self._prompt_of(media)))

    def settle(self, bill: Bill, usage: Mapping[str, Any], prompt: Callable[[], P]) -> Cost:
        """Book what a call has cost.

        Args:
            bill: Of the call.
            usage: What was used up, as the vendor counts it.
            prompt: Says what was made; a price that cannot be told is unknown.
        """
        try:
            cost = self.cost(prompt(), usage).as_cost()
            bill.settle(cost.usd)
        except MediaToolkitError as error:  # what is paid for is never lost over its price
            cost = Cost(None, str(error))
            bill.settle(None)
        return cost

    def _prompt_of(self, media: M) -> P:
        """The prompt of *media* without what it started from.

        Raises:
            PromptError: Its provenance tells none.
        """
        provenance = media.provenance
        if provenance is None:
            raise PromptError("it does not say how it was made")
        names = provenance.options.keys() - self.prompt_type.media_fields
        options = {name: provenance.options[name] for name in names}
        return self.prompt_type.of(provenance.prompt, **options)

    def key(self, prompt: P) -> RequestKey:
        """The key of *prompt* at this model; blocks, about 1 ms for each megabyte of media.

        Raises:
            PromptError: An option of it has no lasting form.
        """
        facts, inputs = self.facts(prompt), dict(prompt.inputs)
        names = prompt.__dataclass_fields__.keys() - inputs.keys() - {"text", "seed", "options"}
        # The facts have the model's defaults in the place of what was left out.
        own = {name: facts.get(name, getattr(prompt, name)) for name in names}
        options = {name: value for name, value in prompt.options.items() if name not in inputs}
        previous = inputs.pop("previous", ())
        return RequestKey.of(
            kind=self.media_type.noun,
            model=self.model_id,
            text=prompt.text,
            options={**options, **own},
            inputs=inputs,
            previous=previous[0] if previous else None,
            seed=getattr(prompt, "seed", None),
            base_url=self.base_url,
        )

    def recipe(self) -> ClientRecipe:
        """What another process makes an equal client from; it holds no session.

        Raises:
            PromptError: That cannot be done.
        """
        return ClientRecipe(type(self), {"model": self.model, "timeout": self.timeout})

    async def make_billed(self, prompt: P, context: CallContext) -> M:
        """As `make`, within the budget.

        Raises:
            BudgetError: It may cost more than is left; nothing was sent.
        """
        with self.billing(prompt, context) as bill:
            return self.settled(await self.make(prompt, context), bill, prompt)

    async def ready(self) -> None:
        """Wait while the vendor has asked for a pause, and until a request's turn after it.

        Whoever has many prompts to make awaits it before each, so that the wait takes no time of
        that call. What needs no vendor returns at once.

        Raises:
            ClosedError: The client was closed meanwhile.
        """

    def pause(self, seconds: float) -> None:
        """Start nothing that is paid for *seconds*, since the vendor asked another process for it.

        That holds for all clients of this process with the same key and address, at most an hour.
        Pauses do not add up.

        Raises:
            PromptError: *seconds* is not a positive number.
        """

    def on_pause(self, hook: Callable[[float], object]) -> Callable[[], None]:  # noqa: ARG002
        """Call *hook* with seconds whenever the vendor asks this process for a pause.

        It is called in whatever thread the call runs that was told so, and must be quick. A pause
        that came by `pause` is not told.

        Returns:
            A function that ends it.
        """
        return lambda: None

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
            BudgetError: It may cost more than is left; nothing was sent.
            RefusalError: The content policy said no; `reason` is the vendor's word.
            TransportError: No usable answer within the deadline.
            ProviderError: The vendor answered, but not with media.
        """
        prompt = self.prompt_type.of(prompt)
        self.check(prompt)
        async with context_for(timeout, self.timeout) as context:
            return await self.make_billed(prompt, context)

    async def provenance(
        self,
        prompt: P,
        *,
        seed: int | None = None,
        usage: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Provenance:
        """The record of how media was made, or will be.

        Args:
            prompt: What was asked for.
            seed: The seed that was used; left out, the prompt's.
            usage: What was used up, as the vendor counts it.
            request_id: The vendor's name for the call.
            notes: What else is worth knowing; empty notes are left out.
        """
        return Provenance(
            model=self.model_id,
            prompt=prompt.text,
            engine=self.provider,
            seed=getattr(prompt, "seed", None) if seed is None else seed,
            options=await prompt.plain_options(),
            created=now(),
            request_id=request_id,
            usage=usage or {},
            notes={name: note for name, note in (notes or {}).items() if note},
        )

    async def load_media(self, data: bytes, **facts: Any) -> M:
        """Media of bytes that a vendor sent, and may have billed.

        Raises:
            MediaError: The bytes are no such media.
        """
        try:
            return await self.media_type.load(data, **facts)
        except MediaError as error:
            error.provider = self.provider
            error.may_have_been_billed = True
            raise

    def _info(self) -> ModelInfo | None:
        return next((info for info in self.catalog if info.model_id == self.model_id), None)

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
        prompt = ImagePrompt.of(prompt)
        first = prompt.seed
        seeds = [None if first is None else (first + n) % (LARGEST_SEED + 1) for n in range(count)]
        prompts = [ImagePrompt.of(prompt, seed=seed) for seed in seeds]
        for each in prompts:
            self.check(each)
        works = [partial(self.generate, each, timeout=timeout) for each in prompts]
        return await gather_limited(works, at_once=count)

    @staticmethod
    async def report_partial(data: bytes, context: CallContext) -> None:
        """Show who watches the call a picture as it is so far, made small in a thread."""
        with contextlib.suppress(MediaError):  # the finished picture alone counts
            small = await asyncio.to_thread(lambda: Image(data).preview())
            context.report(Partial(small.data, small.mime_type))


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
    ) -> Mapping[str, Any]:
        """As `stream`, but call *give* with every piece.

        Returns:
            What was used up, as the vendor counts it; empty where nobody says.
        """
        async with aclosing(self.stream(prompt, context)) as sounds:
            async for sound in sounds:
                give(sound)
        return {}

    @staticmethod
    def report_sound(sound: Sound, context: CallContext) -> None:
        """Tell who watches the call that *sound* can be heard."""
        context.report(Sounding(sound.pcm, sound.sample_rate, sound.channels))


class StreamedSpeechClient(SpeechClient):
    """A client whose `stream_to` gives the pieces as the vendor sends them."""

    async def stream(
        self, prompt: SpeechPrompt, context: CallContext
    ) -> AsyncGenerator[Sound, None]:
        """As for each client, by `stream_to`."""
        pieces = as_async_generator(partial(self.stream_to, prompt, context))
        async with aclosing(pieces) as sounds:
            async for sound in sounds:
                yield sound


class VideoClient(Client[VideoPrompt, Video]):
    """One vendor's protocol for films."""

    prompt_type = VideoPrompt
    media_type = Video
    entry_points = "mediatoolkit.videos"


@contextlib.contextmanager
def billed(bill: Bill, context: CallContext) -> Iterator[Bill]:
    """Have *context* book on *bill* in the block; an error in the block ends the bill.

    What was surely not billed is given back then. The rest stays booked as unclear.
    """
    context.bill = bill
    try:
        yield bill
    except MediaToolkitError as error:
        bill.fail(is_unclear=error.may_have_been_billed, job_id=context.job_id)
        raise
    except BaseException:
        is_withdrawn = context.event == Withdrawn(confirmed=True)
        is_unclear = context.may_have_been_billed and not is_withdrawn
        bill.fail(is_unclear=is_unclear, job_id=context.job_id)
        raise
    finally:
        context.unclear += bill.unclear
        context.spent += bill.spent
        context.bill = None


def pictures_of(prompt: ImagePrompt) -> list[Image]:
    """The pictures that *prompt* starts from; a mask belongs to the first of them."""
    previous = [prompt.previous] if prompt.previous else []
    return [*prompt.references, *previous] if prompt.mask else [*previous, *prompt.references]


def now() -> str:
    """The time in UTC as a record has it, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Batches: many requests handed to a vendor at once, at half price, and collected within a day."""

import abc
import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Generic, TypeVar

from mediatoolkit.errors import (
    MediaToolkitError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
)
from mediatoolkit.media import Media
from mediatoolkit.media.cost import Cost
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.pricing.prices import prices
from mediatoolkit.pricing.quotes import Price, cost, quote
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.http import facts_of
from mediatoolkit.providers.jobs import PollAgain
from mediatoolkit.runtime import owners
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import Json, Response, Transport
from mediatoolkit.transport.json_media import MediaScanner

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)
T = TypeVar("T")

LANE = "batch"
"""The lane of the price table in which batches are billed."""

_STEP = 1 << 20
_ENDS = {
    "cancelled": ("cancelled", "was cancelled before this was made"),
    "expired": ("operation", "expired before this was made"),
    "failed": ("operation", "failed as a whole"),
}


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        is_over: Its results can be read, the errors of all requests among them.
        done: Requests that have a result.
        failed: Requests that have none.
        state: The vendor's word.
    """

    is_over: bool
    done: int = 0
    failed: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class BatchLoad:
    """What one request adds to its batch.

    Attributes:
        sent: Bytes on the wire, about.
        received: Bytes that come back, as a rule at most.
        group: Only requests of one group go into one batch.
    """

    sent: int
    received: int
    group: str = ""


@dataclass(slots=True)
class _Filling(Generic[P]):
    """A batch that takes further prompts."""

    prompts: dict[str, P] = field(default_factory=dict)
    sent: int = 0
    received: int = 0

    def add(self, key: str, prompt: P, load: BatchLoad) -> None:
        self.prompts[key] = prompt
        self.sent += load.sent
        self.received += load.received


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    """A batch that is over.

    Attributes:
        answers: Id and response, or the error in its place, of each request that has one.
        unanswered: Makes the error of a request that has none.
    """

    answers: AsyncGenerator[tuple[str, Response | MediaToolkitError]]
    unanswered: Callable[[], MediaToolkitError]


class BatchClient(Client[P, M]):
    """A client whose vendor takes many requests at once.

    Attributes:
        largest_batch: Requests in one batch, at most.
        heaviest_batch: Bytes of one batch on the wire, at most.
    """

    largest_batch: ClassVar[int]
    heaviest_batch: ClassVar[int]

    @property
    @abc.abstractmethod
    def heaviest_answer(self) -> int:
        """Bytes of all responses of one batch, at most."""

    def batch_quote(self, prompt: P) -> Price:
        """What *prompt* costs in a batch; sends nothing."""
        return quote(prices.find(self.model_id), self._batch_facts(prompt))

    def check_batch(self, prompt: P) -> None:
        """Refuse what the vendor takes alone, but not in a batch; `check` comes before it.

        Raises:
            PromptError: Says what.
        """
        row = prices.find(self.model_id)
        if row is not None and LANE not in row.lanes:
            raise PromptError(f'{self.model_id} cannot be made in a batch; leave out on="batch".')
        if prompt.options.get("service_tier"):
            raise PromptError("A batch has a price of its own: leave out service_tier.")

    @abc.abstractmethod
    def batch_load(self, prompt: P) -> BatchLoad:
        """What *prompt* adds to its batch."""

    def batches_of(self, prompts: Iterable[tuple[str, P]]) -> Iterator[dict[str, P]]:
        """Put checked *prompts*, each with its id, into batches that the vendor takes.

        Yields:
            Prompts by id, in their order, as soon as no more fit; what is left at the end.
        """
        filling: dict[str, _Filling[P]] = {}
        for key, prompt in prompts:
            load = self.batch_load(prompt)
            batch = filling.get(load.group)
            if batch is not None and not self._fits(batch, load):
                yield batch.prompts
                batch = None
            batch = filling[load.group] = batch or _Filling()
            batch.add(key, prompt, load)
        yield from (batch.prompts for batch in filling.values())

    @abc.abstractmethod
    async def submit_batch(self, prompts: Mapping[str, P], context: CallContext) -> str:
        """Hand over *prompts* by id, one of `batches_of`; returns the vendor's name for the batch.

        This is paid, and never sent again where it may have arrived.
        """

    @abc.abstractmethod
    async def poll_batch(self, name: str, context: CallContext) -> BatchProgress:
        """How far the batch is. One that has failed as a whole is over: its results are errors.

        Raises:
            PollAgain: The answer tells nothing of the batch.
            ProviderError: What no further poll can change, such as a key that is not accepted.
        """

    @abc.abstractmethod
    async def cancel_batch(self, name: str, context: CallContext) -> bool:
        """Ask the vendor to stop; returns whether it says that it did, or will."""

    async def batch_results(
        self, name: str, prompts: Mapping[str, P], context: CallContext
    ) -> AsyncGenerator[tuple[str, M | MediaToolkitError]]:
        """Read the results of a batch that is over; costs nothing, so it can be done again.

        Args:
            name: The vendor's name for the batch, of this process or of an earlier one.
            prompts: By id, in the order in which they were handed over.
            context: The call, open until all is read.

        Yields:
            Each id with its media, whose provenance has the cost, or with its error. What was
            cancelled or has expired is an error that was not billed.

        Raises:
            ProviderError: There is no such batch, or it is not over.
            TransportError: The results did not arrive.
        """
        batch = await self.finished_batch(name, list(prompts), context)
        rest = dict(prompts)
        async with aclosing(batch.answers) as answers:
            async for key, answer in answers:
                prompt = rest.pop(key, None)  # a vendor may name one twice, or one of nobody
                if prompt is not None:
                    yield key, await self._result(prompt, answer, name)
        for key in rest:
            yield key, batch.unanswered()

    @abc.abstractmethod
    async def finished_batch(
        self, name: str, keys: list[str], context: CallContext
    ) -> FinishedBatch:
        """Open the results of a batch that is over; *keys* are its ids in their order."""

    @abc.abstractmethod
    async def read_media(
        self, prompt: P, response: Response, notes: Mapping[str, Any] | None = None
    ) -> M:
        """The media in a *response* to *prompt*, with its provenance.

        Raises:
            ProviderError: There is none.
            MediaError: It is broken.
        """

    async def _result(
        self, prompt: P, answer: Response | MediaToolkitError, name: str
    ) -> M | MediaToolkitError:
        if isinstance(answer, MediaToolkitError):
            return answer
        try:
            media = await self.read_media(prompt, answer, {"batch": name})
        except MediaToolkitError as error:
            return error
        usage = media.provenance.usage if media.provenance else {}
        try:
            price = cost(prices.find(self.model_id), usage, self._batch_facts(prompt)).as_cost()
        except MediaToolkitError as error:  # what is paid for is never lost over its price
            price = Cost(None, str(error))
        return media.with_cost(price)

    def _batch_facts(self, prompt: P) -> Facts:
        return {**self.facts(prompt), "service_tier": LANE}

    def _fits(self, batch: _Filling[P], load: BatchLoad) -> bool:
        return (
            len(batch.prompts) < self.largest_batch
            and batch.sent + load.sent <= self.heaviest_batch
            and batch.received + load.received <= self.heaviest_answer
        )


def unanswered(label: str, name: str, end: str, words: str = "") -> ProviderError:
    """The error of a request that has no answer.

    Args:
        label: The vendor in messages.
        name: Of the batch.
        end: How it has ended: `"cancelled"`, `"expired"`, `"failed"`, or any other word.
        words: What the vendor says of a failure, safe to show.
    """
    family, problem = _ENDS.get(end, ("protocol", ""))
    if not problem:
        return ProviderError(
            f"{label} ended the batch {name} without a usable answer to this request; report it "
            "with the name of the batch if it happens again.",
            provider=label.lower(),
            family=family,
            may_have_been_billed=True,
        )
    said = f": {words.rstrip('.')}" if words and end == "failed" else ""
    return ProviderError(
        f"The batch {name} {problem}{said}. It was not billed; ask for it again.",
        provider=label.lower(),
        family=family,
    )


async def about_batch(request: Awaitable[T], label: str, name: str) -> T:
    """What *request* brings of the batch *name*.

    Raises:
        ProviderError: As *request*; a 404 means the batch, not the model.
    """
    try:
        return await request
    except ModelNotFoundError as error:
        raise ProviderError(
            f"{label} has no batch {name}; it may belong to another key, or be too old.",
            provider=error.provider,
            status=error.status,
            request_id=error.request_id,
            family="request",
        ) from error


async def json_lines(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """A file with one line of JSON for each of *documents*, whose bytes become base64.

    Raises:
        PromptError: A value has no JSON.
    """
    lines = [(await Json(document).encoded()).content for document in documents]
    return await asyncio.to_thread(b"\n".join, [*lines, b""])


async def lines_at(
    transport: Transport, url: str, fields: tuple[str, ...], context: CallContext
) -> AsyncGenerator[tuple[Any, dict[str, bytes]]]:
    """Download a file of JSON lines, and yield what `JsonLines.documents` does.

    Raises:
        TransportError: It did not arrive.
    """
    with owners.scratch_folder() as folder:
        path = await transport.download(url, folder / "results", context)
        with path.open("rb") as file:
            lines = JsonLines(file, fields, transport.limits.json)
            async with aclosing(lines.documents()) as documents:
                async for document in documents:
                    yield document


def final_state(
    read: Callable[[str, Response], str], over: Collection[str], name: str, response: Response
) -> str:
    """How the batch *name* has ended, by what *read* finds in *response*.

    Raises:
        ProviderError: It is none of *over*, or the response does not say.
    """
    try:
        state = read(name, response)
    except PollAgain as again:
        raise ProviderError(again.words, family="protocol", **facts_of(response)) from again
    if state not in over:
        raise ProviderError(
            f"The batch {name} is not over yet; poll it until it is.",
            family="request",
            **facts_of(response),
        )
    return state


def unusable(what: str, response: Response, *, is_billed: bool = False) -> ProviderError:
    """The error for a success without what it must say; *what* is the vendor and what it did."""
    return ProviderError(
        f"{what}; report it with the request id if it happens again.",
        family="protocol",
        may_have_been_billed=is_billed,
        **facts_of(response),
    )


class JsonLines:
    """A file of JSON lines, read one at a time, with the media apart from the text.

    Args:
        file: Open for reading.
        fields: Names of the JSON fields that hold base64.
        cap: Bytes of one line, at most.
    """

    def __init__(self, file: BinaryIO, fields: tuple[str, ...], cap: int) -> None:
        """Read nothing yet."""
        self._file = file
        self._fields = fields
        self._cap = cap

    async def documents(self) -> AsyncGenerator[tuple[Any, dict[str, bytes]]]:
        """Yield the document of each line and its media by reference.

        A line that is damaged or longer than the cap is left out, so that it takes no other with
        it.
        """
        while start := await asyncio.to_thread(self._file.readline, _STEP):
            document = await asyncio.to_thread(self._document, start)
            if document is not None:
                yield document

    def _document(self, start: bytes) -> tuple[Any, dict[str, bytes]] | None:
        """Read the line that begins with *start*; None where it says nothing."""
        scanner, count = MediaScanner(self._fields), 0
        pieces = self._pieces(start)
        try:
            for piece in pieces:
                count += len(piece)
                if count > self._cap:
                    return None
                scanner.feed(piece)
            return None if scanner.holds(b"\n", b"\r\n") else scanner.finish_at_once()
        except MediaToolkitError:
            return None
        finally:
            for _ in pieces:  # up to the end of the line
                pass

    def _pieces(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            yield piece
            piece = b"" if piece.endswith(b"\n") else self._file.readline(_STEP)

"""Batches: many requests handed to a vendor at once, at half price, and collected within a day."""

import abc
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import Prompt
from mediatoolkit.runtime.context import CallContext

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        is_over: Its results can be read, or there are none.
        done: Requests that have a result.
        failed: Requests that have none.
        state: The vendor's word.
    """

    is_over: bool
    done: int = 0
    failed: int = 0
    state: str = ""


class BatchClient(abc.ABC, Generic[P, M]):
    """A client whose vendor takes many requests at once.

    Attributes:
        largest_batch: Requests in one batch, at most.
        heaviest_batch: Bytes of one batch on the wire, at most.
    """

    largest_batch: int
    heaviest_batch: int

    @abc.abstractmethod
    def batch_quote(self, prompt: P) -> Price:
        """What *prompt* costs in a batch; sends nothing."""

    @abc.abstractmethod
    def check_batch(self, prompt: P) -> None:
        """Refuse what the vendor takes alone, but not in a batch.

        Raises:
            PromptError: Says what.
        """

    @abc.abstractmethod
    async def submit_batch(self, prompts: Mapping[str, P], context: CallContext) -> str:
        """Hand over *prompts* by id; returns the vendor's name for the batch. This is paid."""

    @abc.abstractmethod
    async def poll_batch(self, name: str, context: CallContext) -> BatchProgress:
        """How far the batch is.

        Raises:
            PollAgain: The answer tells nothing of the batch.
            ProviderError: There is no such batch, or it has failed as a whole.
        """

    @abc.abstractmethod
    def batch_results(
        self, name: str, prompts: Mapping[str, P], context: CallContext
    ) -> AsyncIterator[tuple[str, M | MediaToolkitError]]:
        """Yield the media, with its cost, or the error of each id of a batch that is over.

        What was cancelled or has expired comes as an error that was not billed.
        """

    @abc.abstractmethod
    async def cancel_batch(self, name: str, context: CallContext) -> bool:
        """Ask the vendor to stop; returns whether it says that it did, or will."""

"""Clients of vendors that work in the background: begun with one call, looked at with others."""

import abc
import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from mediatoolkit.call import Call, Waiting, Withdrawn
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.flow import Polling
from mediatoolkit.media import Media, Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

WITHDRAW_WITHIN = 2.0
"""Seconds that a cancel waits for the vendor's word."""


class QueuedClient(Client[P, M]):
    """A client whose vendor gives a job id and later the media.

    Attributes:
        polling: How often the vendor is looked at.
    """

    polling = Polling()

    @abc.abstractmethod
    async def begin(self, prompt: P, call: Call) -> str:
        """Start the work; returns the vendor's name for it. This is what is paid."""

    @abc.abstractmethod
    async def look(self, job_id: str, origin: Provenance, call: Call) -> M | None:
        """The finished media with its *origin* completed, or None while it is in the making.

        Raises:
            ProviderError: It failed, was refused, or is not known any more.
        """

    @abc.abstractmethod
    async def withdraw(self, job_id: str, call: Call) -> bool:
        """Ask the vendor to stop; returns whether it says that it did."""

    async def origin(self, prompt: P) -> Provenance:
        """What can be said of the media before it is there."""
        return Provenance(
            model=self.model_id,
            prompt=prompt.text,
            engine=self.provider,
            seed=getattr(prompt, "seed", None),
            options=await prompt.plain_options(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    async def make(self, prompt: P, call: Call) -> M:
        """Begin, and wait for the end."""
        origin = await self.origin(prompt)
        return await self.collect(await self.begin(prompt, call), origin, call)

    async def collect(self, job_id: str, origin: Provenance, call: Call) -> M:
        """Wait for a job that was begun, in this process or in an earlier one.

        A cancel is passed on to the vendor, and `Withdrawn` reports what it said. A deadline is
        not: the job goes on, and can be collected later.
        """
        call.provider = self.provider
        call.report(Waiting())
        try:
            return await self.polling.until(partial(self.look, job_id, origin, call))
        except asyncio.CancelledError:
            if not call.expired:
                stopping = asyncio.create_task(self._ask_to_stop(job_id))
                await asyncio.wait([stopping])
                call.report(Withdrawn(confirmed=stopping.result()))
            raise

    async def _ask_to_stop(self, job_id: str) -> bool:
        try:
            async with Call(WITHDRAW_WITHIN) as call:
                return await self.withdraw(job_id, call)
        except MediaToolkitError:
            return False

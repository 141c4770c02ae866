"""Clients of vendors that work in the background: begun with one call, looked at with others."""

import abc
import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from mediatoolkit.call import Call
from mediatoolkit.errors import MediaToolkitError, RefusalError
from mediatoolkit.flow import Polling
from mediatoolkit.media import Media, Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.stages import Waiting, Withdrawn
from mediatoolkit.transport.flights import over_sessions

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

WITHDRAW_WITHIN = 2.0
"""Seconds that a cancel waits for the vendor's word."""

BEGIN_WITHIN = 1.0
"""Seconds that a cancel waits for the name of what was just begun."""


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
        return await self.collect(await self.start(prompt, call), origin, call)

    async def start(self, prompt: P, call: Call) -> str:
        """As `begin`; a cancel that comes too late for it withdraws what was begun."""
        beginning = asyncio.create_task(self.begin(prompt, call))
        try:
            call.job_id = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            await _patiently(asyncio.wait([beginning], timeout=BEGIN_WITHIN))
            if _came_true(beginning):
                await self._give_up(beginning.result(), call)
            beginning.cancel()
            await _patiently(asyncio.wait([beginning]))
            raise
        return call.job_id

    async def collect(
        self,
        job_id: str,
        origin: Provenance,
        call: Call,
        *,
        first: Callable[[], Awaitable[object]] | None = None,
    ) -> M:
        """Wait for a job that was begun, in this process or in an earlier one.

        A cancel is passed on to the vendor, and `Withdrawn` reports what it said. A deadline is
        not: the job goes on, and can be collected later.

        Args:
            job_id: The vendor's name for it.
            origin: What is known of the media before it is there.
            call: The public call, open.
            first: What must be done before the first look. When it fails, nobody will come back
                for the job, so the vendor is asked to stop.
        """
        call.provider, call.job_id = self.provider, job_id
        call.paid += 1
        call.report(Waiting())
        settled = first is None
        try:
            if first is not None:
                await first()
                settled = True
            with over_sessions.begin(call):
                return await self.polling.until(partial(self._look, job_id, origin, call))
        except asyncio.CancelledError:
            if not call.expired:
                await self._give_up(job_id, call)
            raise
        except MediaToolkitError as error:
            if not settled:
                await self._give_up(job_id, call)
            free = isinstance(error, RefusalError) or call.event == Withdrawn(confirmed=True)
            error.may_have_been_billed |= not free
            raise

    async def _give_up(self, job_id: str, call: Call) -> None:
        asking = asyncio.create_task(self._ask_to_stop(job_id))
        await _patiently(asyncio.wait([asking]))
        call.report(Withdrawn(confirmed=asking.result()))

    async def _look(self, job_id: str, origin: Provenance, call: Call) -> M | None:
        """As `look`; between two looks the call waits for the vendor."""
        found = await self.look(job_id, origin, call)
        if found is None:
            call.report(Waiting())
        return found

    async def _ask_to_stop(self, job_id: str) -> bool:
        try:
            async with Call(WITHDRAW_WITHIN) as call:
                return await self.withdraw(job_id, call)
        except MediaToolkitError:
            return False


async def _patiently(waiting: Awaitable[object]) -> None:
    """Await what ends soon by itself; a further cancel does not cut the clean-up short."""
    task = asyncio.ensure_future(waiting)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)


def _came_true(task: asyncio.Task[str]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None

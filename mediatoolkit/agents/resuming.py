"""Vendors' jobs that an agent's store remembers: what is unfinished, and how to go on with it."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from mediatoolkit.agents.vendor_jobs import VendorJobs, check_resumable
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.providers.registry import client_for
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.in_flight import Closing, InFlight, Tracked
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Pending, Store, find_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediatoolkit.agents import Agent

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


class ResumingAgent(Closing, Generic[P, M]):
    """What an agent does with the jobs that its vendors work on in the background."""

    client_type: type[Client[P, M]]
    """What its clients must be."""

    kind: ClassVar[str]
    """One word for what it makes."""

    clients: tuple[Client[P, M], ...] = ()
    store: Store | None
    successor: "Callable[[], Agent[P, M]]"
    """Returns the agent that works when a job is retried; unless it is set, this one."""

    _in_flight: InFlight
    _timeout: float | Timeout | None

    def pending(self) -> list[Pending]:
        """Vendors' jobs that were begun with this store and are not finished, oldest first."""
        jobs = self.store.pending() if self.store else []
        return [job for job in jobs if job.kind == self.kind]

    async def resume(self, job_id: str, *, timeout: float | Timeout | None = None) -> M:
        """Wait for media that a vendor began to make earlier; nothing is paid again.

        Raises:
            PromptError: No such job is pending, or the vendor never gave it a name.
            MediaToolkitError: As `generate`.
        """
        return await self.resume_job(self._pending(job_id), timeout)

    def forget(self, job_id: str) -> None:
        """Drop the record of a vendor's job; the vendor is told nothing; blocks.

        Raises:
            PromptError: No such job is pending.
            StorageError: The record cannot be removed.
        """
        self._pending(job_id)
        self._required_store().drop(job_id)

    def resume_job(self, pending: Pending, timeout: float | Timeout | None = None) -> Job[M]:
        """As `resume`, as a job that goes on at once."""
        check_resumable(pending, self._required_store())
        self._client_of(pending)  # a model that works at once is an error here

        async def rework(context: CallContext) -> M:
            return await self.successor()._resume(pending, context)  # noqa: SLF001 - another of us

        work = partial(self._resume, pending)
        label = pending.provenance.prompt
        return Job(work, self._context(timeout), label=label, rework=rework)

    async def _resume(self, pending: Pending, context: CallContext) -> M:
        store, client = self._required_store(), self._client_of(pending)
        with Tracked(self._in_flight, context):
            await store.check()
            return await VendorJobs[P, M](store, self.kind).resume(client, pending, context)

    def _client_of(self, pending: Pending) -> QueuedClient[P, M]:
        """Return the agent's client for that model, or a new one.

        Raises:
            PromptError: That model's jobs cannot be resumed.
        """
        model = pending.provenance.model
        matching = (client for client in self.clients if client.model_id == model)
        client = next(matching, None) or client_for(model, self.client_type)
        if not isinstance(client, QueuedClient):
            raise PromptError(f"{client.model_id} works at once; there is nothing to resume.")
        return client

    def _pending(self, job_id: str) -> Pending:
        pending = find_job(job_id, self.pending())
        if pending is None:
            noun = self.client_type.media_type.noun
            raise PromptError(f"No {noun} {quoted(job_id)} is pending in this store.")
        return pending

    def _required_store(self) -> Store:
        if self.store is None:
            raise PromptError("This agent has no store; give it one: store=….")
        return self.store

    def _context(self, timeout: float | Timeout | None) -> CallContext:
        return context_for(self._timeout if timeout is None else timeout, self.clients[0].timeout)

"""The agent for films, and vendors' jobs that outlive a kernel."""

import asyncio
from functools import partial
from typing import cast

from mediatoolkit.agents.base import Agent
from mediatoolkit.call import Call
from mediatoolkit.errors import PromptError, ProviderError
from mediatoolkit.job import Job
from mediatoolkit.media import Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import Client, VideoClient
from mediatoolkit.providers.queued import QueuedClient
from mediatoolkit.providers.registry import client_for
from mediatoolkit.quoting import quoted
from mediatoolkit.stages import Withdrawn
from mediatoolkit.store import Pending, Store, named
from mediatoolkit.transport import Timeout

_FINAL = frozenset({"blocked", "operation", "request"})
"""Families of errors after which a vendor's job will never bring a film."""


class VideoGenAgent(Agent[VideoPrompt, Video]):
    """Makes films.

    A job at a vendor is written into the store before it is first looked at, so that it outlives
    the kernel: `pending` lists what is unfinished, `resume` goes on from there.
    """

    client_type = VideoClient
    kind = "video"
    reads = frozenset({"image", "last", "narration", "previous", "references"})

    def pending(self) -> list[Pending]:
        """Films that were begun with this store and are not finished, oldest first."""
        found = self.store.pending() if self.store else []
        return [one for one in found if one.kind == self.kind]

    async def resume(self, job_id: str, *, timeout: float | Timeout | None = None) -> Video:
        """Wait for a film that was begun earlier; nothing is paid again.

        Raises:
            PromptError: No such film is pending.
            MediaToolkitError: As `generate`.
        """
        pending = named(job_id, self.pending())
        if pending is None:
            raise PromptError(f"No film {quoted(job_id)} is pending in this store.")
        return await self.pick_up(pending, timeout)

    def pick_up(self, pending: Pending, timeout: float | Timeout | None = None) -> Job[Video]:
        """As `resume`, as a job that goes on at once."""
        client = self._client_of(pending)

        async def work(call: Call) -> Video:
            with self._flights.begin(call):
                return await self._collect(client, pending, call)

        return Job(work, self._call(timeout), label=pending.origin.prompt)

    async def _by(
        self, client: Client[VideoPrompt, Video], asked: VideoPrompt, call: Call
    ) -> Video:
        if self.store is None or not isinstance(client, QueuedClient):
            return await client.make(asked, call)
        origin = await client.origin(asked)
        pending = Pending(await client.start(asked, call), self.kind, origin)
        return await self._collect(client, pending, call, remember=True)

    def _client_of(self, pending: Pending) -> QueuedClient[VideoPrompt, Video]:
        """Ours for that model, or one made anew.

        Raises:
            PromptError: That model's jobs cannot be resumed.
        """
        same = (one for one in self.clients if one.model_id == pending.origin.model)
        client = next(same, None) or client_for(pending.origin.model, VideoClient)
        if not isinstance(client, QueuedClient):
            raise PromptError(f"{client.model_id} makes films at once; there is nothing to resume.")
        return client

    async def _collect(
        self,
        client: QueuedClient[VideoPrompt, Video],
        pending: Pending,
        call: Call,
        *,
        remember: bool = False,
    ) -> Video:
        """Wait, keep the film, and only then forget the job."""
        store = cast("Store", self.store)
        first = partial(store.remember, pending) if remember else None
        try:
            film = await client.collect(pending.id, pending.origin, call, first=first)
        except ProviderError as error:
            if error.family in _FINAL:
                await store.forget(pending.id)
            raise
        except asyncio.CancelledError:
            if call.event == Withdrawn(confirmed=True):
                await asyncio.shield(store.forget(pending.id))
            raise
        film = await self._keep(film, call)
        await store.forget(pending.id)
        return film

"""The agent for films, and vendors' jobs that outlive a kernel."""

import asyncio
from functools import partial

from mediatoolkit.agents.base import Agent
from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaToolkitError, PromptError, in_one_line
from mediatoolkit.media import Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import Client, VideoClient
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.providers.registry import client_for
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Withdrawn
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Pending, Store, named


class VideoGenAgent(Agent[VideoPrompt, Video]):
    """Makes films.

    An intent is written into the store before the request is sent, and the vendor's name for the
    job as soon as it is known. So the job outlives the kernel: `pending` lists what is unfinished,
    `resume` goes on from there. A record goes when the film is kept, when the vendor itself says
    that the job failed, was refused or was cancelled, or with `forget`.
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
            PromptError: No such film is pending, or the vendor never gave it a name.
            MediaToolkitError: As `generate`.
        """
        return await self.pick_up(self._pending(job_id), timeout)

    def forget(self, job_id: str) -> None:
        """Drop the record of a film that is pending; the vendor is told nothing; blocks.

        Raises:
            PromptError: No such film is pending.
            StorageError: The record cannot be removed.
        """
        self._pending(job_id)
        if self.store is not None:
            self.store.drop(job_id)

    def pick_up(self, pending: Pending, timeout: float | Timeout | None = None) -> Job[Video]:
        """As `resume`, as a job that goes on at once."""
        check_resumable(pending, self._verbs)
        client = self._client_of(pending)

        async def work(context: CallContext) -> Video:
            with self._in_flight.track(context):
                store = self._own_store()
                await store.check()
                return await self._collect(client, pending, context, store)

        return Job(work, self._call(timeout), label=pending.provenance.prompt)

    async def _by(
        self, client: Client[VideoPrompt, Video], asked: VideoPrompt, context: CallContext
    ) -> Video:
        if self.store is None or not isinstance(client, QueuedClient):
            return await client.make(asked, context)
        intent = Pending.intent(self.kind, await client.provenance(asked))
        pending = await self._begin(client, asked, context, intent)
        return await self._collect(client, pending, context, self.store, intent=intent)

    async def _begin(
        self,
        client: QueuedClient[VideoPrompt, Video],
        prompt: VideoPrompt,
        context: CallContext,
        intent: Pending,
    ) -> Pending:
        """Write *intent* down and start the job; a failure drops it if surely nothing was paid."""
        store = self._own_store()
        try:
            await store.remember(intent)
            return intent.begun(await client.start(prompt, context))
        except MediaToolkitError as error:
            if error.may_have_been_billed:
                _add(error, self._way_back(intent))
            else:
                await store.forget(intent.id)
            raise
        except asyncio.CancelledError:
            if context.job_id is not None:  # begun, and the vendor did not confirm that it stopped
                pending = intent.begun(context.job_id)
                context.way_back = self._way_back(pending)
                await store.remember(pending, instead_of=intent)
            elif context.may_have_been_billed and context.event != Withdrawn(confirmed=True):
                context.way_back = self._way_back(intent)
            else:
                await store.forget(intent.id)
            raise

    def _client_of(self, pending: Pending) -> QueuedClient[VideoPrompt, Video]:
        """Ours for that model, or one made anew.

        Raises:
            PromptError: That model's jobs cannot be resumed.
        """
        same = (one for one in self.clients if one.model_id == pending.provenance.model)
        client = next(same, None) or client_for(pending.provenance.model, VideoClient)
        if not isinstance(client, QueuedClient):
            raise PromptError(f"{client.model_id} makes films at once; there is nothing to resume.")
        return client

    async def _collect(
        self,
        client: QueuedClient[VideoPrompt, Video],
        pending: Pending,
        context: CallContext,
        store: Store,
        *,
        intent: Pending | None = None,
    ) -> Video:
        """Wait, keep the film, and only then forget the job."""
        first = partial(store.remember, pending, instead_of=intent) if intent else None
        ids = (pending.id, intent.id) if intent else (pending.id,)
        context.way_back = self._way_back(pending)
        try:
            with store.waiting(pending) as others_wait:
                film = await client.wait(
                    pending.id, pending.provenance, context, first=first, others_wait=others_wait
                )
                film = await self._keep(film, context)
        except (MediaToolkitError, asyncio.CancelledError) as error:
            if context.job_id is None:
                await store.forget(*ids)
            elif isinstance(error, MediaToolkitError):
                _add(error, context.way_back)
            raise
        await store.forget(*ids)
        return film

    def _pending(self, job_id: str) -> Pending:
        pending = named(job_id, self.pending())
        if pending is None:
            raise PromptError(f"No film {quoted(job_id)} is pending in this store.")
        return pending

    def _own_store(self) -> Store:
        if self.store is None:
            raise PromptError("This agent has no store; give it one: store=….")
        return self.store

    @property
    def _verbs(self) -> str:
        """The object, as a user writes it, whose `resume` and `forget` know our store."""
        default = self.store is not None and self.store.folder == Store.default().folder
        return "mt.jobs" if default else "agent"

    def _way_back(self, pending: Pending) -> str:
        drop = f"{self._verbs}.forget({pending.id!r}) drops it."
        if pending.is_intent:
            return f"It is noted as pending, since it may have been paid; {drop}"
        return f"It is kept as pending: {self._verbs}.resume({pending.id!r}) goes on, {drop}"


def check_resumable(pending: Pending, verbs: str) -> None:
    """Refuse an intent, which has no name at the vendor.

    Args:
        pending: What is to be resumed.
        verbs: The object, as a user writes it, whose `forget` drops the record.

    Raises:
        PromptError: It is an intent.
    """
    if pending.is_intent:
        raise PromptError(
            f"{pending.id} has no name at the vendor, so it cannot be waited for: its request was "
            f"about to be sent at {pending.provenance.created[:40]}. Ask the vendor whether it was "
            f"paid; {verbs}.forget({pending.id!r}) drops the record."
        )


def _add(error: MediaToolkitError, sentence: str) -> None:
    error.args = (in_one_line(f"{error.args[0]} {sentence}"), *error.args[1:])

"""Jobs that vendors work on in the background, and their records in a store.

An intent is written before the request is sent, and the vendor's name for the job as soon as it
is known, so that the job outlives the process that began it.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from mediatoolkit.errors import (
    MAX_MESSAGE,
    MediaToolkitError,
    PromptError,
    ProviderError,
    RefusalError,
    visible,
)
from mediatoolkit.media import Media
from mediatoolkit.pricing.bill import Bill
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import billed
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Saving, Withdrawn
from mediatoolkit.store import Pending, Store, find_job

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


class VendorJobs(Generic[P, M]):
    """Makes media by vendors' jobs, of which *store* keeps the records and the results."""

    def __init__(self, store: Store, kind: str) -> None:
        """Remember where, and what is made."""
        self._store = store
        self._kind = kind

    async def make(self, client: QueuedClient[P, M], prompt: P, context: CallContext) -> M:
        """Start a job for *prompt* and wait for it.

        A retry goes on with the job that an earlier attempt has left at the vendor. Where that was
        asked to stop and has ended without media, another one is started.
        """
        left = await self._left_by(context, client)
        if left is not None:
            try:
                return await self.resume(client, left, context)
            except ProviderError as error:
                has_ended = context.job_id is None and not isinstance(error, RefusalError)
                if not (context.was_withdrawn and has_ended):
                    raise
        intent = Pending.intent(self._kind, await client.provenance(prompt))
        with client.billing(prompt, context) as bill:
            pending = await self._begun(client, prompt, context, intent)
            settle = partial(client.settled, bill=bill, prompt=prompt)
            return await self._collected(client, pending, context, settle, intent=intent)

    async def resume(self, client: QueuedClient[P, M], pending: Pending, context: CallContext) -> M:
        """Wait for a job that was begun earlier; nothing is paid again."""
        context.is_free = client.is_free
        bill = Bill(client.model_id, job_id=pending.id)
        with billed(bill, context):
            settle = partial(client.settled, bill=bill)
            return await self._collected(client, pending, context, settle)

    async def _left_by(self, context: CallContext, client: QueuedClient[P, M]) -> Pending | None:
        if context.job_id is None:
            return None
        left = find_job(context.job_id, await asyncio.to_thread(self._store.pending))
        if left is not None and left.provenance.model == client.model_id:
            return left
        context.job_id = None
        return None

    async def _begun(
        self, client: QueuedClient[P, M], prompt: P, context: CallContext, intent: Pending
    ) -> Pending:
        """Record an intent and start the job; a failure drops it if nothing can be billed."""
        store = self._store
        try:
            await store.remember(intent)
            return intent.begun(await client.start(prompt, context))
        except MediaToolkitError as error:
            if error.may_have_been_billed:
                _append(error, _way_back(intent, store))
            else:
                await store.forget(intent.id)
            raise
        except asyncio.CancelledError:
            if context.job_id is not None:  # the vendor did not confirm that it stopped
                pending = intent.begun(context.job_id)
                context.way_back = _way_back(pending, store)
                await store.remember(pending, instead_of=intent)
            elif context.may_have_been_billed and context.event != Withdrawn(confirmed=True):
                context.way_back = _way_back(intent, store)
            else:
                await store.forget(intent.id)
            raise

    async def _collected(
        self,
        client: QueuedClient[P, M],
        pending: Pending,
        context: CallContext,
        settle: Callable[[M], M],
        *,
        intent: Pending | None = None,
    ) -> M:
        """Wait, book the cost, keep the media, and only then forget the job."""
        store = self._store
        first = partial(store.remember, pending, instead_of=intent) if intent else None
        ids = (pending.id, intent.id) if intent else (pending.id,)
        context.way_back = _way_back(pending, store)
        try:
            with store.waiting(pending) as others_wait:
                media = settle(
                    await client.wait(
                        pending.id,
                        pending.provenance,
                        context,
                        first=first,
                        others_wait=others_wait,
                    )
                )
                context.report(Saving())
                media = await store.put(media)
        except (MediaToolkitError, asyncio.CancelledError) as error:
            # Without an id nothing goes on: the job failed, or the vendor said that it stopped.
            if context.job_id is None:
                await store.forget(*ids)
            elif isinstance(error, MediaToolkitError):
                _append(error, context.way_back)
            raise
        await store.forget(*ids)
        return media


def check_resumable(pending: Pending, store: Store) -> None:
    """Refuse an intent, which has no name at the vendor.

    Raises:
        PromptError: *pending* is an intent.
    """
    if pending.is_intent:
        raise PromptError(
            f"{pending.id} has no name at the vendor, so it cannot be waited for: its request was "
            f"about to be sent at {pending.provenance.created[:40]}. Ask the vendor whether it was "
            f"paid; {store.user_object}.forget({pending.id!r}) drops the record."
        )


def _way_back(pending: Pending, store: Store) -> str:
    """A sentence that says where the record is, and what can be done with it."""
    drop = f"{store.user_object}.forget({pending.id!r}) drops it."
    if pending.is_intent:
        return f"It is noted as pending, since it may have been paid; {drop}"
    return f"It is kept as pending: {store.user_object}.resume({pending.id!r}) goes on, {drop}"


def _append(error: MediaToolkitError, sentence: str) -> None:
    error.args = (
        visible(f"{error.args[0]} {sentence}", MAX_MESSAGE, one_line=True),
        *error.args[1:],
    )

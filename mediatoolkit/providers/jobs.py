"""Clients of vendors that work in the background: a job is submitted, then polled."""

import abc
import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from mediatoolkit.errors import (
    DeadlineError,
    MediaToolkitError,
    ProviderError,
    RateLimitError,
    RefusalError,
    TransportError,
)
from mediatoolkit.media import Media, Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import (
    Event,
    LeftRunning,
    Partial,
    Retrying,
    Waiting,
    Withdrawn,
    Working,
)
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.runtime.in_flight import Tracked, over_sessions

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)
T = TypeVar("T")

CANCEL_WITHIN = 2.0
"""Seconds that a cancel waits for the vendor's word."""

SUBMIT_WITHIN = 1.0
"""Seconds that a cancel waits for the name of what was just submitted, unless a client says so."""

DENIALS = 5
"""How many polls in a row have to be denied before the denial is believed."""

_PASSING = frozenset({"rate_limit", "server", "timeout", "transport"})
_OF_OTHERS = frozenset({"protocol", "transport"})
"""Families of what somebody between says in the vendor's place, such as a proxy."""

_DENYING = frozenset({"blocked", "request"}) | _OF_OTHERS
_NOT_YET = frozenset({403, 404})
"""For some minutes, servers of the vendor may not know a new job, or not whose it is."""


class PollAgain(Exception):  # noqa: N818 - no error, as long as there is time
    """A poll that told nothing of the job; it costs nothing to poll again.

    Attributes:
        words: What came instead of an answer.
        denial: What to raise when that happens `DENIALS` times in a row; None goes on until the
            deadline.
    """

    def __init__(self, words: str, denial: MediaToolkitError | None = None) -> None:
        """Keep the facts."""
        super().__init__(words)
        self.words = words
        self.denial = denial


class QueuedClient(Client[P, M]):
    """A client whose vendor gives a job id and later the media.

    Attributes:
        polling: How often the vendor is polled.
        submit_within: Seconds that a cancel waits for the name of what was just submitted.
    """

    polling = Polling()
    submit_within = SUBMIT_WITHIN

    @abc.abstractmethod
    async def submit(self, prompt: P, context: CallContext) -> str:
        """Start the work; returns the vendor's name for it. This is what is paid."""

    @abc.abstractmethod
    async def poll(self, job_id: str, provenance: Provenance, context: CallContext) -> M | None:
        """The finished media with its *provenance* completed, or None while the job runs.

        What the vendor tells of a running job is reported as `Working`, and the seconds that it
        asks to wait before the next poll are set as `context.poll_after`.

        When the vendor says of this very job that it failed, was refused or was cancelled, the
        client sets `context.job_id` to None: nothing goes on any more.

        Raises:
            ProviderError: It failed or was refused.
            PollAgain: The answer tells nothing of the job.
        """

    @abc.abstractmethod
    async def cancel(self, job_id: str, context: CallContext) -> bool:
        """Ask the vendor to stop; returns whether it says that it did."""

    async def make(self, prompt: P, context: CallContext) -> M:
        """Submit a job, and wait for its end."""
        provenance = await self.provenance(prompt)
        return await self.wait(await self.start(prompt, context), provenance, context)

    async def start(self, prompt: P, context: CallContext) -> str:
        """Submit a job; a cancel that comes too late for that cancels the job.

        A deadline that comes too late leaves the job. Either way, `context.job_id` names what goes
        on. As long as nothing is sent that is paid, both end it at once.
        """
        # The vendor may have taken the job when a cancel comes, and its name is in the response: so
        # the request is not cancelled at once.
        before = context.paid
        submitting = asyncio.create_task(self.submit(prompt, context))
        try:
            context.job_id = await asyncio.shield(submitting)
        except asyncio.CancelledError:
            if context.paid > before:
                _end_at_retry(submitting, context)
                await patiently(asyncio.wait([submitting], timeout=self.submit_within))
            if _has_result(submitting):
                context.job_id = submitting.result()
                if not context.expired:
                    await self._give_up(context.job_id, context)
            submitting.cancel()
            await patiently(asyncio.wait([submitting]))
            raise
        return context.job_id

    async def wait(
        self,
        job_id: str,
        provenance: Provenance,
        context: CallContext,
        *,
        first: Callable[[], Awaitable[object]] | None = None,
        others_wait: Callable[[], bool] = lambda: False,
    ) -> M:
        """Wait for a job that was submitted, in this process or in an earlier one.

        A poll that tells nothing of the job is followed by another one, until the deadline.

        A cancel is passed on to the vendor, and `Withdrawn` reports what it said. A deadline is
        not: the job goes on, and can be waited for later. As long as `context.job_id` is set at the
        end, it may go on.

        Args:
            job_id: The vendor's name for it.
            provenance: What is known of the media before it is there.
            context: The public call, open.
            first: What must be done before the first poll. When it fails, nobody will come back
                for the job, so the vendor is asked to stop.
            others_wait: Whether somebody else waits for the job; then a cancel leaves it to them,
                and `LeftRunning` says so.
        """
        context.provider, context.job_id = self.provider, job_id
        context.paid += 1
        context.report(Waiting(self.provider))
        is_first_done = first is None
        try:
            if first is not None:
                await first()
                is_first_done = True
            polls = _Polls(partial(self.poll, job_id, provenance, context), context)
            with Tracked(over_sessions, context):
                return await self.polling.until(polls, lambda: context.poll_after)
        except asyncio.CancelledError:
            if context.expired:
                pass
            elif is_first_done and others_wait():
                context.report(LeftRunning())
            else:
                await self._give_up(job_id, context)
            raise
        except MediaToolkitError as error:
            if not is_first_done:
                await self._give_up(job_id, context)
            free = isinstance(error, RefusalError) or context.event == Withdrawn(confirmed=True)
            error.may_have_been_billed |= not free
            raise

    async def _give_up(self, job_id: str, context: CallContext) -> None:
        is_cancelled = await patiently(self._is_cancelled(job_id))
        if is_cancelled:
            context.job_id = None
        context.report(Withdrawn(confirmed=is_cancelled))

    async def _is_cancelled(self, job_id: str) -> bool:
        try:
            async with CallContext(CANCEL_WITHIN) as context:
                return await self.cancel(job_id, context)
        except MediaToolkitError:
            return False


class _Polls(Generic[T]):
    """One poll after the other, with what is to be remembered between them.

    Args:
        poll: One poll of the job.
        context: The public call, open; between two polls it waits for the vendor.
    """

    def __init__(self, poll: Callable[[], Awaitable[T | None]], context: CallContext) -> None:
        self._poll = poll
        self._context = context
        self._denials = 0

    async def __call__(self) -> T | None:
        denial: MediaToolkitError | None = None
        words, result = "", None
        before, self._context.poll_after = self._context.event, None
        try:
            result = await self._poll()
        except PollAgain as again:
            words, denial = again.words, again.denial
        self._context.last_words = words
        self._denials = self._denials + 1 if denial else 0
        if denial is not None and self._denials >= DENIALS:
            raise denial
        if result is None:
            self._check_time()
            if not _tells_of_work(self._context.event, before):
                self._context.report(Waiting(self._context.provider))
        return result

    def _check_time(self) -> None:
        """Refuse to sleep until the deadline when the vendor wants no poll before it."""
        context, after = self._context, self._context.poll_after
        left = context.left()
        if after is not None and after > left:
            raise DeadlineError(
                f"The vendor asks to wait {after:g} s before the next poll, and {left:.0f} s are "
                f"left; give it more with timeout=. The vendor goes on with job {context.job_id}.",
                stage=context.event.name,
                seconds=context.seconds,
                provider=context.provider,
                may_have_been_billed=True,
            )


def _tells_of_work(event: Event, before: Event) -> bool:
    """Whether *event* came with the last poll and says what the vendor does."""
    return event is not before and isinstance(event, (Working, Partial))


async def answer_of(request: Awaitable[T], context: CallContext) -> T:
    """What *request*, which costs nothing, brings of a job that is known to run.

    Raises:
        PollAgain: No answer, or one that tells nothing of the job.
        MediaToolkitError: What no further poll can change, such as a key that is not accepted.
    """
    try:
        return await request
    except (ProviderError, TransportError) as error:
        again = _after(error, context)
        if again is None:
            raise
    raise again


def _after(error: ProviderError | TransportError, context: CallContext) -> PollAgain | None:
    """What a poll that failed means, or None when it is the last one."""
    if isinstance(error, RateLimitError) and (error.retry_after or 0.0) > context.left():
        return None
    family, message = error.family, str(error.args[0])
    if not isinstance(error, ProviderError):
        return PollAgain(message) if family in _PASSING else None
    others = message if family in _OF_OTHERS else ""
    words = error.words or others or f"status {error.status} without a word."
    if error.status in _NOT_YET or family in _PASSING - _OF_OTHERS:
        return PollAgain(words)
    return PollAgain(words, error) if family in _DENYING else None


async def patiently(work: Awaitable[T]) -> T:
    """Return what *work* does, which ends soon; a further cancel does not cut it short."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()


def _end_at_retry(submitting: asyncio.Task[str], context: CallContext) -> None:
    """Cancel *submitting* when what it has sent turns out to be refused, and would be sent anew."""
    listener = context.listener

    def hear(event: Event) -> None:
        if isinstance(event, Retrying):
            submitting.cancel()
        if listener is not None:
            listener(event)

    context.listener = hear


def _has_result(task: asyncio.Task[str]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None

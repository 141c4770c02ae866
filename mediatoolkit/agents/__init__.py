"""Agents: clients, defaults and a store behind one verb, `generate`."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from mediatoolkit.agents.requests import GenerationRequest, split_unread
from mediatoolkit.agents.resuming import ResumingAgent
from mediatoolkit.agents.rows import AgentRowMaker
from mediatoolkit.agents.vendor_jobs import VendorJobs
from mediatoolkit.caching import Cache, CacheMode, CacheWord, checked_take, settings
from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import ClosedError, MediaToolkitError, NotCachedError, PromptError
from mediatoolkit.media import Audio, Image, Media, MediaList, Sound, Video
from mediatoolkit.pricing.dollars import Dollars
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt, checked_text
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.providers.registry import client_for, default_choice
from mediatoolkit.runs.reconcile import Changed
from mediatoolkit.runs.run import Run
from mediatoolkit.runs.starting import RunOptions, start_run
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Saving
from mediatoolkit.runtime.gather import as_async_generator, gather_limited, resolve_jobs, turn
from mediatoolkit.runtime.in_flight import InFlight, Tracked
from mediatoolkit.runtime.job import Job, display, start_job
from mediatoolkit.runtime.takes import current_run
from mediatoolkit.runtime.work import work_times
from mediatoolkit.store import Store
from mediatoolkit.url_store import store_at

__all__ = ["Agent", "ImageGenAgent", "VideoGenAgent", "VoiceAgent"]

_ANOTHER_MAY_HELP = frozenset({"rate_limit", "server", "timeout", "transport"})

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


class Agent(ResumingAgent[P, M]):
    """Clients, defaults and a store behind the verb `generate`.

    Used with `async with`, it closes its clients at the end; sessions belong to the registry.

    Where a vendor works in the background, an intent is written into the store before the request
    is sent, and the vendor's name for the job as soon as it is known. So the job outlives the
    kernel: `pending` lists what is unfinished, `resume` goes on from there. A record goes when the
    media is kept, when the vendor itself says that the job failed, was refused or was cancelled,
    or with `forget`.
    """

    def __init__(
        self,
        clients: Client[P, M] | str | Sequence[Client[P, M] | str] | None = None,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        **defaults: Any,
    ) -> None:
        """Resolve model ids to clients; nothing is opened.

        Args:
            clients: A client or model id, or several: the next is asked when one is unavailable
                or out of quota, never after a refusal and never when the call may have been
                billed. Left out, the first vendor whose key is set, else the local engine.
            store: A folder, which must exist, an address that fsspec knows, or a `Store`; all
                media is kept there. Left out, media is kept in memory alone.
            timeout: Seconds for one piece with everything it takes; left out, the client's own.
            cache: What counts where a call says nothing of it, as in `generate`; left out,
                `mt.cache.default`, then `$MEDIATOOLKIT_CACHE`, else False. Without a store, the
                default store keeps what is cached.
            defaults: Keywords for every prompt that is given as text, such as `size="1K"`.
        """
        self.clients = self._resolved(clients)
        self.store = None if store is None else store_at(store)
        self._timeout = timeout
        self._cache = None if cache is None else CacheMode.of(cache).value
        self._reading = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()
        self._defaults = defaults
        prompt_fields = {field.name for field in fields(self.client_type.prompt_type)}
        self.clients[0].check_keywords(defaults.keys() - prompt_fields)
        self._in_flight = InFlight("This agent")
        self.successor = lambda: self
        # A bad timeout= is an error here, not at the first call.
        self._context(None)

    async def generate(
        self,
        prompt: str | P,
        *,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        take: int | None = None,
        **options: Any,
    ) -> M:
        """Make one piece of media.

        Args:
            prompt: What to make.
            timeout: Seconds for everything together.
            cache: True hands out what is kept for this request, else sends it and keeps the
                result; `"refresh"` sends it and replaces what is kept; `"only"` never sends; False
                neither reads nor keeps. Left out, as the agent was made.
            take: Which of several identical requests it is, from 1; left out, they are counted
                within one run of a cell, and in a script within the process.
            options: As in the prompt's class, and what the client takes beyond it.

        Raises:
            PromptError: It cannot be made as asked; nothing was sent.
            BudgetError: It may cost more than is left; nothing was sent.
            NotCachedError: Nothing is kept, and *cache* is `"only"`.
            StorageError: The store cannot keep it; this is found out before anything is sent, or
                else `media` on the error holds what was made.
            RefusalError: The content policy said no.
            MediaToolkitError: As the client.
        """
        async with self._context(timeout) as context:
            return await self._make(self._request(prompt, options, cache, take), context)

    async def generate_many(
        self,
        prompts: Iterable[str | P],
        *,
        concurrency: int = 8,
        return_exceptions: bool = False,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        **options: Any,
    ) -> MediaList[M]:
        """Make many, at most *concurrency* at a time; a notebook shows how far they are.

        Args:
            prompts: What to make; all are checked before the first is sent.
            concurrency: From 1.
            return_exceptions: Put an error in the place of what failed.
            timeout: Seconds for each, from the moment its turn comes.
            cache: As in `generate`; of identical prompts each is a take of its own.
            options: For every prompt.

        Returns:
            The media in the order of *prompts*, as a list that shows itself.

        Raises:
            MediaToolkitError: The first failure, once all others are finished and kept; its
                `results` hold everything in order. Not with *return_exceptions*.
        """
        if isinstance(prompts, (str, Prompt)) or not isinstance(prompts, Iterable):
            raise PromptError("generate_many takes a list of prompts; one goes to generate.")
        if not is_whole(concurrency) or concurrency < 1:
            raise PromptError(f"concurrency takes whole numbers from 1, not {quoted(concurrency)}.")
        if not isinstance(return_exceptions, bool):
            raise PromptError(
                f"return_exceptions takes True or False, not {quoted(return_exceptions)}."
            )
        requests = [self._request(prompt, options, cache) for prompt in prompts]
        labels = [(await self._read(request)).text for request in requests]
        turns = asyncio.Semaphore(int(concurrency))
        jobs = [
            start_job(partial(self._job, request, label, timeout, turns), then=display)
            for request, label in zip(requests, labels, strict=True)
        ]
        results = await gather_limited(
            [lambda job=job: job for job in jobs],  # type: ignore[misc]
            at_once=max(1, len(jobs)),
            return_exceptions=return_exceptions,
        )
        return MediaList(results)

    def start(
        self,
        prompt: str | P,
        *,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        take: int | None = None,
        **options: Any,
    ) -> Job[M]:
        """Start to make one piece of media, and go on at once; the keywords are `generate`'s.

        Returns:
            A job: await it for the media, or watch, extend and cancel it. Media to start from
            is read within the job, everything else is checked before it starts.

        Raises:
            PromptError: It cannot be made as asked; nothing was started.
        """
        request = self._request(prompt, options, cache, take)
        label = prompt.text if isinstance(prompt, Prompt) else checked_text(prompt)
        return start_job(partial(self._job, request, label, timeout))

    def start_many(
        self,
        rows: Any,
        *,
        run: str | None = None,
        cap: Dollars | None = None,
        rate: str | None = None,
        concurrency: int = 64,
        on: Any = None,
        changed: Changed = None,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        **options: Any,
    ) -> Run:
        """Start to make a table of pieces, which survives a crash; all rows are checked first.

        Args:
            rows: A DataFrame, or mappings. Columns that are keywords of `generate`, with `prompt`
                among them, make the request; all others travel along. An `id` column names each
                row; without one a row is known by what it asks for.
            run: Name of the run. The same rows under the same name go on where they stood, and
                what is finished is not sent again. Left out, a new name.
            cap: The most that the run may spend, in USD; no limit when left out.
            rate: How many rows may be sent, such as `"300/min"`; a batch counts as one.
            concurrency: How many are made at once, from 1.
            on: Where they are made. None is this loop; a whole number is so many processes of
                this machine; a client of Dask is its cluster; `"batch"` hands them to the vendor,
                for half the price and within a day.
            changed: What to do where the rows are not those of the name: `"add"` makes what is
                new, `"replace"` also drops what is gone. Left out, it is an error.
            timeout: Seconds for each row.
            cache: As in `generate`; of identical rows each is a take of its own.
            options: Keywords for each row that has none of its own.

        Returns:
            A run: await it for the table, or watch, extend, cancel and retry it. A row that fails
            is a value in the table.

        Raises:
            PromptError: A row cannot be made as asked; lists the first ten. Nothing was sent.
        """
        store = self.store or Store.default()
        maker = AgentRowMaker(self, store, timeout=timeout, cache=cache)
        run_options = RunOptions(run, cap, rate, concurrency, on, changed)
        start = partial(start_run, maker, rows, run_options, options)
        return cast("Run", start_job(start, then=display))

    def quote(
        self,
        prompt: str | P,
        *,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
        take: int | None = None,
        **options: Any,
    ) -> Price:
        """What `generate` with these words costs at the first client; sends nothing.

        The price is that of sending the request, whatever is kept, and the same for each take.
        Media to start from is counted and not read, where it is not in memory already.

        Raises:
            PromptError: It cannot be made as asked.
        """
        self._context(timeout)
        if cache is not None:
            CacheMode.of(cache)
        if take is not None:
            checked_take(take)
        known, unread = split_unread(options, self.client_type.prompt_type.media_fields)
        facts = {"input_images": unread} if unread else {}
        return self.clients[0].quote(self._checked(prompt, known), **facts)

    async def close(self) -> None:
        """Fail what is in flight with `ClosedError`, close the clients; may be called again.

        Waits 4 s at most.
        """
        await self._in_flight.end()
        for client in self.clients:
            await client.close()

    async def interrupt(self) -> None:
        """Fail what is in flight with `ClosedError`, within 4 s; the agent can be used again."""
        await self._in_flight.stop()

    def __repr__(self) -> str:
        """The chain of models."""
        return f"<{type(self).__name__} {' → '.join(client.model_id for client in self.clients)}>"

    def _request(
        self, prompt: str | P, options: dict[str, Any], cache: CacheWord, take: int | None = None
    ) -> GenerationRequest[P]:
        """The request, checked except for media that has to be read or is still made.

        Raises:
            PromptError: It cannot be made as asked.
        """
        mode = settings.mode(cache, self._cache)
        number = None if take is None else checked_take(take)
        run = None if mode is CacheMode.OFF else current_run()
        request = GenerationRequest(prompt, options, mode, run, number)
        if not self.client_type.prompt_type.media_fields & options.keys():
            request.checked = self._checked(prompt, options)
            if mode is CacheMode.OFF or not request.checked.inputs:
                request.ready(request.checked, self.clients[0])
        return request

    async def _read(self, request: GenerationRequest[P], context: CallContext | None = None) -> P:
        """The checked prompt: its jobs are awaited, its files are read in a thread, once.

        The clock of *context* stands while it waits for jobs, which have deadlines of their own.
        """
        values: dict[str, Any] = {}
        if request.checked is None:
            things = await resolve_jobs(list(request.options.values()), context)
            values = dict(zip(request.options, things, strict=True))
        check = partial(self._checked, request.prompt, values)
        if request.needs_take:
            # One after the other, so that identical requests are counted in their order.
            async with self._reading.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                await request.read(check, self.clients[0])
        elif request.checked is None:
            await request.read(check, self.clients[0])
        return cast("P", request.checked)

    def _checked(self, prompt: str | P, options: dict[str, Any]) -> P:
        defaults = {} if isinstance(prompt, Prompt) else self._defaults
        checked = self.client_type.prompt_type.of(prompt, **{**defaults, **options})
        self.clients[0].check(checked)
        return checked

    def _job(
        self,
        request: GenerationRequest[P],
        label: str,
        timeout: float | Timeout | None,
        turns: asyncio.Semaphore | None = None,
    ) -> Job[M]:
        async def work(context: CallContext) -> M:
            if turns is None:
                return await self._make(request, context)
            async with turn(turns, self._in_flight, context):
                return await self._make(request, context)

        async def rework(context: CallContext) -> M:
            return await self.successor()._make(request, context)

        def another() -> Job[M]:
            agent = self.successor()
            return start_job(
                partial(agent._job, request.another(), label, timeout)  # noqa: SLF001 - one of us
            )

        return Job(
            work,
            self._context(timeout),
            label=label,
            rework=rework,
            quote=partial(request.price, self.clients[0]),
            another=None if request.is_seeded else another,
        )

    async def _make(self, request: GenerationRequest[P], context: CallContext) -> M:
        """Hand out what is kept, or make it, as the request says."""
        prompt = await self._read(request, context)
        with Tracked(self._in_flight, context):
            if request.mode is CacheMode.OFF:
                return await self._ask(prompt, context)
            cache = Cache(self.store or Store.default())
            keys = await request.keys(self.clients, cache)
            make = partial(self._ask, prompt)
            return await cache.get_or_make(keys, request.mode, context, make)

    async def _ask(self, prompt: P, context: CallContext) -> M:
        """Ask one client after the other, as long as that can help and nothing may be billed."""
        failure: MediaToolkitError | None = None
        if self.store is not None:
            await self.store.check()
        for client in self.clients:
            try:
                # The first client has checked the prompt already, before anything started.
                if failure:
                    client.check(prompt)
                with work_times.measured((client.model_id, *prompt.extent), context.work):
                    if self.store is not None and isinstance(client, QueuedClient):
                        return await VendorJobs[P, M](self.store, self.kind).make(
                            client, prompt, context
                        )
                    media = await client.make_billed(prompt, context)
            except PromptError as error:
                failure = failure or error
            except MediaToolkitError as error:
                failure = error
            else:
                return await self._keep(media, context)
            if failure.may_have_been_billed or failure.family not in _ANOTHER_MAY_HELP:
                break
        raise failure or ClosedError("This agent has no client.")

    async def _keep(self, media: M, context: CallContext) -> M:
        """Write *media* to the store, if there is one; a cancel waits for that."""
        if self.store is None:
            return media
        context.report(Saving())
        return await self.store.put(media)

    def _resolved(self, clients: Any) -> tuple[Client[P, M], ...]:
        kind = self.client_type
        if clients is None:
            clients = default_choice(kind).model_ids
        candidates = clients if isinstance(clients, (list, tuple)) else [clients]
        if not candidates:
            raise PromptError("An agent needs a client; leave clients out for the default.")
        for client in candidates:
            if not isinstance(client, (str, kind)):
                raise PromptError(
                    f"{type(client).__name__} is no {kind.__name__}, and no model id."
                )
        return tuple(
            client_for(client, kind) if isinstance(client, str) else client for client in candidates
        )


class ImageGenAgent(Agent[ImagePrompt, Image]):
    """Makes pictures."""

    client_type = ImageClient
    kind = "image"


class VideoGenAgent(Agent[VideoPrompt, Video]):
    """Makes films."""

    client_type = VideoClient
    kind = "video"


class VoiceAgent(Agent[SpeechPrompt, Audio]):
    """Makes speech."""

    client_type = SpeechClient
    kind = "speech"

    def stream(
        self,
        prompt: str | SpeechPrompt,
        *,
        timeout: float | Timeout | None = None,
        **options: Any,
    ) -> AsyncGenerator[Sound]:
        """Make speech and yield it piece by piece, the first before the last is made.

        The first client alone is asked and nothing is stored, since what has been heard cannot be
        taken back. Leaving the loop early stops the work.

        Raises:
            PromptError: It cannot be said as asked; nothing was sent.
            NotCachedError: The cache is `"only"`, and streams are never kept.
            MediaToolkitError: As the client, from within the loop.
        """
        if settings.mode(self._cache) is CacheMode.ONLY:
            raise NotCachedError('No stream is kept, and cache="only" sends nothing: use generate.')
        checked = self._checked(prompt, options)
        client = cast("SpeechClient", self.clients[0])

        async def work(sink: Callable[[Sound], None]) -> None:
            context = self._context(timeout)
            with Tracked(self._in_flight, context):
                async with context:
                    with client.billing(checked, context) as bill:
                        usage = await client.stream_to(checked, context, sink)
                        client.settle(bill, usage, lambda: checked)

        return as_async_generator(work)

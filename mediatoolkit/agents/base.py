"""What every agent does."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import ClosedError, MediaToolkitError, PromptError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt, checked_text
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.registry import client_for, default_vendor
from mediatoolkit.runtime.closing import Closing
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Saving
from mediatoolkit.runtime.gather import gather_limited
from mediatoolkit.runtime.in_flight import InFlight
from mediatoolkit.runtime.job import Job, start_job
from mediatoolkit.store import Store

_ANOTHER_MAY_HELP = frozenset({"rate_limit", "server", "timeout", "transport"})

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)


class Agent(Closing, Generic[P, M]):
    """Clients, defaults and a store behind the verb `generate`.

    Args:
        clients: A client or model id, or several: the next is asked when one is unavailable or
            out of quota, never after a refusal and never when the call may have been billed.
            Left out, the first vendor whose key is set, else the local engine.
        store: A folder, which must exist, or a `Store`; everything made is kept there. Left out,
            it is kept in memory alone.
        timeout: Seconds for one piece with everything it takes; left out, the client's own.
        defaults: Keywords for every prompt that is given as text, such as `size="1K"`.

    Used with `async with`, it closes its clients at the end; sessions belong to the registry.
    """

    client_type: type[Client[P, M]]
    """What its clients must be."""

    kind: ClassVar[str]
    """One word for what it makes."""

    clients: tuple[Client[P, M], ...] = ()

    reads: ClassVar[frozenset[str]] = frozenset()
    """Keywords that may name files to read."""

    def __init__(
        self,
        clients: Client[P, M] | str | Sequence[Client[P, M] | str] | None = None,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        timeout: float | Timeout | None = None,
        **defaults: Any,
    ) -> None:
        """Resolve model ids to clients; nothing is opened."""
        self.clients = self._resolved(clients)
        self.store = store if isinstance(store, Store) or store is None else Store(store)
        self._timeout = timeout
        self._defaults = defaults
        own = {one.name for one in fields(self.client_type.prompt_type)}
        self.clients[0].check_keywords(defaults.keys() - own)
        self._in_flight = InFlight("This agent")
        self._call(None)

    async def generate(
        self, prompt: str | P, *, timeout: float | Timeout | None = None, **options: Any
    ) -> M:
        """Make one.

        Args:
            prompt: What to make.
            timeout: Seconds for everything together.
            options: As in the prompt's class, and what the client takes beyond it.

        Raises:
            PromptError: It cannot be made as asked; nothing was sent.
            StorageError: The store cannot keep it; found out before anything is sent, or else
                `media` on the error holds what was made.
            RefusalError: The content policy said no.
            MediaToolkitError: As the client.
        """
        async with self._call(timeout) as context:
            return await self._make(await self._read(prompt, options), context)

    async def generate_many(
        self,
        prompts: Iterable[str | P],
        *,
        concurrency: int = 8,
        return_exceptions: bool = False,
        timeout: float | Timeout | None = None,
        **options: Any,
    ) -> list[M]:
        """Make many, at most *concurrency* at a time.

        Args:
            prompts: What to make; all are checked before the first is sent.
            concurrency: From 1.
            return_exceptions: Put an error in the place of what failed.
            timeout: Seconds for each, from the moment its turn comes.
            options: For every prompt.

        Returns:
            The media in the order of *prompts*.

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
        asked = [await self._read(prompt, options) for prompt in prompts]
        works = [partial(self.generate, one, timeout=timeout) for one in asked]
        return await gather_limited(
            works, at_once=int(concurrency), return_exceptions=return_exceptions
        )

    def start(
        self, prompt: str | P, *, timeout: float | Timeout | None = None, **options: Any
    ) -> Job[M]:
        """Start to make one, and go on at once.

        Returns:
            A job: await it for the media, or watch, extend and cancel it. Pictures to
            start from are read within the job, everything else is checked before it starts.

        Raises:
            PromptError: It cannot be made as asked; nothing was started.
        """
        asked = None if self.reads & options.keys() else self._checked(prompt, options)

        async def work(context: CallContext) -> M:
            nonlocal asked  # done again, it takes the pictures that were read at first
            asked = asked or await self._read(prompt, options)
            return await self._make(asked, context)

        label = prompt.text if isinstance(prompt, Prompt) else checked_text(prompt)
        return start_job(lambda: Job(work, self._call(timeout), label=label))

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

    async def _read(self, prompt: str | P, options: dict[str, Any]) -> P:
        """As `_checked`, in a thread when there are pictures to read; jobs are awaited first."""
        if self.reads & options.keys():
            found = {name: await resolve_jobs(thing) for name, thing in options.items()}
            return await asyncio.to_thread(self._checked, prompt, found)
        return self._checked(prompt, options)

    def _checked(self, prompt: str | P, options: dict[str, Any]) -> P:
        defaults = {} if isinstance(prompt, Prompt) else self._defaults
        asked = self.client_type.prompt_type.of(prompt, **{**defaults, **options})
        self.clients[0].check(asked)
        return asked

    async def _make(self, asked: P, context: CallContext) -> M:
        with self._in_flight.track(context):
            if self.store is not None:
                await self.store.check()
            media = await self._ask(asked, context)
            return (
                media if media.path else await self._keep(media, context)
            )  # a film is kept earlier

    async def _keep(self, media: M, context: CallContext) -> M:
        """Write it down; a cancel waits for that, since what is finished may have been paid."""
        if self.store is None:
            return media
        context.report(Saving())
        saving = asyncio.ensure_future(self.store.put(media))
        try:
            return await asyncio.shield(saving)
        except asyncio.CancelledError:
            await asyncio.wait([saving])
            raise

    async def _ask(self, asked: P, context: CallContext) -> M:
        """Ask one client after the other, as long as that can help and nothing may be billed."""
        failure: MediaToolkitError | None = None
        for client in self.clients:
            try:
                if failure:
                    client.check(asked)
                return await self._by(client, asked, context)
            except PromptError as error:
                failure = failure or error
            except MediaToolkitError as error:
                failure = error
            if failure.may_have_been_billed or failure.family not in _ANOTHER_MAY_HELP:
                break
        raise failure or ClosedError("This agent has no client.")

    async def _by(self, client: Client[P, M], asked: P, context: CallContext) -> M:
        return await client.make(asked, context)

    def _call(self, timeout: float | Timeout | None) -> CallContext:
        chosen = self._timeout if timeout is None else timeout
        return context_for(chosen, self.clients[0].timeout)

    def _resolved(self, given: Any) -> tuple[Client[P, M], ...]:
        kind = self.client_type
        if given is None:
            given = default_vendor(kind)
        several = given if isinstance(given, (list, tuple)) else [given]
        if not several:
            raise PromptError("An agent needs a client; leave clients out for the default.")
        for one in several:
            if not isinstance(one, (str, kind)):
                raise PromptError(f"{type(one).__name__} is no {kind.__name__}, and no model id.")
        return tuple(client_for(one, kind) if isinstance(one, str) else one for one in several)


async def resolve_jobs(thing: object) -> object:
    """What a job, or each in a list, makes; it goes on when this wait is cancelled."""
    if isinstance(thing, Job):
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        thing.on_done(lambda _job: loop.call_soon_threadsafe(over.set))
        await over.wait()
        return await thing
    if isinstance(thing, (list, tuple)) and any(isinstance(one, Job) for one in thing):
        return [await resolve_jobs(one) for one in thing]
    return thing

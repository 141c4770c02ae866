"""Clients, defaults and a store behind one verb: `generate`."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from mediatoolkit.call import Call, Saving
from mediatoolkit.errors import (
    ClosedError,
    MediaToolkitError,
    PromptError,
)
from mediatoolkit.jobs import Job, together
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.registry import default_vendor, image_client
from mediatoolkit.store import Store
from mediatoolkit.transport import Timeout, seconds_of

_PICTURES = frozenset({"references", "mask", "previous"})
_ANOTHER_MAY_HELP = frozenset({"rate_limit", "server", "transport"})

Clients = ImageClient | str | Sequence[ImageClient | str]


class ImageGenAgent:
    """Makes pictures.

    Args:
        clients: A client or model id, or several: the next is asked when one is unavailable or
            out of quota, never after a refusal and never when the call may have been billed.
            Left out, the first vendor whose key is set, else the local engine.
        store: A folder, which must exist, or a `Store`; every picture is kept there. Left out,
            pictures are kept in memory alone.
        timeout: Seconds for one picture with everything it takes; left out, the client's own.
        defaults: Keywords for every prompt that is given as text, such as `size="1K"`.

    Used with `async with`, it closes its clients at the end; sessions belong to the registry.
    """

    def __init__(
        self,
        clients: Clients | None = None,
        *,
        store: Store | str | os.PathLike[str] | None = None,
        timeout: float | Timeout | None = None,
        **defaults: Any,
    ) -> None:
        """Resolve model ids to clients; nothing is opened."""
        self.clients = _clients(clients)
        self.store = store if isinstance(store, Store) or store is None else Store(store)
        self._timeout = timeout
        self._defaults = defaults
        self._closed = False
        self._seconds(None)

    async def generate(
        self, prompt: str | ImagePrompt, *, timeout: float | Timeout | None = None, **options: Any
    ) -> Image:
        """Make one picture.

        Args:
            prompt: What to see.
            timeout: Seconds for everything together.
            options: As in `ImagePrompt`, and what the client takes beyond it.

        Raises:
            PromptError: It cannot be drawn as asked; nothing was sent.
            StorageError: The store cannot keep it; found out before anything is sent, or else
                `media` on the error holds the picture.
            RefusalError: The content policy said no.
            MediaToolkitError: As the client.
        """
        async with Call(self._seconds(timeout)) as call:
            return await self._make(await self._read(prompt, options), call)

    async def generate_many(
        self,
        prompts: Iterable[str | ImagePrompt],
        *,
        concurrency: int = 8,
        return_exceptions: bool = False,
        timeout: float | Timeout | None = None,
        **options: Any,
    ) -> list[Image]:
        """Make many pictures, at most *concurrency* at a time.

        Args:
            prompts: What to see; all are checked before the first is sent.
            concurrency: From 1.
            return_exceptions: Put an error in the place of a picture that failed.
            timeout: Seconds for each picture, from the moment its turn comes.
            options: For every prompt.

        Returns:
            The pictures in the order of *prompts*.

        Raises:
            MediaToolkitError: The first failure, once all others are finished and kept; unless
                *return_exceptions*.
        """
        if isinstance(prompts, (str, ImagePrompt)):
            raise PromptError("generate_many takes a list of prompts; one goes to generate.")
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise PromptError(f"concurrency takes a whole number from 1, not {concurrency!r}.")
        asked = [await self._read(prompt, options) for prompt in prompts]
        works = [partial(self.generate, one, timeout=timeout) for one in asked]
        return await together(works, at_once=concurrency, return_exceptions=return_exceptions)

    def start(
        self, prompt: str | ImagePrompt, *, timeout: float | Timeout | None = None, **options: Any
    ) -> Job[Image]:
        """Start to make one picture, and go on at once.

        Returns:
            A job: await it for the picture, or watch, extend and cancel it. Reference pictures
            are read within the job, everything else is checked before it starts.

        Raises:
            PromptError: It cannot be drawn as asked; nothing was started.
        """
        asked = None if _PICTURES & options.keys() else self._checked(prompt, options)

        async def work(call: Call) -> Image:
            return await self._make(asked or await self._read(prompt, options), call)

        label = prompt.text if isinstance(prompt, ImagePrompt) else str(prompt)
        return Job(work, Call(self._seconds(timeout)), label=label)

    async def close(self) -> None:
        """Close the clients; may be called again."""
        self._closed = True
        for client in self.clients:
            await client.close()

    def __repr__(self) -> str:
        """The chain of models."""
        return f"<ImageGenAgent {' → '.join(client.model_id for client in self.clients)}>"

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def _read(self, prompt: str | ImagePrompt, options: dict[str, Any]) -> ImagePrompt:
        """As `_checked`, in a thread when there are pictures to read."""
        if _PICTURES & options.keys():
            return await asyncio.to_thread(self._checked, prompt, options)
        return self._checked(prompt, options)

    def _checked(self, prompt: str | ImagePrompt, options: dict[str, Any]) -> ImagePrompt:
        defaults = {} if isinstance(prompt, ImagePrompt) else self._defaults
        asked = ImagePrompt.of(prompt, **{**defaults, **options})
        self.clients[0].check(asked)
        return asked

    async def _make(self, asked: ImagePrompt, call: Call) -> Image:
        if self._closed:
            raise ClosedError("This agent is closed; make a new one.")
        if self.store is None:
            return await self._draw(asked, call)
        await self.store.check()
        image = await self._draw(asked, call)
        call.report(Saving())
        return await self.store.put(image)

    async def _draw(self, asked: ImagePrompt, call: Call) -> Image:
        """Ask one client after the other, as long as that can help and nothing may be billed."""
        failure: MediaToolkitError | None = None
        for client in self.clients:
            try:
                if failure:
                    client.check(asked)
                return await client.draw(asked, call)
            except PromptError as error:
                failure = failure or error
            except MediaToolkitError as error:
                failure = error
            if failure.may_have_been_billed or failure.family not in _ANOTHER_MAY_HELP:
                break
        raise failure or ClosedError("This agent has no client.")

    def _seconds(self, timeout: float | Timeout | None) -> float:
        chosen = self._timeout if timeout is None else timeout
        return seconds_of(chosen, self.clients[0].timeout)


def _clients(given: Clients | None) -> tuple[ImageClient, ...]:
    if given is None:
        given = default_vendor()
    several = given if isinstance(given, (list, tuple)) else [given]
    if not several:
        raise PromptError("An agent needs a client; leave clients out for the default.")
    for one in several:
        if not isinstance(one, (str, ImageClient)):
            raise PromptError(f"{type(one).__name__} is neither a client nor a model id.")
    return tuple(image_client(one) if isinstance(one, str) else one for one in several)

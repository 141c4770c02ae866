"""How an agent makes the rows of a run, and how a worker makes the same agent."""

# ruff: noqa: SLF001 - what makes rows is a part of the agent

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mediatoolkit.agents.requests import split_unread
from mediatoolkit.caching import CacheWord
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError, StorageError
from mediatoolkit.media import Media
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.recipe import ClientRecipe
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.store import Store

if TYPE_CHECKING:
    from mediatoolkit.agents import Agent
    from mediatoolkit.providers.batches import BatchClient

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

_MOST_PRICES = 10_000  # that are remembered, since most rows of a run cost the same


class AgentRowMaker(Generic[P, M]):
    """Makes rows by an agent; it is the `RowMaker` that an agent hands to a run.

    Args:
        agent: Whose clients and defaults count.
        store: Where media is kept, whether the agent has a store or not.
        timeout: Of each row; left out, the agent's own.
        cache: What counts for each row; left out, as the agent was made.
    """

    def __init__(
        self,
        agent: "Agent[P, M]",
        store: Store,
        *,
        timeout: float | Timeout | None = None,
        cache: CacheWord = None,
    ) -> None:
        """Send nothing."""
        self._agent = agent
        self._timeout = timeout
        self._cache = cache
        self._uppers: dict[object, Decimal | None] = {}
        self.store = store
        self.kind = agent.kind
        self.media_type = agent.client_type.media_type
        self.model_ids = tuple(client.model_id for client in agent.clients)
        capabilities = agent.clients[0].capabilities
        own = agent.client_type.prompt_type.__dataclass_fields__.keys() - {"text", "options"}
        self.keywords = frozenset({"prompt", *own, *(capabilities.options if capabilities else ())})

    @cached_property
    def is_paid(self) -> bool:
        """Whether a row may cost anything."""
        sample = self._agent.client_type.prompt_type("a sample")
        return any(client.quote(sample).high != 0 for client in self._agent.clients)

    @property
    def identity(self) -> dict[str, str]:
        """The models, and the defaults that are in every request."""
        defaults = json.dumps(self._agent._defaults, sort_keys=True, default=quoted)
        return {"kind": self.kind, "models": ", ".join(self.model_ids), "defaults": defaults}

    def batch_client(self) -> "BatchClient[P, M]":
        """The first client, whose vendor takes batches.

        Raises:
            PromptError: It takes none.
        """
        from mediatoolkit.providers.batches import BatchClient  # it brings aiohttp along

        client = self._agent.clients[0]
        if not isinstance(client, BatchClient):
            raise PromptError(
                f'{client.model_id} takes no batch. Leave on="batch" out, or take a model of '
                "gemini or openai that makes pictures or speech."
            )
        return client

    def prompt(self, values: Mapping[str, Any]) -> P:
        """The prompt of a row with its media; blocks where there are files to read."""
        prompt, options = _split(values)
        with _own_files():
            return self._agent._checked(prompt, options)

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse a row that cannot be made as asked; reads no file.

        Raises:
            PromptError: Says why.
        """
        self._at_hand(values)

    def check_batch(self, values: Mapping[str, Any]) -> None:
        """Refuse a row that the first model takes in no batch.

        Raises:
            PromptError: Says why.
        """
        self.batch_client().check_batch(self._at_hand(values)[0])

    def upper(self, values: Mapping[str, Any]) -> Decimal | None:
        """The most that a row may cost, in USD, or None where that is unknown."""
        if not self.is_paid:
            return ZERO

        def upper() -> Decimal | None:
            prompt, facts = self._at_hand(values)
            highs = [client.quote(prompt, **facts).high for client in self._agent.clients]
            known = [high for high in highs if high is not None]
            return max(known) if len(known) == len(highs) else None

        return self._remembered("alone", values, upper)

    def batch_upper(self, values: Mapping[str, Any]) -> Decimal | None:
        """As `upper`, in a batch."""
        client = self.batch_client()
        return self._remembered(
            "batch", values, lambda: client.batch_quote(self._at_hand(values)[0]).high
        )

    def context(self, more_seconds: float = 0.0) -> CallContext:
        """The context of one row, not yet open."""
        context = self._agent._context(self._timeout)
        if more_seconds:
            context.extend(more_seconds)
        return context

    async def ready(self) -> None:
        """Wait while the first vendor asked for a pause."""
        await self._agent.clients[0].ready()

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, since the vendor asked another worker for it."""
        for client in self._agent.clients:
            client.pause(seconds)

    def on_pause(self, hook: Callable[[float], None]) -> Callable[[], None]:
        """Call *hook* with seconds whenever a vendor asks this process for a pause."""
        ends = [client.on_pause(hook) for client in self._agent.clients]

        def end() -> None:
            for each in ends:
                each()

        return end

    async def make(self, values: Mapping[str, Any], take: int, context: CallContext) -> M:
        """Make one row within an open *context*, and keep its media."""
        agent = self._agent.successor()
        prompt, options = _split(values)
        request = agent._request(prompt, options, self._cache, take)
        with _own_files():
            await agent._read(request, context)
        media = await agent._make(request, context)
        is_kept = agent.store is not None or media.path is not None
        return media if is_kept else await self.store.put(media)

    def recipe(self) -> "AgentRecipe":
        """From which another process makes the same.

        Raises:
            PromptError: A client has a session of the user's.
        """
        agent = self._agent
        return AgentRecipe(
            type(agent),
            tuple(client.recipe() for client in agent.clients),
            self.store,
            agent._timeout if self._timeout is None else self._timeout,
            agent._cache if self._cache is None else self._cache,
            agent._defaults,
        )

    async def close(self) -> None:
        """Close the agent; only a worker, which made it, does."""
        await self._agent.close()

    def _remembered(
        self, way: str, values: Mapping[str, Any], upper: Callable[[], Decimal | None]
    ) -> Decimal | None:
        """What *upper* returns, reckoned once for all rows of the same price."""
        key = _price_key(way, values)
        if key in self._uppers:
            return self._uppers[key]
        result = upper()
        if key is not None and len(self._uppers) < _MOST_PRICES:
            self._uppers[key] = result
        return result

    def _at_hand(self, values: Mapping[str, Any]) -> tuple[P, dict[str, float]]:
        """The prompt of a row without the media that is not read, and what is known of that."""
        prompt, options = _split(values)
        media_fields = self._agent.client_type.prompt_type.media_fields
        if media_fields.isdisjoint(options):
            return self._agent._checked(prompt, options), {}
        known, unread = split_unread(options, media_fields)
        return self._agent._checked(prompt, known), {"input_images": unread} if unread else {}


@dataclass(frozen=True, slots=True)
class AgentRecipe:
    """What a worker makes the agent of a run from; it can be pickled.

    Attributes:
        kind: The class of the agent.
        clients: From which its clients are made.
        store: Where its media is kept.
        timeout: Of each row, or None.
        cache: What counts for each row.
        defaults: Keywords for each row.
    """

    kind: "type[Agent[Any, Any]]"
    clients: tuple[ClientRecipe, ...]
    store: Store
    timeout: float | Timeout | None
    cache: CacheWord
    defaults: Mapping[str, Any]

    def maker(self) -> AgentRowMaker[Any, Any]:
        """Make the agent, and what makes rows by it.

        Raises:
            AuthenticationError: A key is not in the environment of this process.
        """
        clients = [recipe.client() for recipe in self.clients]
        agent = self.kind(clients, store=self.store, timeout=self.timeout, **self.defaults)
        return AgentRowMaker(agent, self.store, cache=self.cache)


@contextlib.contextmanager
def _own_files() -> Iterator[None]:
    """Read what a row starts from: a file that is missing is a fault of the row, not of the store.

    Raises:
        PromptError: It cannot be read.
    """
    try:
        yield
    except StorageError as error:
        raise PromptError(str(error)) from error


def _split(values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    options = dict(values)
    return options.pop("prompt"), options


def _price_key(way: str, values: Mapping[str, Any]) -> object | None:
    """The same for rows of the same price, or None where that cannot be told cheaply."""
    prompt, options = _split(values)
    if not isinstance(prompt, str):
        return None
    try:
        key = way, len(prompt), len(prompt.encode("utf-8", "replace")), frozenset(options.items())
        hash(key)
    except TypeError:
        return None
    return key

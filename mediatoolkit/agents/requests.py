"""What is asked of an agent: the prompt, how the cache is used for it, and which take it is."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Self, TypeVar, cast

from mediatoolkit.caching import Cache, CacheMode, RequestKey
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Media
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.runtime.takes import take_of

P = TypeVar("P", bound=Prompt)


@dataclass(slots=True)
class GenerationRequest(Generic[P]):
    """One request, which a retry makes again.

    Attributes:
        prompt: As it was given.
        options: Keywords for it; media among them may be files, or jobs that still make it.
        mode: How the cache is used.
        run: The run of a cell to which it belongs.
        take: Which of the identical requests of that run it is; None until that is counted.
        is_another: It asks for the next take that is not kept.
        checked: The prompt with its media in it, once that is read.
    """

    prompt: str | P
    options: Mapping[str, Any]
    mode: CacheMode
    run: Hashable
    take: int | None = None
    is_another: bool = False
    checked: P | None = None
    _price: Price | None = None
    _keys: dict[Hashable, RequestKey] = field(default_factory=dict)

    @property
    def needs_take(self) -> bool:
        """Whether its take is still to be counted."""
        return self.mode is not CacheMode.OFF and self.take is None

    @property
    def is_seeded(self) -> bool:
        """Whether asking once more gives the same."""
        own = getattr(self.checked or self.prompt, "seed", None)
        return self.options.get("seed", own) is not None

    def ready(self, checked: P, client: Client[P, Any]) -> None:
        """Note the *checked* prompt and count its take; blocks 1 ms a megabyte of media."""
        self.checked = checked
        if self.needs_take:
            self.take = take_of(self._key(client).request, run=self.run)

    async def read(self, check: Callable[[], P], client: Client[P, Any]) -> None:
        """As `ready` with what *check* returns, which reads files; all in a thread."""
        await asyncio.to_thread(lambda: self.ready(self.checked or check(), client))

    def price(self, client: Client[P, Any]) -> Price | None:
        """What it costs, or None while its media is not read."""
        if self._price is None and self.checked is not None:
            self._price = client.quote(self.checked)
        return self._price

    def another(self) -> Self:
        """The same request for the next take that is not kept; without the cache, once more."""
        if self.mode is CacheMode.OFF:
            return replace(self)
        mode = CacheMode.ONLY if self.mode is CacheMode.ONLY else CacheMode.ON
        return replace(self, mode=mode, is_another=True)

    async def keys(self, clients: Sequence[Client[P, Any]], cache: Cache) -> list[RequestKey]:
        """Its key at each client that takes it; the first one does."""
        take = self.take or 1
        if self.checked is not None and self.checked.inputs:
            keys = await asyncio.to_thread(self._keys_at, clients)
        else:
            keys = self._keys_at(clients)
        if self.is_another:
            take = self.take = await cache.next_take(keys[0].with_take(take))
            self.is_another = False
        return [key.with_take(take) for key in keys]

    def _keys_at(self, clients: Sequence[Client[P, Any]]) -> list[RequestKey]:
        keys = [self._key(clients[0])]
        for client in clients[1:]:
            with contextlib.suppress(PromptError):  # it would not be sent there
                client.check(cast("P", self.checked))
                keys.append(self._key(client))
        return keys

    def _key(self, client: Client[P, Any]) -> RequestKey:
        if self.checked is None:
            raise TypeError("A request that is not read has no key.")
        identity = client.model_id, client.base_url
        if identity not in self._keys:
            self._keys[identity] = client.key(self.checked)
        return self._keys[identity]


def split_unread(
    options: Mapping[str, Any], media_fields: Collection[str]
) -> tuple[dict[str, Any], int]:
    """Return *options* that a prompt can be made of at once, and how much media they lack.

    Where one piece of media is a file to read or a job that still makes it, all media is left out
    and counted.
    """
    # An iterator can be read only once.
    values = {
        name: list(value) if isinstance(value, Iterator) else value
        for name, value in options.items()
    }
    given = [values[name] for name in media_fields if name in values]
    listed = [each if isinstance(each, (list, tuple)) else [each] for each in given]
    media = [each for several in listed for each in several if each is not None]
    if all(isinstance(each, Media) for each in media):
        return values, 0
    plain = {name: value for name, value in values.items() if name not in media_fields}
    return plain, len(media)

"""What makes rows in the tests of a cluster; workers import it, so it is a module of its own."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import mediatoolkit as mt
from mediatoolkit.errors import RateLimitError
from mediatoolkit.media import Image, Media
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.store import Store
from tests.test_prompts import picture


class Maker:
    """Makes pictures into a store; what it may do is said by the values of a row.

    It has what a cluster needs of a `RowMaker`.

    Args:
        recipe: What it was made of.
    """

    kind = "image"
    media_type = Image
    model_ids = ("gemini/gemini-3.1-flash-image",)
    keywords = frozenset({"prompt"})

    def __init__(self, recipe: "Recipe") -> None:
        """Open nothing."""
        self._recipe = recipe
        self.of(recipe)
        self.store = Store(recipe.folder)
        self.is_paid = recipe.is_paid
        self._hooks: list[Callable[[float], None]] = []
        self._paused_until = 0.0

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse nothing."""

    def upper(self, values: Mapping[str, Any]) -> Decimal | None:  # noqa: ARG002
        """The same for each."""
        return Decimal("0.04")

    def context(self, more_seconds: float = 0.0) -> CallContext:
        """A minute."""
        return CallContext(60 + more_seconds)

    async def ready(self) -> None:
        """Wait until the pause is over."""
        while (left := self._paused_until - time.time()) > 0:
            await asyncio.sleep(left)

    def pause(self, seconds: float) -> None:
        """Note that another worker was asked to pause, and when."""
        self._paused_until = time.time() + seconds
        self._note(f"told {time.time()} {seconds}")

    def on_pause(self, hook: Callable[[float], None]) -> Callable[[], None]:
        """Keep *hook*."""
        self._hooks.append(hook)
        return lambda: self._hooks.remove(hook)

    async def make(self, values: Mapping[str, Any], take: int, context: CallContext) -> Media:
        """Note the begin; ask for a pause, wait for a file, or fail, as *values* say."""
        self._note(f"made {values['prompt']} {time.time()}")
        if "pause" in values:
            for hook in self._hooks:
                hook(values["pause"])
        if "gate" in values:
            context.paid = int(self.is_paid)
            gate = self._recipe.notes / values["gate"]
            while not gate.exists():
                await asyncio.sleep(0.01)
            context.paid = 0
        if "error" in values:
            raise RateLimitError(values["error"], retry_after=1.0)
        return await self.store.put(Image(picture((16, 16 + take))))

    def recipe(self) -> Any:
        """What workers make theirs of."""
        return self._sent

    def of(self, recipe: object) -> None:
        """Send *recipe* in the place of its own."""
        self._sent = recipe

    async def close(self) -> None:
        """Note that."""
        self._note("closed")

    def _note(self, words: str) -> None:
        with (self._recipe.notes / f"{os.getpid()}.txt").open("a") as file:
            file.write(f"{words}\n")


@dataclass(frozen=True)
class Recipe:
    """From which a worker makes a `Maker`.

    Attributes:
        folder: Of the store.
        notes: Where each process writes down what it does, a file each.
        is_paid: Whether a row may cost anything.
        key: Never to be seen.
        as_if_elsewhere: The folder of the store on a worker, where it has another.
        is_broken: Whether a worker can make nothing of it.
    """

    folder: Path
    notes: Path
    is_paid: bool = False
    key: str = field(default="", repr=False)
    as_if_elsewhere: Path | None = None
    is_broken: bool = False

    def maker(self) -> Any:
        """Make it, as a worker does."""
        if self.is_broken:
            raise ValueError("it is broken")
        folder = self.as_if_elsewhere or self.folder
        return Maker(Recipe(folder, self.notes, self.is_paid, self.key))


@dataclass(frozen=True)
class PaintRecipe:
    """From which a worker makes a `Painter`."""

    folder: Path

    def maker(self) -> "Painter":
        """Make it."""
        return Painter(self)


class Painter(Maker):
    """Paints on this machine."""

    def __init__(self, recipe: PaintRecipe) -> None:
        """Make the client."""
        super().__init__(Recipe(recipe.folder, recipe.folder))
        self.of(recipe)
        self._client = mt.LocalImageClient()

    async def make(self, values: Mapping[str, Any], take: int, context: CallContext) -> Media:  # noqa: ARG002
        """Paint, and keep it."""
        prompt = ImagePrompt.of(values["prompt"], size=values.get("size", "64x64"))
        return await self.store.put(await self._client.make_billed(prompt, context))

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

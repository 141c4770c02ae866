"""A vendor that answers at once, and has its price: what is measured is the way of a row alone."""

import asyncio
import io
from decimal import Decimal
from typing import Any, ClassVar

from PIL import Image as PillowImage

import mediatoolkit as mt
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.capabilities import Capabilities, Taken
from mediatoolkit.runtime.context import CallContext, Timeout


def picture() -> bytes:
    """A small PNG."""
    file = io.BytesIO()
    PillowImage.new("RGB", (16, 16), "tomato").save(file, "PNG")
    return file.getvalue()


class PaperClient(ImageClient):
    """Returns one small picture at once."""

    provider: ClassVar[str] = "paper"
    model = "instant"
    unlisted = Capabilities(seed=Taken())

    def __init__(self) -> None:
        """Draw the picture."""
        self.timeout = Timeout(total=60)
        self._picture = picture()

    def quotes(self, prompt: mt.ImagePrompt, **_facts: float) -> list[Price]:  # noqa: ARG002
        """A tenth of a cent."""
        return [Price(Decimal("0.001"), Decimal("0.001"), "paper")]

    def cost(self, prompt: mt.ImagePrompt, _usage: Any, /) -> Price:
        """As `quotes`."""
        return self.quotes(prompt)[0]

    async def make(self, prompt: mt.ImagePrompt, context: CallContext) -> mt.Image:  # noqa: ARG002
        """Hand out the picture after one turn of the loop."""
        await asyncio.sleep(0)
        return await self.load_media(self._picture, provenance=await self.provenance(prompt))

    async def close(self) -> None:
        """Nothing is open."""

"""Pictures by the embedded painter."""

import os
import secrets
from functools import partial
from typing import ClassVar

from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.capabilities import (
    COMMON_ASPECTS,
    Capabilities,
    ModelInfo,
    OneOf,
    Size,
    Taken,
)
from mediatoolkit.providers.local.steps import drawing, load
from mediatoolkit.providers.local.workers import LocalClient
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding, Partial
from mediatoolkit.runtime.workers import Tell, Workers

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}

_WORDS_ALONE = (
    "it starts from words alone: give pictures to a model that edits, such as "
    'model="gemini/gemini-3.1-flash-image".'
)


class LocalImageClient(LocalClient[ImagePrompt, Image], ImageClient):
    """Paints pictures with the embedded engine, in worker threads.

    Args:
        model: `"painter"`, the only one.
        timeout: One deadline over the whole call.

    The same text, size and seed give the same picture.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo(
            "local/painter",
            Capabilities(
                streams=True,
                size=Size(tuple(_SIDES), smallest=(64, 64), largest=(2048, 2048)),
                aspect=OneOf(COMMON_ASPECTS),
                seed=Taken(),
                advice=dict.fromkeys(("references", "mask", "previous"), _WORDS_ALONE),
            ),
        ),
    )
    default_timeout = Timeout(total=120)
    workers = Workers("painter", os.cpu_count() or 1)

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Paint in a worker thread, with its stages as progress; cancelling stops the brush."""
        seed = secrets.randbelow(1 << 31) if prompt.seed is None else prompt.seed
        data, notes = await self._do(partial(_paint, prompt, seed), context)
        context.report(Decoding())
        provenance = await self.provenance(prompt, seed=seed, notes=notes)
        return await Image.load(data, provenance=provenance)


def _paint(prompt: ImagePrompt, seed: int, tell: Tell) -> tuple[bytes, dict[str, object]]:
    load("mediatoolkit.synthesis.painting.painter", tell)
    from mediatoolkit.synthesis.painting.painter import paint

    width, height = _pixels(prompt)
    painting = paint(
        prompt.text,
        width=width,
        height=height,
        seed=seed,
        progress=drawing(tell),
        preview=lambda jpeg, fraction: tell(Partial(jpeg, "image/jpeg", fraction)),
    )
    return painting.png(), {"not_drawn": list(painting.not_drawn)}


def _pixels(prompt: ImagePrompt) -> tuple[int, int]:
    """Of a tier and a shape, the longer side is the tier's, in whole steps of 8."""
    if prompt.pixels:
        return prompt.pixels
    wide, high = map(int, (prompt.aspect or "1:1").split(":"))
    side = _SIDES[prompt.tier or "1K"] / max(wide, high)
    return round(side * wide / 8) * 8, round(side * high / 8) * 8

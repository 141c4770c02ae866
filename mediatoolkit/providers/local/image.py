"""Pictures by the embedded painter."""

import os
import secrets
from datetime import UTC, datetime
from functools import partial

from mediatoolkit.checks import quoted
from mediatoolkit.errors import ClosedError, PromptError, UnknownModelError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient, ModelInfo
from mediatoolkit.providers.local.workers import Tell, Workers, drawing
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.runtime.events import Decoding, Partial

MODEL = "painter"
SMALLEST, LARGEST = 64, 1536
_SIDES = {"512": 512, "1K": 1024}

# The shapes that picture models have in common, so that a prompt can move between vendors.
_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


class LocalImageClient(ImageClient):
    """Paints pictures with the embedded engine, in worker threads.

    Args:
        model: `"painter"`, the only one.
        timeout: One deadline over the whole call.

    The same text, size and seed give the same picture.
    """

    provider = "local"

    def __init__(self, *, model: str = MODEL, timeout: float | Timeout | None = None) -> None:
        """Check the model; threads start when first needed."""
        if not isinstance(model, str) or model != MODEL:
            raise UnknownModelError(
                f'The local engine has no model {quoted(model)}; use "local/{MODEL}".'
            )
        self.model = model
        self.timeout = timeout_of(timeout, Timeout(total=60))
        self._closed = False
        self._workers = Workers("painter", os.cpu_count() or 1)

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The painter, which needs nothing."""
        choices = {"size": tuple(_SIDES), "aspect": _ASPECTS}
        return [ModelInfo(f"{cls.provider}/{MODEL}", choices=choices, takes=frozenset({"seed"}))]

    def check(self, prompt: ImagePrompt) -> None:
        """Refuse what the painter cannot do.

        Raises:
            PromptError: Names what it can.
        """
        self.check_options(prompt)
        if prompt.references or prompt.mask or prompt.previous:
            raise PromptError(
                "The local painter starts from words alone; give pictures to a model that edits, "
                'such as model="gemini/gemini-3.1-flash-image".'
            )
        _pixels(prompt)

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Paint in a worker thread, with its stages as progress; cancelling stops the brush."""
        if self._closed:
            raise ClosedError("This client is closed; make a new one.", provider=self.provider)
        context.provider = self.provider
        seed = secrets.randbelow(1 << 31) if prompt.seed is None else prompt.seed
        data, notes = await self._workers.do(partial(_paint, prompt, seed), context)
        context.report(Decoding())
        return await Image.load(data, provenance=_provenance(prompt, seed, notes))

    async def close(self) -> None:
        """Refuse later use; paintings under way end as their callers do."""
        self._closed = True
        self._workers.close()


def _paint(prompt: ImagePrompt, seed: int, tell: Tell) -> tuple[bytes, dict[str, object]]:
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
    return painting.png(), {"not_understood": list(painting.unknown)} if painting.unknown else {}


def _pixels(prompt: ImagePrompt) -> tuple[int, int]:
    width, height = prompt.pixels or _shaped(prompt)
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise PromptError(
            f"The local painter draws from {SMALLEST}×{SMALLEST} to {LARGEST}×{LARGEST} pixels, "
            f'not {width}×{height}; size="1K" is its usual.'
        )
    return width, height


def _shaped(prompt: ImagePrompt) -> tuple[int, int]:
    """Pixels of a tier and a shape: the longer side is the tier's, in whole steps of 8."""
    tier, aspect = prompt.tier or "1K", prompt.aspect or "1:1"
    if tier not in _SIDES:
        raise PromptError(
            f'The local painter does not draw size={tier!r}; use "512", "1K", or pixels up to '
            f"{LARGEST}×{LARGEST}."
        )
    if aspect not in _ASPECTS:
        raise PromptError(
            f"The local painter does not draw aspect={aspect!r}; use {', '.join(_ASPECTS)}, or "
            'pixels such as size="1400x1000".'
        )
    wide, high = map(int, aspect.split(":"))
    side = _SIDES[tier] / max(wide, high)
    return round(side * wide / 8) * 8, round(side * high / 8) * 8


def _provenance(prompt: ImagePrompt, seed: int, notes: dict[str, object]) -> Provenance:
    shape = {"size": prompt.size, "aspect": prompt.aspect}
    return Provenance(
        model=f"local/{MODEL}",
        prompt=prompt.text,
        engine="local",
        seed=seed,
        options={name: value for name, value in shape.items() if value},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=notes,
    )

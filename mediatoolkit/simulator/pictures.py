"""Where the pictures of answers come from: the embedded painter, scaled, mixed and encoded."""

import asyncio
import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from PIL import Image

_CACHED = 64 << 20  # bytes of encoded pictures
_PIXEL_CAP = 50_000_000
_REFERENCE_SHARE = 0.5
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_SAVE = {"PNG": {"compress_level": 3}, "JPEG": {"quality": 90}, "WEBP": {"quality": 85}}


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to make; equal orders give equal bytes.

    Attributes:
        text: What to paint.
        width: Pixels.
        height: Pixels.
        seed: The painter's.
        references: Encoded pictures that shine through the painting.
        format: `"PNG"`, `"JPEG"` or `"WEBP"`.
    """

    text: str
    width: int
    height: int
    seed: int
    references: tuple[bytes, ...] = ()
    format: str = "PNG"


@dataclass(frozen=True, slots=True)
class Made:
    """A picture.

    Attributes:
        data: Encoded.
        mime_type: By its bytes.
        width: Pixels.
        height: Pixels.
        digest: Of the pixels, whatever metadata lies around them.
    """

    data: bytes
    mime_type: str
    width: int
    height: int
    digest: bytes


class NotAPictureError(Exception):
    """Bytes that are no PNG, JPEG or WebP, or not a whole one."""


class Studio:
    """Makes pictures in a worker thread, one at a time, and remembers the last few.

    Args:
        picture: Handed out for every order instead of painting.
        detail: Longest side in pixels of what is really painted; 64 to 1536.
    """

    def __init__(self, picture: bytes | None, detail: int) -> None:
        """Start with nothing remembered."""
        self._picture = picture
        self._detail = detail
        self._made: _Recent[Order] = _Recent()
        self._seen: _Recent[bytes] = _Recent()
        self._easel = asyncio.Lock()

    async def make(self, order: Order) -> Made:
        """Fill *order*."""
        if self._picture is not None:
            return await self._ready(self._picture, order.format)
        async with self._easel:
            if order not in self._made:
                self._made.put(order, await _stoppable(order, self._detail))
            return self._made[order]

    async def look(self, data: bytes) -> Made:
        """Decode *data* completely.

        Raises:
            NotAPictureError: It is no whole PNG, JPEG or WebP of at most 50 million pixels.
        """
        name = hashlib.sha256(data).digest()
        made = self._seen.get(name)
        if made is None:
            made = await asyncio.to_thread(_look, data)
            self._seen.put(name, made)
        return made

    async def _ready(self, picture: bytes, wanted: str) -> Made:
        made = await self.look(picture)
        if wanted == "PNG" or made.mime_type == _MIME[wanted]:
            return made
        return await self.look(await asyncio.to_thread(_encoded, _open(picture), wanted))


K = TypeVar("K")


class _Recent(OrderedDict[K, Made], Generic[K]):
    """Forgets the oldest pictures when it holds too many bytes; the newest always stays."""

    def put(self, key: K, made: Made) -> None:
        self[key] = made
        held = sum(len(each.data) for each in self.values())
        while held > _CACHED and len(self) > 1:
            held -= len(self.popitem(last=False)[1].data)


class _StoppedError(Exception):
    """Nobody waits for the painting any more."""


async def _stoppable(order: Order, detail: int) -> Made:
    """Paint in a thread that ends soon after this coroutine was cancelled."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_make, order, detail, stop)
    finally:
        stop.set()


def _make(order: Order, detail: int, stop: threading.Event) -> Made:
    picture = _paint(order, detail, stop)
    if order.references:
        picture = _mixed(picture, order.references)
    return _look(_encoded(picture, order.format))


def _paint(order: Order, detail: int, stop: threading.Event) -> "Image.Image":
    """Paint at most *detail* pixels on the longest side, then scale to the ordered size."""
    from PIL import Image

    from mediatoolkit.synthesis.painting.painter import paint

    def check(*_progress: object) -> None:
        if stop.is_set():
            raise _StoppedError

    shrink = min(1.0, detail / max(order.width, order.height))
    width, height = (max(64, round(side * shrink)) for side in (order.width, order.height))
    painting = paint(order.text, width=width, height=height, seed=order.seed, progress=check)
    return Image.fromarray(painting.pixels).resize((order.width, order.height))


def _mixed(picture: "Image.Image", references: tuple[bytes, ...]) -> "Image.Image":
    """Let the references, side by side as upright strips, shine through *picture*."""
    from PIL import Image, ImageOps

    backdrop = picture.copy()
    edges = [index * picture.width // len(references) for index in range(len(references) + 1)]
    for data, (left, right) in zip(references, pairwise(edges), strict=True):
        backdrop.paste(ImageOps.fit(_open(data), (right - left, picture.height)), (left, 0))
    return Image.blend(picture, backdrop, _REFERENCE_SHARE)


def _open(data: bytes) -> "Image.Image":
    from PIL import Image

    return Image.open(io.BytesIO(data), formats=tuple(_MIME)).convert("RGB")


def _encoded(picture: "Image.Image", wanted: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, wanted, **_SAVE[wanted])
    return file.getvalue()


def _look(data: bytes) -> Made:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(data), formats=tuple(_MIME))
        if picture.width * picture.height > _PIXEL_CAP:
            raise NotAPictureError
        pixels = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAPictureError from error
    digest = hashlib.sha256(repr(pixels.size).encode() + pixels.tobytes()).digest()
    return Made(data, _MIME[str(picture.format)], pixels.width, pixels.height, digest)

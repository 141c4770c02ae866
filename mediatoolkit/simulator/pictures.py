"""Where the pictures of responses come from: a plain scene of the right size and weight.

What is drawn depends on the words and the seed alone; without a seed, the same words bring eight
pictures in turn, since no vendor draws the same one twice. Film grain gives a picture the bytes
that a photograph of its size would have.
"""

import asyncio
import base64
import hashlib
import io
import struct
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from mediatoolkit.simulator.api_faults import ApiFault, BadPicture
from mediatoolkit.simulator.broken_media import broken_base64

if TYPE_CHECKING:
    from PIL import Image

_RECENT = 16  # pictures that are remembered
_UNSEEDED = 8  # pictures of the same words; each one that is drawn anew takes 60 ms and more
_PIXEL_CAP = 50_000_000
_REFERENCE_SHARE = 0.5
_GRAIN = 68  # levels of 256
_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_SAVE = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 95}, "WEBP": {"quality": 85}}
_C2PA = bytes.fromhex("6332706100110010800000AA00389B71")  # the UUID of a manifest store


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """One picture to make; equal orders give equal bytes.

    Attributes:
        text: What it shows.
        width: Pixels.
        height: Pixels.
        seed: Another one gives another picture; None takes the next one.
        references: Encoded pictures that shine through.
        format: `"PNG"`, `"JPEG"` or `"WEBP"`.
        exact: Whether a prepared picture is brought into that format, too.
        cut_out: Whether its left half is see-through; PNG and WebP.
    """

    text: str
    width: int
    height: int
    seed: int | None
    references: tuple[bytes, ...] = ()
    format: str = "JPEG"
    exact: bool = False
    cut_out: bool = False


@dataclass(frozen=True, slots=True)
class MadePicture:
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


class PictureMaker:
    """Makes pictures in a worker thread, one at a time, and remembers the last few.

    Args:
        prepared: Handed out for every order; nothing is drawn then.
        detail: Longest side in pixels of what is really drawn; 64 to 1536.
    """

    def __init__(self, prepared: bytes | None, detail: int) -> None:
        """Start with nothing remembered."""
        self._prepared = prepared
        self._detail = detail
        self._recent: dict[PictureOrder, MadePicture] = {}
        self._unseeded: Counter[PictureOrder] = Counter()
        self._lock = asyncio.Lock()

    async def make(self, order: PictureOrder) -> MadePicture:
        """Fill *order*."""
        if self._prepared is not None:
            return await self._convert(self._prepared, order)
        if order.seed is None:
            number = self._unseeded[order] % _UNSEEDED
            self._unseeded[order] += 1
            order = replace(order, seed=number)
        async with self._lock:
            if order not in self._recent:
                self._recent[order] = await asyncio.to_thread(_make, order, self._detail)
                for oldest in list(self._recent)[:-_RECENT]:
                    del self._recent[oldest]
            return self._recent[order]

    async def base64(self, order: PictureOrder, fault: ApiFault | None) -> str:
        """Fill *order* as base64; a `BadPicture` spoils it."""
        text = base64.b64encode((await self.make(order)).data).decode()
        return broken_base64(text, fault.kind) if isinstance(fault, BadPicture) else text

    async def look(self, data: bytes) -> MadePicture:
        """Decode *data* completely.

        Raises:
            NotAPictureError: It is no whole PNG, JPEG or WebP of at most 50 million pixels.
        """
        return await asyncio.to_thread(_look, data)

    async def _convert(self, picture: bytes, order: PictureOrder) -> MadePicture:
        decoded = await self.look(picture)
        if not order.exact or decoded.mime_type == _MIME[order.format]:
            return decoded
        return await self.look(await asyncio.to_thread(_encoded, _open(picture), order.format))


def _make(order: PictureOrder, detail: int) -> MadePicture:
    picture = _draw(order, detail)
    if order.references:
        picture = _mixed(picture, order.references)
    if order.cut_out:
        picture = picture.convert("RGBA")
        picture.paste((0, 0, 0, 0), (0, 0, picture.width // 2, picture.height))
    return _look(_encoded(picture, order.format))


def _draw(order: PictureOrder, detail: int) -> "Image.Image":
    """Draw at most *detail* pixels on the longest side, then scale to the ordered size."""
    import numpy as np
    from PIL import Image, ImageDraw

    shrink = min(1.0, detail / max(order.width, order.height))
    width, height = (max(16, round(side * shrink)) for side in (order.width, order.height))
    name = f"{order.text} {order.seed} {order.width} {order.height}"
    random = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
    top, bottom = random.integers(40, 180, (2, 3))
    share = np.linspace(0, 1, height)[:, None, None]
    sky = np.broadcast_to(top * (1 - share) + bottom * share, (height, width, 3))
    scene = Image.fromarray(sky.astype(np.uint8))
    brush = ImageDraw.Draw(scene)
    for _ in range(5):
        x, y, radius = (int(value * height) for value in random.random(3))
        color = tuple(map(int, random.integers(40, 180, 3)))
        brush.ellipse((x - radius // 3, y - radius // 3, x + radius // 3, y + radius // 3), color)
    grain = random.integers(0, _GRAIN, (height, width, 3), np.uint8)
    grained = Image.fromarray(np.asarray(scene) + grain)
    return grained.resize((order.width, order.height))


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


def _encoded(picture: "Image.Image", form: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **_SAVE[form])
    return _with_manifest(file.getvalue()) if form == "JPEG" else file.getvalue()


def _with_manifest(jpeg: bytes) -> bytes:
    """*jpeg* with an APP11 segment before its APP0, as C2PA 2.1 (11.3.1) puts a manifest store."""
    label = _box(b"jumd", _C2PA + b"\x03c2pa\0")
    store = _box(b"jumb", label + _box(b"free", hashlib.shake_256(jpeg).digest(4096)))
    body = b"JP" + struct.pack(">HI", 1, 1) + store
    return jpeg[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def _look(data: bytes) -> MadePicture:
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(data), formats=tuple(_MIME))
        if picture.width * picture.height > _PIXEL_CAP:
            raise NotAPictureError
        pixels = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAPictureError from error
    digest = hashlib.sha256(repr(pixels.size).encode() + pixels.tobytes()).digest()
    return MadePicture(data, _MIME[str(picture.format)], pixels.width, pixels.height, digest)

"""What a page shows: small copies of pictures and sound, which may stay in a saved notebook."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MissingExtraError
from mediatoolkit.media import codec, pixels
from mediatoolkit.media.colours import is_opaque
from mediatoolkit.media.containers import read_metadata, wav
from mediatoolkit.media.containers.base import PictureFacts
from mediatoolkit.media.containers.metadata import Metadata
from mediatoolkit.media.samples import mixed, resampled

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage

# A bundle holds the preview twice, in base64: eight pictures then keep a notebook under 1 MB.
LARGEST = 44_000
_SIDES = (768, 640, 512, 384, 256, 128)
_QUALITIES = ((85, 0), (85, 2), (75, 2), (62, 2))
"""Quality of JPEG, and how Pillow counts the detail of colours: 0 is all, 2 a quarter."""

_ICON = 128
"""Pixels of the longer side up to which a picture is shown as exactly as it can be."""

_INK = (84, 132, 204)  # seen on a white page and on a black one
_PEAK, _BODY = 0.5, 1.0
_BEST, _WORST = 64_000, 8_000  # bits a second
_SECONDS = 30.0  # what still sounds like itself within the limit
_FADE = 0.3
_PLAIN_RATE = 8_000
_FINE = 48_000  # Hertz; a preview has a half of that at most


@dataclass(frozen=True, slots=True)
class Preview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: `image/jpeg`, or of a small picture what shows it exactly.
        width: Pixels.
        height: Pixels.
    """

    data: bytes = field(repr=False)
    mime_type: str
    width: int
    height: int


def preview_of_picture(data: bytes, facts: PictureFacts) -> Preview:
    """The largest copy of a picture, no larger than itself, that fits.

    Its colours are sRGB, and nothing but pixels is in it.

    Raises:
        MediaError: The pixels cannot be decoded, or are too many to be made small.
    """
    picture = pixels.decode(data, within=_SIDES[0])
    flat = pixels.shown(picture)
    if max(facts.width, facts.height) <= _ICON:
        kind, exact = _exact(data, facts, picture, flat)
        if len(exact) <= LARGEST:
            return Preview(exact, kind, *flat.size)
    longest = max(flat.size)
    small, jpeg = flat, b""
    for side in (longest, *(side for side in _SIDES if side < longest)):
        if side < longest:
            small = flat.copy()
            small.thumbnail((side, side))
        for quality, subsampling in _QUALITIES:
            jpeg = pixels.encode(small, "image/jpeg", quality=quality, subsampling=subsampling)
            if len(jpeg) <= LARGEST:
                return Preview(jpeg, "image/jpeg", *small.size)
    return Preview(jpeg, "image/jpeg", *small.size)


def _exact(
    data: bytes, facts: PictureFacts, picture: "PillowImage.Image", flat: "PillowImage.Image"
) -> tuple[str, bytes]:
    """Type and bytes of what shows a small picture best, and takes no more than a fine JPEG.

    That is the file itself where it holds nothing but opaque pixels.
    """
    jpeg = pixels.encode(flat, "image/jpeg", quality=95, subsampling=0)
    is_short = is_opaque(picture) and len(data) <= len(jpeg)
    if is_short and read_metadata(data, facts.mime_type) == Metadata():
        return facts.mime_type, data
    png = pixels.encode(flat, "image/png", compress_level=9)
    return ("image/png", png) if len(png) <= len(jpeg) else ("image/jpeg", jpeg)


@dataclass(frozen=True, slots=True)
class SoundPreview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: What a browser is told.
        seconds: How much of the sound it holds, from the beginning.
        note: What is less than in the original, in a few words; empty when nothing is.
    """

    data: bytes = field(repr=False)
    mime_type: str
    seconds: float
    note: str


def preview_of_sound(
    blocks: "Iterable[npt.NDArray[np.float32]]", sample_rate: int, seconds: float
) -> SoundPreview:
    """A copy in one channel: the whole at a low rate, or the beginning of what is long.

    Args:
        blocks: The sound, `(frames, channels)` each; only as many are taken as are needed.
        sample_rate: Hertz.
        seconds: How long all of it is.
    """
    mono, rate = _mono(blocks, sample_rate)
    try:
        return _compressed(mono, rate, seconds)
    except MissingExtraError:
        return _plain(mono, rate, seconds)


def _compressed(mono: "npt.NDArray[np.float32]", old_rate: float, whole: float) -> SoundPreview:
    part, seconds, note = _beginning(mono, old_rate, whole, _SECONDS)
    bit_rate = min(_BEST, int(LARGEST * 8 / max(seconds, 1)))
    # The encoder keeps a bit rate only on average, so the length is known when it has encoded.
    data = b""
    while not data or (len(data) > LARGEST and bit_rate > _WORST):
        bit_rate = max(_WORST, int(bit_rate * 0.94))
        rate = int(min(old_rate, _rate_for(bit_rate)))
        small = resampled(part, old_rate, rate)
        data = codec.encode(small, rate, "audio/mpeg", bit_rate=bit_rate)
    words = f"preview{note} at {bit_rate / 1000:.0f} kbit/s"
    return SoundPreview(data, "audio/mpeg", seconds, words)


def _plain(mono: "npt.NDArray[np.float32]", old_rate: float, whole: float) -> SoundPreview:
    rate = int(min(old_rate, _PLAIN_RATE))
    part, seconds, note = _beginning(mono, old_rate, whole, min(_SECONDS, (LARGEST - 100) / rate))
    data = wav.encode(resampled(part, old_rate, rate), rate, bits=8)
    return SoundPreview(data, "audio/wav", seconds, f"preview{note} at {rate / 1000:g} kHz")


def _mono(
    blocks: "Iterable[npt.NDArray[np.float32]]", sample_rate: int
) -> tuple["npt.NDArray[np.float32]", float]:
    """The first seconds in one channel, and their rate; one higher than needed is averaged down."""
    import numpy as np

    joined = max(1, sample_rate // _FINE)
    left = int(_SECONDS * sample_rate)
    rest = np.zeros(0, np.float32)
    parts = [rest]
    for block in blocks:
        mono = np.concatenate([rest, mixed(block[:left])])
        whole = len(mono) // joined * joined
        parts.append(mixed(mono[:whole].reshape(-1, joined)))
        rest = mono[whole:]
        left -= len(block)
        if left <= 0:
            break
    return np.concatenate(parts)[:, None], sample_rate / joined


def _beginning(
    mono: "npt.NDArray[np.float32]", rate: float, whole: float, most: float
) -> tuple["npt.NDArray[np.float32]", float, str]:
    """Return as much as fits, faded out where it is cut; its seconds; and words for it."""
    import numpy as np

    if whole <= most:
        return mono, len(mono) / rate, ""
    part = mono[: int(most * rate)].copy()
    fade = min(len(part), int(_FADE * rate))
    part[len(part) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return part, most, f" of the first {most:.0f} s"


def _rate_for(bit_rate: int) -> int:
    return 24_000 if bit_rate >= 40_000 else 16_000 if bit_rate >= 20_000 else 12_000


def draw_wave(
    parts: "Iterable[tuple[int, npt.NDArray[np.float32]]]", frames: int, width: int, height: int
) -> "npt.NDArray[np.uint8]":
    """RGBA pixels, transparent around the wave; its largest peak touches the edge.

    Args:
        parts: Of the sound, at least one: each the frame at which it begins, and its samples
            `(frames, channels)`. Columns without any are drawn like the next one.
        frames: How many there are in all.
        width: Pixels.
        height: Pixels.
    """
    import numpy as np

    high, low, body = _columns(parts, frames, width)
    largest = max(high.max(), -low.min(), 1e-4)
    cover = np.maximum(
        _PEAK * _covered(high / largest, low / largest, height),
        _BODY * _covered(body / largest, -body / largest, height),
    )
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = _INK
    pixels[..., 3] = np.rint(cover * 255)
    return pixels


def _columns(parts: Any, frames: int, width: int) -> tuple[Any, Any, Any]:
    """The highest, the lowest and the usual sample in each column of the picture."""
    import numpy as np

    edges = np.linspace(0, frames, width + 1).astype(int)
    high, low = np.full(width, -np.inf), np.full(width, np.inf)
    energy, counts = np.zeros(width), np.zeros(width)
    for at, block in parts:
        mono, end = mixed(block), at + len(block)
        # A block may begin within a column, which it then shares with the block before.
        first = np.searchsorted(edges, at)
        first -= edges[first] > at
        touched = slice(first, np.searchsorted(edges[:-1], end))
        starts = np.maximum(edges[:-1][touched] - at, 0)
        high[touched] = np.maximum(high[touched], np.maximum.reduceat(mono, starts))
        low[touched] = np.minimum(low[touched], np.minimum.reduceat(mono, starts))
        energy[touched] += np.add.reduceat(mono.astype(np.float64) ** 2, starts)
        counts[touched] += np.diff(starts, append=len(mono))
    filled = np.flatnonzero(high >= low)
    drawn = filled[np.searchsorted(filled[:-1], np.arange(width))]
    body = np.sqrt(energy / np.maximum(counts, 1))
    return high[drawn], low[drawn], body[drawn]


def _covered(high: Any, low: Any, height: int) -> Any:
    """Return how much of each pixel lies between two curves at least a thin line apart."""
    import numpy as np

    half = height / 2
    top = np.minimum(half - high * half, half - 0.5)
    bottom = np.maximum(half - low * half, half + 0.5)
    rows = np.arange(height)[:, None]
    return np.clip(np.minimum(bottom, rows + 1) - np.maximum(top, rows), 0, 1)

"""Pictures decoded: whole and upright, or small and in little memory.

Pillow decodes a whole PNG or WebP before it makes it small, 4 bytes a pixel and more. A large PNG
is therefore given to it in bands, each a small PNG of its own, and a large WebP to FFmpeg. A
picture that would still take too much memory gets no small copy.
"""

import bisect
import contextlib
import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from mediatoolkit.errors import MediaError
from mediatoolkit.media.colours import plain
from mediatoolkit.media.containers import jpeg, png, webp
from mediatoolkit.media.containers.metadata import orientation, without_orientation

if TYPE_CHECKING:
    from PIL import Image as PillowImage

_MEMORY = 125_000_000
"""Bytes that Pillow may take for a picture which is made small."""

_BAND = 4_000_000  # bytes of a PNG that are decoded at once
_COPIES = 8  # of a band in memory at once, measured
_SMALL = 4_000_000  # pixels of a PNG that is decoded whole
_WEBP = 17  # bytes a pixel, measured: two canvases of the decoder, its answer, the picture
_LOSSY_WEBP, _LOSSLESS_WEBP = 2, 5  # by FFmpeg, measured
_READ_BY_PILLOW = 1 << 20  # bytes that Pillow unpacks of one text or profile
_ALL_TEXTS = 32 << 20  # bytes
_FEED = 1 << 16

_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What makes a picture upright, by the orientation in its Exif."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a PNG, by its colour type."""

_BROKEN = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)
"""What Pillow raises over pixels that are not what the structure says."""


def decode(data: bytes, *, within: int | None = None) -> "PillowImage.Image":
    """Decode a PNG, JPEG or WebP whose structure is checked, and turn it the right way up.

    Args:
        data: The file.
        within: Pixels that no side is longer than; then it takes little memory, and texts are left
            out.

    Raises:
        MediaError: The pixels are not what the structure says, or too many to be made small.
    """
    with decoding():
        return upright(_small(data, within) if within else _whole(data))


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Turn what Pillow raises over broken pixels into one error of ours.

    Raises:
        MediaError: The pixels are not what the structure says.
    """
    from PIL import Image as PillowImage

    try:
        yield
    except MediaError:
        raise
    except (*_BROKEN, PillowImage.DecompressionBombError) as error:
        reason = str(error).partition(" <_io.")[0] or type(error).__name__
        raise MediaError(f"The picture cannot be decoded: {reason}") from error


def opened(data: bytes, *, texts: bool = True) -> "PillowImage.Image":
    """A PNG, JPEG or WebP as Pillow opens it; texts and profiles too long for it are left out."""
    from PIL import Image as PillowImage

    file: BinaryIO = io.BytesIO(data)
    if png.sniff(data):
        file = _readable(data, texts=texts)
    return PillowImage.open(file, formats=("PNG", "JPEG", "WEBP"))


def upright(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Turn the picture upright, as its camera was held."""
    from PIL import Image as PillowImage

    exif = picture.info.get("exif")
    turn = orientation(exif) if isinstance(exif, bytes) else 1
    if not isinstance(exif, bytes) or turn == 1:
        return picture
    turned = picture.transpose(PillowImage.Transpose[_TURNS[turn]])
    # A reader that found the orientation in the Exif would turn the picture once more.
    turned.info["exif"] = without_orientation(exif)
    return turned


def _whole(data: bytes) -> "PillowImage.Image":
    picture = opened(data)
    picture.load()
    return picture


def _small(data: bytes, within: int) -> "PillowImage.Image":
    if png.sniff(data):
        return _small_png(data, within)
    width, height = webp.canvas(data) if webp.sniff(data) else (0, 0)
    if _WEBP * width * height > _MEMORY and (picture := _large_webp(data, within)):
        return picture
    _check_memory(_WEBP * width * height if width else jpeg.coefficients(data))
    picture = opened(data)
    picture.thumbnail((within, within), reducing_gap=2.0)
    # `thumbnail` does nothing to a picture that is small already, so that it is not loaded yet.
    picture.load()
    return picture


def _large_webp(data: bytes, within: int) -> "PillowImage.Image | None":
    """A still WebP without alpha, decoded by FFmpeg, which keeps less of it in memory at once.

    None for any other WebP, without PyAV, and where FFmpeg would take too much memory as well.
    """
    try:
        import av
    except ImportError:
        return None
    chunks = {kind: (start, end) for kind, start, end in webp.chunks(data)}
    is_lossy, width, height = b"VP8 " in chunks, *webp.canvas(data)
    has_alpha = not is_lossy and data[chunks.get(b"VP8L", (0, 0))[0] + 4] & 0x10
    if {b"ANIM", b"ANMF", b"ALPH"} & chunks.keys() or has_alpha:
        return None
    if (_LOSSY_WEBP if is_lossy else _LOSSLESS_WEBP) * width * height > _MEMORY:
        return None
    scale = min(1, within / max(width, height))
    across, down = (max(1, round(side * scale)) for side in (width, height))
    file: Any
    try:
        with av.open(io.BytesIO(data), format="webp_pipe") as file:
            frame = next(file.decode(video=0))
            # straight to rgb24, it would be darker by two steps
            picture = frame.reformat(across, down, "gbrp", interpolation="AREA").to_image()
    except (av.FFmpegError, StopIteration) as error:
        raise ValueError(str(error)) from error
    names = {b"EXIF": "exif", b"ICCP": "icc_profile"}
    picture.info |= {names[kind]: data[slice(*chunks[kind])] for kind in names.keys() & chunks}
    return cast("PillowImage.Image", picture)


def _check_memory(size: int) -> None:
    if size > _MEMORY:
        raise MediaError(
            "The picture is too large to be made small in little memory; save it as a JPEG that "
            "is not progressive."
        )


def _small_png(data: bytes, within: int) -> "PillowImage.Image":
    head = next(png.chunks(data))[1]
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, head)
    if width * height <= _SMALL:
        picture = opened(data, texts=False)
        picture.load()
        picture = _flat(picture)
        picture.thumbnail((within, within), reducing_gap=2.0)
        return picture
    channels = _CHANNELS.get(colour, 4)
    whole = interlaced or depth < 8
    stored = 4 if channels > 1 else max(1, depth // 8)  # bytes a pixel, by Pillow
    _check_memory(width * height * stored if whole else _COPIES * width * channels * depth // 8)
    bands = _crops(data) if whole else _bands(data, width, height, depth, colour)
    picture = _joined(bands, (width, height), within)
    picture.info.update(_notes(data))
    return picture


def _notes(data: bytes) -> dict[str, bytes]:
    """Exif and profile of a PNG, as Pillow reads them before the pixels."""
    info = opened(data, texts=False).info
    exif = next((data[at:end] for kind, at, end in png.chunks(data) if kind == b"eXIf"), None)
    known = {"icc_profile": info.get("icc_profile"), "exif": exif}
    return {name: value for name, value in known.items() if value}


_Bands = Callable[[int], Iterator["PillowImage.Image"]]
"""Gives the bands of a picture from top to bottom, each of so many rows."""


def _joined(bands: _Bands, size: tuple[int, int], within: int) -> "PillowImage.Image":
    """The small picture, of bands that are reduced each."""
    from PIL import Image as PillowImage

    across, down = (max(1, side // (2 * within)) for side in size)
    # A whole number of reduced rows in each band, so that no row is averaged across two bands.
    rows = max(1, _BAND // (4 * size[0] * down)) * down
    canvas: PillowImage.Image | None = None
    for number, band in enumerate(bands(rows)):
        part = band.reduce((across, down))
        if canvas is None:
            canvas = PillowImage.new(part.mode, (-(-size[0] // across), -(-size[1] // down)))
        canvas.paste(part, (0, number * rows // down))
    shrunk = min(1, within / max(size))
    fitted = (max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk)))
    return cast("PillowImage.Image", canvas).resize(
        fitted, box=(0, 0, size[0] / across, size[1] / down)
    )


def _crops(data: bytes) -> _Bands:
    """Bands of a picture that has to be decoded whole, in its own mode."""
    picture = opened(data, texts=False)
    picture.load()

    def bands(rows: int) -> Iterator["PillowImage.Image"]:
        for top in range(0, picture.height, rows):
            band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
            yield _flat(band)

    return bands


def _bands(data: bytes, width: int, height: int, depth: int, colour: int) -> _Bands:
    """Bands of a PNG as it is unpacked.

    A row is filtered by the row above. So each band is a PNG whose first row is the last of the
    band before. Of 16 bits the upper 8 are kept: a filter predicts them by other upper bytes only.
    """
    from PIL import Image as PillowImage

    channels = _CHANNELS[colour]
    kinds = {b"PLTE"} if depth == 16 else {b"PLTE", b"tRNS"}
    notes = b"".join(
        data[start - 8 : end + 4] for kind, start, end in png.chunks(data) if kind in kinds
    )

    def bands(rows: int) -> Iterator["PillowImage.Image"]:
        counts = [min(rows, height - top) for top in range(0, height, rows)]
        length = 1 + width * channels * depth // 8
        above = b""
        for count, block in zip(counts, _unpacked(data, (n * length for n in counts)), strict=True):
            packed = (b"\0" + above if above else b"") + _upper(block, count, depth)
            lead = 1 if above else 0
            file = _png(width, count + lead, colour, notes, packed)
            band = PillowImage.open(io.BytesIO(file), formats=("PNG",))
            band.load()
            above = band.crop((0, band.height - 1, width, band.height)).tobytes()
            yield _flat(band.crop((0, lead, width, band.height)))

    return bands


def _flat(picture: "PillowImage.Image") -> "PillowImage.Image":
    """The same in a mode that can be averaged."""
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in picture.info:
        return picture
    return plain(picture)


def _unpacked(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The rows of a PNG as they are filtered, in blocks of *sizes* bytes."""
    unpack, view, rest = zlib.decompressobj(), memoryview(data), b""
    feeds = (
        view[at : min(at + _FEED, end)]
        for kind, start, end in png.chunks(data)
        if kind == b"IDAT"
        for at in range(start, end, _FEED)
    )
    for size in sizes:
        block = bytearray()
        while len(block) < size:
            feed = rest or next(feeds, b"")
            part = unpack.decompress(feed, size - len(block))
            if not feed and not part:
                raise ValueError("its pixels end early")
            block += part
            rest = unpack.unconsumed_tail
        yield bytes(block)


def _upper(block: bytes, rows: int, depth: int) -> bytes:
    if depth == 8:
        return block
    import numpy as np

    table = np.frombuffer(block, np.uint8).reshape(rows, -1)
    return np.concatenate([table[:, :1], table[:, 1::2]], axis=1).tobytes()


def _png(width: int, height: int, colour: int, notes: bytes, rows: bytes) -> bytes:
    head = png.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    # Stored, not compressed, since Pillow reads it at once and it is then thrown away.
    pixels = png.chunk(b"IDAT", zlib.compress(rows, 0))
    return b"".join((png.START, head, notes, pixels, png.chunk(b"IEND", b"")))


def _readable(data: bytes, *, texts: bool) -> BinaryIO:
    """A PNG without what Pillow would refuse it for: a text or profile of more than a megabyte."""
    view, pieces, rest, total = memoryview(data), [], 0, 0
    for kind, start, end in png.chunks(data):
        if kind not in (*png.TEXTS, b"iCCP"):
            continue
        size = _size_unpacked(data, kind, start, end)
        is_text = kind != b"iCCP"
        total += size if is_text else 0
        if (is_text and not texts) or size > _READ_BY_PILLOW or total > _ALL_TEXTS:
            pieces.append(view[rest : start - 8])
            rest = end + 4
    if not pieces:
        return io.BytesIO(data)
    return io.BufferedReader(_Pieces([*pieces, view[rest:]]))


def _size_unpacked(data: bytes, kind: bytes, start: int, end: int) -> int:
    """Bytes of a text or profile, counted up to what Pillow would refuse."""
    at, is_packed = png.content_of(data, kind, start, end)
    if not is_packed:
        return end - start
    try:
        content = zlib.decompressobj().decompress(memoryview(data)[at:end], _READ_BY_PILLOW + 1)
    except zlib.error:
        return _READ_BY_PILLOW + 1
    return len(content)


class _Pieces(io.RawIOBase):
    """Pieces of a file, read as one without joining them."""

    def __init__(self, pieces: list[memoryview]) -> None:
        super().__init__()
        self._pieces = pieces
        self._ends = list(itertools.accumulate(map(len, pieces)))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        number = bisect.bisect_right(self._ends, self._at)
        if number == len(self._pieces):
            return 0
        part = self._pieces[number][self._at - self._ends[number] :][: len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

"""Pictures made small: in little memory, and all the same as if decoded whole."""

import contextlib
import io
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Image, Provenance, decoding
from tests.media.bounded import Looker

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc(kind, content))


def crc(kind: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(kind))


def flat_png(
    size: tuple[int, int], *, depth: int, colour: int, channels: int, notes: bytes = b""
) -> bytes:
    """A large PNG in a small file."""
    row = b"\0" + bytes(-(-size[0] * channels * depth // 8))
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(size[1])) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    return SIGNATURE + head + notes + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def file_of(picture: PillowImage.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


SHOWN = """
shown, _ = Image(data)._repr_mimebundle_()
assert "text/html" in shown
assert ("image/jpeg" in shown) == {has_picture}, list(shown)
try:
    reduced(data, 256)
except ValueError:
    pass
"""

LARGE: dict[str, dict[str, Any]] = {
    "colours": {"size": (7070, 7070), "depth": 8, "colour": 2, "channels": 3},
    "colours of 16 bits": {"size": (5000, 7000), "depth": 16, "colour": 2, "channels": 3},
    "grey": {"size": (7070, 7070), "depth": 8, "colour": 0, "channels": 1},
    "bits": {"size": (7070, 7070), "depth": 1, "colour": 0, "channels": 1},
    "palette": {
        "size": (7070, 7070),
        "depth": 8,
        "colour": 3,
        "channels": 1,
        "notes": chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(9)),
    },
    "one row": {"size": (50_000_000, 1), "depth": 8, "colour": 2, "channels": 3},
    "wide": {"size": (100_000, 500), "depth": 8, "colour": 6, "channels": 4},
}


@pytest.fixture(scope="module")
def looker() -> Iterator[Looker]:
    """Looks at pictures in 150 MB; started once, as what it loads takes a while."""
    with Looker() as process:
        yield process


@pytest.fixture(scope="module")
def largest() -> PillowImage.Image:
    """As many pixels as are taken, about."""
    return PillowImage.new("RGB", (7070, 7070), "orange")


@pytest.mark.parametrize("form", LARGE.values(), ids=LARGE)
def test_the_largest_png_is_shown_in_little_memory(form: dict[str, Any], looker: Looker) -> None:
    has_picture = form["size"][1] > 1
    assert looker.faults("a", flat_png(**form), look=SHOWN.format(has_picture=has_picture)) == []


@pytest.mark.parametrize(
    ("kind", "options", "has_picture"),
    [
        ("JPEG", {}, True),
        ("JPEG", {"progressive": True}, False),
        ("JPEG", {"progressive": True, "subsampling": 0}, False),
        ("WEBP", {"method": 0, "quality": 1}, True),
    ],
)
def test_the_largest_of_other_types_are_too(
    kind: str,
    options: dict[str, object],
    *,
    has_picture: bool,
    largest: PillowImage.Image,
    looker: Looker,
) -> None:
    data = file_of(largest, kind, **options)
    assert looker.faults("a", data, look=SHOWN.format(has_picture=has_picture)) == []


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("turn", [1, 6])
def test_a_large_webp_is_the_same_as_a_small_one(
    *, lossless: bool, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = PillowImage.Exif()
    exif[0x112] = turn
    notes = {"exif": exif, "icc_profile": b"of its own" * 20}
    data = file_of(noise("RGB"), "WEBP", lossless=lossless, quality=90, **notes)
    expected = decoding.decode(data, within=60)
    monkeypatch.setattr(decoding, "_MEMORY", 301 * 203 * 6)
    small = decoding.decode(data, within=60)
    assert small.size == expected.size
    assert small.info["icc_profile"] == expected.info["icc_profile"]
    difference = np.asarray(small).astype(int) - np.asarray(expected)
    assert abs(difference).mean() < 4
    assert abs(difference.mean()) < 0.5


@pytest.mark.parametrize("kind", ["moving", "transparent", "transparent and lossless"])
def test_other_large_webp_has_a_caption_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"save_all": True, "append_images": [noise("L")]} if kind == "moving" else {}
    mode = "RGB" if kind == "moving" else "RGBA"
    data = file_of(noise(mode), "WEBP", lossless="lossless" in kind, **more)
    monkeypatch.setattr(decoding, "_MEMORY", 301 * 203 * 6)
    assert set(Image(data)._repr_mimebundle_()[0]) == {"text/html", "text/plain"}


def noise(mode: str, size: tuple[int, int] = (301, 203)) -> PillowImage.Image:
    """Smooth, so that Pillow's writer uses all filters, with some grain."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: size[1], : size[0]]
    planes = [(np.sin(x / (9 + n)) + np.cos(y / (7 + n))) * 60 + 128 for n in range(4)]
    grain = np.stack(planes, axis=-1) + rng.normal(0, 4, (*size[::-1], 4))
    picture = PillowImage.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
    if mode == "I;16":
        wide = np.clip(grain[:, :, 0] * 256, 0, 65_535).astype(np.uint16)
        return PillowImage.fromarray(wide)
    if mode in ("P", "1"):
        return picture.convert("RGB").convert(mode)
    return picture.convert(mode)


@pytest.mark.parametrize("size", [(301, 203), (90, 2_000), (2_000, 90), (64, 64)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_bands_join_to_the_same_picture(
    mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = noise(mode, size)
    data = file_of(picture)
    expected = decoding.decode(data, within=64).convert("RGBA")
    assert max(expected.size) == 64
    monkeypatch.setattr(decoding, "_SMALL", 100)
    monkeypatch.setattr(decoding, "_BAND", 5_000)
    small = decoding.decode(data, within=64).convert("RGBA")
    assert small.size == expected.size
    assert abs(np.asarray(small).astype(int) - np.asarray(expected)).mean() < 4


def test_colours_of_sixteen_bits_are_banded_by_their_upper_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pillow reads, but does not write them; every filter is used, as a writer would."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 65_536, (40, 30, 3)).astype(">u2")
    raw = pixels.reshape(40, -1).view(np.uint8).reshape(40, -1).astype(int)
    rows = b""
    for number in range(40):
        left = np.concatenate([np.zeros(6, int), raw[number][:-6]])
        above = raw[number - 1] if number else np.zeros_like(left)
        guess = [0, left, above, (left + above) // 2][number % 4]
        rows += bytes([number % 4]) + ((raw[number] - guess) % 256).astype(np.uint8).tobytes()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30, 40, 16, 2, 0, 0, 0))
    body = zlib.compress(rows)
    parts = b"".join(chunk(b"IDAT", body[at : at + 99]) for at in range(0, len(body), 99))
    data = SIGNATURE + head + parts + chunk(b"IEND", b"")
    monkeypatch.setattr(decoding, "_SMALL", 100)
    monkeypatch.setattr(decoding, "_BAND", 1_000)
    seen = np.asarray(decoding.decode(data, within=40))
    assert (seen == (pixels >> 8)).all()
    assert (np.asarray(Image(data)) == (pixels >> 8)).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_a_large_scan_keeps_its_turn_and_profile(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = PillowImage.Exif()
    exif[0x112] = 6
    data = file_of(noise(mode, (60, 40)), exif=exif, icc_profile=b"of its own" * 20)
    monkeypatch.setattr(decoding, "_SMALL", 100)
    small = decoding.decode(data, within=30)
    assert small.size == (20, 30)
    assert small.info["icc_profile"] == b"of its own" * 20


def test_a_large_png_without_its_last_rows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = flat_png((90, 80), depth=8, colour=2, channels=3)
    longer = data.replace(struct.pack(">II", 90, 80), struct.pack(">II", 90, 99), 1)
    head = longer[12:29]
    longer = longer[:29] + struct.pack(">I", zlib.crc32(head)) + longer[33:]
    monkeypatch.setattr(decoding, "_SMALL", 100)
    with pytest.raises(MediaError, match="cannot be decoded"):
        Image(longer).preview()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("size", [500, 2_000_000])
@pytest.mark.parametrize("late", [True, False])
def test_a_png_with_a_long_text_can_be_used(
    *, size: int, zipped: bool, late: bool, tmp_path: Path
) -> None:
    notes = PngImagePlugin.PngInfo()
    for _ in range(3):
        notes.add_itxt("workflow", "{" + "x" * size + "}", zip=zipped)
        notes.add_text("workflow", "{" + "x" * size + "}", zip=zipped)
    data = file_of(PillowImage.new("RGB", (64, 64), "red"), pnginfo=notes)
    if late:
        start, end = data.index(b"iTXt") - 4, data.index(b"IDAT") - 4
        data = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    image = Image(data)
    assert np.asarray(image).shape == (64, 64, 3)
    assert "image/png" in image._repr_mimebundle_()[0]
    assert Image.open(image.save(tmp_path / "a.jpg")).width == 64
    assert ("workflow" in image.to_pil().info) == (size == 500)
    again = image.save(tmp_path / "a.png").read_bytes()
    assert again == data


def test_a_png_with_a_long_profile_can_be_used() -> None:
    profile = chunk(b"iCCP", b"long\0\0" + zlib.compress(bytes(3_000_000)))
    data = file_of(PillowImage.new("RGB", (64, 64), "red"))
    image = Image(data[:33] + profile + data[33:])
    assert (np.asarray(image)[9, 9] == (255, 0, 0)).all()
    assert image.preview().width == 64


def cpu() -> float:
    return time.process_time()


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
        + chunk(b"teSt", b"") * 1_000_000,
        b"\xff\xd8" + b"\xff" * 20_000_000 + b"\xd9",
        b"\xff\xd8" + b"\xff\xe1\0\2" * 2_000_000,
        b"\xff\xd8\xff\xda\0\2" + b"\xff" * 3_000_000 + b"\0",
        b"\xff\xd8" + b"\xff\xda\0\2" * 2_000_000,
        b"RIFF" + struct.pack("<I", 4 + 8_000_000) + b"WEBP" + b"teSt\0\0\0\0" * 1_000_000,
    ],
    ids=["chunks", "fill", "segments", "fill in a scan", "scans", "WebP"],
)
def test_a_file_of_many_tiny_parts_is_soon_refused(data: bytes) -> None:
    before = cpu()
    with pytest.raises(MediaError):
        Image(data)
    assert cpu() - before < 2


def test_a_record_without_an_end_is_soon_given_up() -> None:
    file = file_of(PillowImage.new("RGB", (8, 8)), "WEBP", xmp=b"")
    packet = b"urn:mediatoolkit:provenance'><mt:record>" * 200_000
    body = file[12:] + b"XMP " + struct.pack("<I", len(packet)) + packet
    before = cpu()
    image = Image(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    assert image.provenance is None
    assert cpu() - before < 2


def broken(kind: str) -> bytes:
    """Whole in its structure, but not in its pixels."""
    data = bytearray(file_of(noise("RGB", (64, 48)), kind))
    if kind == "PNG":
        head = data[: data.index(b"IDAT") - 4]
        return bytes(head) + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b"")
    start = data.index(b"\xff\xc4") + 5 if kind == "JPEG" else 30
    data[start : start + 16] = b"\xff" * 16
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_cannot_be_decoded_ends_in_a_caption(kind: str) -> None:
    origin = Provenance(model="a/b", prompt="a fox", engine="a")
    image = Image(broken(kind), origin)
    with pytest.raises(MediaError, match="cannot be decoded"):
        image.preview()
    data, metadata = image._repr_mimebundle_()
    assert set(data) == {"text/html", "text/plain"}
    assert metadata == {}
    assert "a fox" in data["text/html"]
    assert "cannot be decoded" in data["text/html"]
    assert data["text/plain"] == repr(image)


def test_a_lower_limit_of_pillows_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image(file_of(noise("RGB")))
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(MediaError, match="exceeds limit"):
        image.to_pil()
    assert set(image._repr_mimebundle_()[0]) == {"text/html", "text/plain"}


def test_no_limit_of_this_process_is_changed() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS), PillowImage.MAX_IMAGE_PIXELS
    Image(file_of(noise("RGB"))).preview()
    assert (resource.getrlimit(resource.RLIMIT_AS), PillowImage.MAX_IMAGE_PIXELS) == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_broken_picture_is_never_saved_as_another_type(kind: str, tmp_path: Path) -> None:
    image = Image(broken(kind))
    target = tmp_path / ("a.webp" if kind == "PNG" else "a.png")
    with pytest.raises(MediaError, match=r"cannot be (decoded|written)"):
        image.save(target)
    assert list(tmp_path.iterdir()) == []


def test_no_mutated_picture_ends_in_an_error_of_another_house(tmp_path: Path) -> None:
    """Whole by its structure or refused: whatever is asked of it then is done or a MediaError."""
    rng = np.random.default_rng(8)
    exif = PillowImage.Exif()
    exif[0x112], exif[0x10F] = 6, "A camera"
    seeds = [file_of(noise("RGBA", (40, 30)), kind, exif=exif) for kind in ("PNG", "WEBP")]
    seeds += [file_of(noise("RGB", (40, 30)), kind, exif=exif) for kind in ("JPEG", "WEBP")]
    taken = 0
    for number in range(300):
        data = bytearray(seeds[number % 4])
        for place in rng.integers(12, len(data), number % 5):
            data[place] = rng.integers(256)
        try:
            image = Image(bytes(data))
        except MediaError:
            continue
        taken += 1
        image._repr_mimebundle_()
        for ending in (".png", ".jpg", ".webp"):
            with contextlib.suppress(MediaError):
                image.save(tmp_path / f"a{ending}")
    assert taken > 50

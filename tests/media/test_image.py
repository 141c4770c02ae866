"""Pictures: types by their bytes, provenance in the file, small previews."""

import asyncio
import io
import struct
import traceback
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

from mediatoolkit.errors import MediaError, StorageError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video, pixels
from mediatoolkit.media.containers import PICTURES
from mediatoolkit.media.containers.metadata import orientation

FOX = Provenance(
    model="local/painter",
    prompt='a red <fox> & "stars" – 狐 ]]>',
    engine="local",
    seed=7,
    options={"size": "1K"},
    usage={"IMAGE": 1290},
)
FORMATS = ("PNG", "JPEG", "WEBP")


def encoded(kind: str = "PNG", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    PillowImage.fromarray(noise).save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_type_and_size_come_from_the_bytes(kind: str) -> None:
    image = Image(encoded(kind))
    assert image.mime_type == f"image/{kind.lower()}"
    assert (image.width, image.height) == (64, 48)
    assert np.asarray(image).shape == (48, 64, 3)


@pytest.mark.parametrize("lossless", [True, False])
def test_both_kinds_of_webp_carry_provenance_and_still_decode(*, lossless: bool) -> None:
    image = Image(encoded("WEBP", lossless=lossless), provenance=FOX)
    again = Image(b"".join(image.serialize()))
    assert again.provenance == FOX
    assert (np.asarray(again) == np.asarray(image)).all()


def test_a_transparent_webp_stays_transparent_with_provenance() -> None:
    file = io.BytesIO()
    PillowImage.new("RGBA", (8, 8), (255, 0, 0, 99)).save(file, "WEBP", lossless=True)
    again = Image(b"".join(Image(file.getvalue(), provenance=FOX).serialize()))
    assert np.asarray(again)[0, 0, 3] == 99


@pytest.mark.parametrize("kind", FORMATS)
def test_provenance_is_written_into_the_file_and_read_back(kind: str, tmp_path: Path) -> None:
    path = Image(encoded(kind), provenance=FOX).save(tmp_path / "fox")
    image = Image.open(path)
    assert image.provenance == FOX
    assert image.path == path
    again = Image.open(image.save(tmp_path / "again"))
    assert again.provenance == FOX
    assert abs(len(again.data) - len(image.data)) < 4, "the old record is replaced, not kept"
    with PillowImage.open(path) as seen:
        seen.load()


@pytest.mark.parametrize("kind", FORMATS)
def test_saving_does_not_touch_a_pixel(kind: str, tmp_path: Path) -> None:
    image = Image(encoded(kind), provenance=FOX)
    assert (np.asarray(Image.open(image.save(tmp_path / "fox"))) == np.asarray(image)).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_ending_decides_the_format(suffix: str, tmp_path: Path) -> None:
    path = Image(encoded("PNG"), provenance=FOX).save(tmp_path / f"fox{suffix}")
    image = Image.open(path)
    assert image.extension == suffix
    assert image.provenance == FOX


def test_an_ending_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"\.gif"):
        Image(encoded()).save(tmp_path / "fox.gif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", FORMATS)
@given(share=st.floats(0, 0.999))
def test_a_picture_cut_anywhere_is_refused(kind: str, share: float) -> None:
    data = encoded(kind)
    with pytest.raises(MediaError):
        Image(data[: int(len(data) * share)])


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_check(noise: bytes) -> None:
    for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x10\0\0\0WEBP", b""):
        with pytest.raises(MediaError):
            Image(start + noise)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b'<?xml version="1.0"?><svg/>', "SVG"),
        (b"<!doctype html><html>", "HTML"),
        (b"GIF89a....", "GIF"),
        (png_header(30_000, 30_000), "30000 × 30000"),
        (png_header(0, 5), "no pixels"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Image(data)


def test_a_flipped_bit_in_a_png_is_noticed() -> None:
    data = bytearray(encoded())
    data[len(data) // 2] ^= 1
    with pytest.raises(MediaError, match="checksum"):
        Image(bytes(data))


def test_what_follows_a_picture_is_cut_off() -> None:
    data = encoded()
    assert Image(data + b"<script>").data == data


@pytest.mark.parametrize("size", [(64, 64), (1024, 1024), (2000, 300)])
def test_the_preview_stays_small(size: tuple[int, int]) -> None:
    """Noise is the worst case for JPEG."""
    preview = Image(encoded(size=size)).preview()
    assert len(preview.data) <= 44_000
    assert max(preview.width, preview.height) <= 768


def test_the_bundle_escapes_the_prompt_and_says_local() -> None:
    image = Image(encoded(), provenance=FOX)
    data, metadata = image._repr_mimebundle_()
    assert set(data) == {"image/jpeg", "text/html", "text/plain"}
    assert "<fox>" not in data["text/html"]
    assert 'alt="a red &lt;fox&gt; &amp; &quot;stars&quot;' in data["text/html"]
    assert "local engine" in data["text/html"]
    assert metadata["image/jpeg"]["alt"] == FOX.prompt
    assert data["text/plain"] == repr(image) == "<Image 64×48 image/png, local/painter>"


def test_pictures_are_made_of_what_people_have(tmp_path: Path) -> None:
    data = encoded()
    path = tmp_path / "fox.png"
    path.write_bytes(data)
    array = np.asarray(Image(data))

    class Tensor:
        """Looks like torch: channels first, on a device."""

        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> "Tensor":
            return self

        def numpy(self) -> np.ndarray:
            return np.moveaxis(array, -1, 0)

    pillow = Image(data).to_pil()
    for thing in (Image(data), data, path, str(path), pillow, array, array / 255, Tensor()):
        assert (np.asarray(Image.of(thing)) == array).all()


@pytest.mark.parametrize("thing", [None, 3, np.zeros((2, 2, 7), np.uint8), np.full((2, 2), 9.0)])
def test_what_cannot_be_a_picture_is_refused(thing: object) -> None:
    with pytest.raises(MediaError):
        Image.of(thing)


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"fox\.png"):
        Image.open(tmp_path / "fox.png")


@pytest.mark.parametrize("name", ["missing/fox.png", "file/fox.png"])
def test_a_folder_that_cannot_be_written_leaves_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        Image(encoded()).save(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


async def test_asave_writes_without_blocking(tmp_path: Path) -> None:
    path = await Image(encoded(), provenance=FOX).asave(tmp_path / "fox.png")
    assert (await asyncio.to_thread(Image.open, path)).provenance == FOX


async def test_load_checks_large_pictures_too() -> None:
    with pytest.raises(MediaError):
        await Image.load(encoded(size=(1000, 1000))[:-20])


def test_a_very_long_prompt_still_fits_into_a_jpeg(tmp_path: Path) -> None:
    long = Provenance(model="a/b", prompt="狐" * 100_000, engine="a")
    path = Image(encoded("JPEG"), provenance=long).save(tmp_path / "fox.jpg")
    read = Image.open(path).provenance
    assert read is not None
    assert read.prompt == "狐" * 8_000


def test_a_foreign_record_in_a_file_is_no_harm() -> None:
    assert Provenance.from_json("[1, 2") is None
    assert Provenance.from_json('{"model": "a"}') is None
    assert Provenance.from_json("3") is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_provenance_is_found_beside_what_another_program_wrote(kind: str) -> None:
    image = Image(encoded(kind, xmp=b"<x:xmpmeta>another program</x:xmpmeta>"), provenance=FOX)
    written = b"".join(image.serialize())
    assert Image(written).provenance == FOX
    assert b"another program" in written


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_a_pillow_image_of_any_mode_is_a_picture(mode: str) -> None:
    plain = PillowImage.new("RGBA" if mode == "RGBa" else "RGB", (8, 6), "white")
    white = PillowImage.new(mode, (8, 6), (255, 128, 128)) if mode == "LAB" else plain.convert(mode)
    image = Image.of(white)
    assert np.asarray(image).min() > 250
    assert image.preview().width == 8


@pytest.mark.parametrize("mode", ["F", "I", "La"])
def test_a_pillow_image_without_a_way_to_colours_is_refused(mode: str) -> None:
    with pytest.raises(MediaError, match="convert it to RGB first"):
        Image.of(PillowImage.new(mode, (8, 6)))


def test_a_pillow_image_that_is_cut_short_or_empty_is_refused() -> None:
    whole = encoded("PNG")
    with pytest.raises(MediaError, match="cannot be used"):
        Image.of(PillowImage.open(io.BytesIO(whole[: len(whole) // 2])))
    with pytest.raises(MediaError, match="0 × 0"):
        Image.of(PillowImage.new("RGB", (0, 0)))


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_a_side_too_long_for_a_format_is_an_error_of_ours(ending: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="70000 × 1"):
        Image.of(np.zeros((1, 70_000, 3), np.uint8)).save(tmp_path / f"long{ending}")
    assert list(tmp_path.iterdir()) == []


def test_the_inks_of_a_printer_are_shown_in_colours_and_saved_as_png(tmp_path: Path) -> None:
    file = io.BytesIO()
    PillowImage.new("RGB", (8, 6), "orange").convert("CMYK").save(file, "JPEG")
    image = Image(file.getvalue())
    for shown in (image, Image.open(image.save(tmp_path / "inks.png"))):
        assert abs(np.asarray(shown)[0, 0].astype(int) - (255, 165, 0)).max() < 9


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 48, dtype=np.uint16).reshape(6, 8)
    file = io.BytesIO()
    PillowImage.fromarray(ramp).save(file, "PNG")
    image = Image(file.getvalue())
    shades = ramp >> 8
    assert (np.asarray(image)[:, :, 0] == shades).all()
    for ending in (".webp", ".jpg"):
        saved = Image.open(image.save(tmp_path / f"ramp{ending}"))
        assert abs(np.asarray(saved)[:, :, 0].astype(int) - shades).mean() < 9


@pytest.mark.parametrize("kind", [Audio, Image, Video])
def test_a_failed_check_can_show_its_locals(kind: type[Media]) -> None:
    with pytest.raises(MediaError) as caught:
        kind(b"nonsense")
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert f"<{kind.__name__}>" in "".join(shown.format())


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("turn", range(9))
def test_a_photograph_is_the_right_way_up(kind: str, turn: int, tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[0x112] = turn
    file = encoded(kind, exif=exif)
    with PillowImage.open(io.BytesIO(file)) as photograph:
        upright = np.asarray(ImageOps.exif_transpose(photograph))
    image = Image(file, provenance=FOX)
    assert (image.height, image.width) == upright.shape[:2]
    assert (np.asarray(image) == upright).all()
    assert (image.preview().height, image.preview().width) == upright.shape[:2]
    assert (np.asarray(Image.of(image.to_pil())) == upright).all()
    assert (np.asarray(Image.open(image.save(tmp_path / "other.png"))) == upright).all()
    again = Image(b"".join(image.serialize()))
    assert again.provenance == FOX
    assert (np.asarray(again) == upright).all()


@pytest.mark.parametrize("mode", ["I;16", "L", "P"])
def test_the_thumbnail_of_a_scan_is_the_right_way_up(mode: str) -> None:
    exif = PillowImage.Exif()
    exif[0x112] = 6
    file = io.BytesIO()
    PillowImage.new(mode, (60, 40)).save(file, "PNG", exif=exif)
    assert pixels.decode(file.getvalue(), within=30).size == (20, 30)


@given(st.binary(max_size=60))
def test_a_broken_note_of_a_camera_is_none(noise: bytes) -> None:
    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        assert 1 <= orientation(head + noise) <= 8
    assert orientation(noise) == 1 or noise[:2] in (b"II", b"MM")


def test_the_same_picture_in_a_place_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store says where it put a picture without reading it once more."""
    image = Image(encoded("PNG"), provenance=FOX)
    monkeypatch.setattr(PICTURES, "inspect", None)

    placed = image.with_path(Path("fox.png"))

    assert placed.path == Path("fox.png")
    assert (placed.data, placed.provenance, placed.facts) == (image.data, FOX, image.facts)
    assert image.path is None


def test_tab_shows_what_a_user_calls() -> None:
    """Not what other rooms of the package need."""
    names = {name for name in dir(Image(encoded("PNG"))) if not name.startswith("_")}

    assert names == {
        *("asave", "cached", "cost", "data", "digest", "extension", "height", "load"),
        *(
            "mime_type",
            "of",
            "open",
            "omissions",
            "path",
            "preview",
            "provenance",
            "save",
            "to_pil",
            "width",
        ),
    }

"""A picture that is saved as another type, or shown small, keeps its colours and its notes."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps, PngImagePlugin

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.media.containers.metadata import orientation, without_orientation
from mediatoolkit.media.pixels import reduced

FOX = Provenance(model="local/painter", prompt="a fox", engine="local")
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
PAIRS = [(kind, ending) for kind in ENDINGS for ending in ENDINGS.values()]
MAKER, PLACE = 0x10F, 0x8825


def swapped_profile() -> bytes:
    """A profile of sRGB with red and blue changed: who heeds it sees another picture."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1)
    return profile.replace(b"????", b"bXYZ", 1)


def grey_profile() -> bytes:
    """A grey one, linear in light: 55 of it is a middle grey of sRGB."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    words = b"desc" + bytes(4) + struct.pack(">I", 2) + b"g\0" + bytes(78)
    tags, body, table = [(b"desc", words), (b"wtpt", white), (b"kTRC", curve)], b"", b""
    for name, written in tags:
        content = written + bytes(-len(written) % 4)
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    size = 128 + 4 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head = (head + bytes(12) + b"acsp").ljust(68, b"\0") + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def file_of(picture: PillowImage.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def photograph(turn: int = 1) -> PillowImage.Exif:
    exif = PillowImage.Exif()
    exif[0x112] = turn
    exif[MAKER] = "A camera"
    exif.get_ifd(PLACE)[2] = (48.0, 12.0, 30.0)
    return exif


def colour_of(data: bytes) -> np.ndarray:
    """The pixel in the middle as a viewer shows it: by the profile, if there is one."""
    with PillowImage.open(io.BytesIO(data)) as opened:
        opened.load()
        profile = opened.info.get("icc_profile")
        mode = opened.mode
        if profile:
            space = {"CMYK": b"CMYK", "L": b"GRAY", "LA": b"GRAY"}.get(mode, b"RGB ")
            assert profile[16:20] == space, "a profile of other colours"
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            body = opened.convert({"L": "L", "LA": "L", "CMYK": "CMYK"}.get(mode, "RGB"))
            seen = ImageCms.profileToProfile(body, source, target, outputMode="RGB")
        else:
            seen = opened.convert("RGB")
    pixels: np.ndarray = np.asarray(seen).astype(int)
    middle: np.ndarray = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
    return middle


@pytest.mark.parametrize(("kind", "ending"), PAIRS)
@pytest.mark.parametrize("turn", [1, 6])
def test_exif_moves_along_and_nobody_turns_it_twice(
    kind: str, ending: str, turn: int, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    picture = PillowImage.fromarray(noise).resize((96, 64), PillowImage.Resampling.NEAREST)
    data = file_of(picture, kind, exif=photograph(turn))
    path = Image(data, provenance=FOX).save(tmp_path / f"saved{ending}")
    with PillowImage.open(path) as saved:
        exif = saved.getexif()
        assert exif[MAKER] == "A camera"
        assert exif.get_ifd(PLACE)[2] == (48.0, 12.0, 30.0)
        upright = ImageOps.exif_transpose(saved).convert("RGB")
    expected = np.asarray(Image(data)).astype(int)
    assert upright.size == expected.shape[1::-1]
    assert abs(np.asarray(upright) - expected).mean() < 9
    if ending != ENDINGS[kind]:
        assert exif.get(0x112, 1) == 1
    assert Image.open(path).provenance == FOX


def test_only_the_orientation_leaves_an_exif() -> None:
    exif = photograph(6).tobytes()
    rest = without_orientation(exif)
    assert len(rest) == len(exif)
    assert orientation(rest) == 1
    assert dict(PillowImage.Exif()) == {}
    read = PillowImage.Exif()
    read.load(rest)
    assert 0x112 not in read
    assert read[MAKER] == "A camera"


def test_what_xmp_says_of_the_turn_is_settled_too(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    picture = PillowImage.new("RGB", (60, 40))
    data = file_of(picture, "JPEG", exif=photograph(6), xmp=packet)
    with PillowImage.open(Image(data).save(tmp_path / "saved.png")) as saved:
        assert ImageOps.exif_transpose(saved).size == (40, 60)


@pytest.mark.parametrize(("kind", "ending"), PAIRS)
def test_xmp_moves_along(kind: str, ending: str, tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/x-own"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    options: dict[str, object] = {"xmp": packet}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
        options = {"pnginfo": info}
    data = file_of(PillowImage.new("RGB", (32, 32)), kind, **options)
    path = Image(data, provenance=FOX).save(tmp_path / f"saved{ending}")
    with PillowImage.open(path) as saved:
        saved.load()
        assert "image/x-own" in str(saved.getxmp())
    assert Image.open(path).provenance == FOX


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_long_xmp_moves_along(ending: str, tmp_path: Path) -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:source>begin' + "x" * 200_000 + "end"
        "</dc:source></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    data = file_of(PillowImage.new("RGB", (32, 32)), "PNG", pnginfo=info)
    path = Image(data, provenance=FOX).save(tmp_path / f"saved{ending}")
    assert Image.open(path).provenance == FOX
    back = Image.open(path).save(tmp_path / "back.png")
    with PillowImage.open(back) as saved:
        saved.load()
        assert "x" * 200_000 + "end" in str(saved.getxmp())


TEXTS = {"Title": "Füchse", "parameters": "a fox, Steps: 20", "workflow": "{" * 2_000, "雪": "<雪>"}


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_the_texts_of_a_png_move_into_xmp(ending: str, tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for keyword in ("Title", "parameters", "workflow"):
        info.add_itxt(keyword, TEXTS[keyword], zip=keyword == "workflow")
    info.add_text("Comment", "my own")
    data = file_of(PillowImage.new("RGB", (32, 32)), "PNG", pnginfo=info)
    path = Image(data, provenance=FOX).save(tmp_path / f"saved{ending}")
    with PillowImage.open(path) as saved:
        packet = str(saved.getxmp())
        assert saved.info.get("comment", b"my own") == b"my own"
    for keyword in ("Title", "parameters", "workflow"):
        assert TEXTS[keyword] in packet
    assert ending == ".jpg" or "my own" in packet
    assert Image.open(path).provenance == FOX


def test_a_comment_moves_between_png_and_jpeg(tmp_path: Path) -> None:
    data = file_of(PillowImage.new("RGB", (32, 32)), "JPEG", comment="für uns".encode())
    there = Image(data).save(tmp_path / "saved.png")
    saved: Any
    with PillowImage.open(there) as saved:
        assert saved.text["Comment"] == "für uns"
    with PillowImage.open(Image.open(there).save(tmp_path / "saved.jpg")) as saved:
        assert saved.info["comment"].decode() == "für uns"


@pytest.mark.parametrize(("kind", "ending"), PAIRS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_stay_whatever_a_picture_is_saved_as(
    kind: str, ending: str, mode: str, tmp_path: Path
) -> None:
    picture = PillowImage.new("RGB", (32, 32), (250, 10, 10))
    if kind != "JPEG":
        picture = picture.quantize(8) if mode == "P" else picture.convert(mode)
    data = file_of(picture, kind, icc_profile=swapped_profile())
    image = Image(data)
    assert abs(colour_of(data) - (10, 10, 250)).max() < 9
    saved = image.save(tmp_path / f"saved{ending}").read_bytes()
    assert abs(colour_of(saved) - (10, 10, 250)).max() < 9
    for small in (image.preview().data, reduced(data, 16)):
        with PillowImage.open(io.BytesIO(small)) as opened:
            assert not opened.info.get("icc_profile")
        assert abs(colour_of(small) - (10, 10, 250)).max() < 9


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "L"), ("PNG", "LA"), ("JPEG", "L")])
@pytest.mark.parametrize("ending", ENDINGS.values())
def test_greys_stay_too(kind: str, mode: str, ending: str, tmp_path: Path) -> None:
    picture = PillowImage.new("L", (32, 32), 55).convert(mode)
    data = file_of(picture, kind, icc_profile=grey_profile())
    saved = Image(data).save(tmp_path / f"saved{ending}").read_bytes()
    for seen in (saved, Image(data).preview().data):
        assert abs(colour_of(seen) - 127).max() < 4


def test_inks_become_colours_without_their_profile(tmp_path: Path) -> None:
    """No press profile is at hand; one that is not for inks must not survive either."""
    inks = PillowImage.new("RGB", (32, 32), "orange").convert("CMYK")
    marked = bytearray(swapped_profile())
    marked[16:20] = b"CMYK"
    for profile in (bytes(marked), swapped_profile(), b"nonsense", bytes(200)):
        data = file_of(inks, "JPEG", icc_profile=profile)
        for ending in (".png", ".webp"):
            with PillowImage.open(Image(data).save(tmp_path / f"saved{ending}")) as saved:
                assert "icc_profile" not in saved.info
                assert saved.mode == "RGB"
        assert abs(colour_of(Image(data).preview().data) - (255, 165, 0)).max() < 9


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("profile", [b"x" * 200, bytes(200), swapped_profile()[:300]])
def test_a_broken_profile_breaks_no_picture(kind: str, profile: bytes, tmp_path: Path) -> None:
    data = file_of(PillowImage.new("RGB", (32, 32), (250, 10, 10)), kind, icc_profile=profile)
    image = Image(data)
    assert abs(np.asarray(PillowImage.open(io.BytesIO(image.preview().data)))[9, 9] - 0.0).max()
    for ending in ENDINGS.values():
        assert np.asarray(Image.open(image.save(tmp_path / f"saved{ending}"))).shape == (32, 32, 3)


def moving(kind: str, **options: object) -> bytes:
    frames = [PillowImage.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    durations = [100, 200, 300]
    more = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": 2}
    return file_of(frames[0], kind, **more, **options)


@pytest.mark.parametrize(("kind", "ending"), [("PNG", ".webp"), ("WEBP", ".png")])
def test_what_moves_goes_on_moving(kind: str, ending: str, tmp_path: Path) -> None:
    path = Image(moving(kind, exif=photograph()), provenance=FOX).save(tmp_path / f"a{ending}")
    seen = []
    saved: Any
    with PillowImage.open(path) as saved:
        assert saved.n_frames == 3
        assert saved.info["loop"] == 2
        for number in range(3):
            saved.seek(number)
            colour = saved.convert("RGB").getpixel((8, 8))
            seen.append((int(np.argmax(colour)), round(saved.info["duration"])))
        assert saved.getexif()[MAKER] == "A camera"
    assert seen == [(0, 100), (1, 200), (2, 300)]
    assert Image.open(path).provenance == FOX


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_moves_is_no_jpeg(kind: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"3 frames.*\.png or \.webp"):
        Image(moving(kind)).save(tmp_path / "still.jpg")
    assert list(tmp_path.iterdir()) == []
    still = Image.of(Image(moving(kind)).to_pil())
    assert still.save(tmp_path / "still.jpg").exists()


def test_a_pillow_image_is_upright_and_keeps_its_notes(tmp_path: Path) -> None:
    picture = PillowImage.new("RGB", (40, 20), (250, 10, 10))
    path = tmp_path / "turned.jpg"
    picture.save(path, exif=photograph(6), icc_profile=swapped_profile(), comment=b"my own")
    with PillowImage.open(path) as opened:
        image = Image.of(opened)
    again: Any
    assert (image.width, image.height) == (20, 40)
    assert (np.asarray(image) == np.asarray(Image.of(path))).all()
    with PillowImage.open(io.BytesIO(image.data)) as again:
        assert again.getexif()[MAKER] == "A camera"
        assert ImageOps.exif_transpose(again).size == (20, 40)
        assert again.text["Comment"] == "my own"
    assert abs(colour_of(image.data) - (10, 10, 250)).max() < 9


def test_small_pictures_are_shown_as_they_are() -> None:
    dot = PillowImage.new("RGB", (8, 8))
    dot.putpixel((3, 3), (255, 0, 0))
    squares = np.zeros((32, 32, 3), np.uint8)
    squares[::2, ::2], squares[1::2, 1::2] = (255, 0, 0), (0, 0, 255)
    for picture in (dot, PillowImage.fromarray(squares)):
        data = file_of(picture, "PNG")
        preview = Image(data).preview()
        assert preview.data == data
        assert preview.mime_type == "image/png"
        described = file_of(picture, "PNG", exif=photograph())
        preview = Image(described).preview()
        with PillowImage.open(io.BytesIO(preview.data)) as seen:
            assert (np.asarray(seen) == np.asarray(picture)).all()
            assert not seen.getexif(), "nothing but pixels goes into a page"


def test_small_photographs_keep_their_colours() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    image = Image(file_of(PillowImage.fromarray(noise), "PNG"))
    with PillowImage.open(io.BytesIO(image.preview().data)) as seen:
        assert abs(np.asarray(seen).astype(int) - noise).mean() < 5


def test_a_comment_does_not_swell_the_preview() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (600, 800, 3), dtype=np.uint8)
    data = file_of(PillowImage.fromarray(noise), "JPEG", comment=b"x" * 65_000, exif=photograph())
    preview = Image(data).preview()
    assert len(preview.data) <= 44_000
    assert b"xxxx" not in preview.data
    assert b"A camera" not in preview.data


def test_no_preview_prints_its_bytes() -> None:
    preview = Image(file_of(PillowImage.new("RGB", (8, 8)), "PNG")).preview()
    assert len(repr(preview)) < 120


def test_exif_in_hexadecimal_moves_but_turns_nothing(tmp_path: Path) -> None:
    """ImageMagick writes it so into a PNG, and no viewer turns the picture by it."""
    exif = photograph(6).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n", zip=True)
    data = file_of(PillowImage.new("RGB", (40, 20)), "PNG", pnginfo=info)
    with PillowImage.open(Image(data).save(tmp_path / "saved.jpg")) as saved:
        assert saved.getexif()[MAKER] == "A camera"
        assert ImageOps.exif_transpose(saved).size == (40, 20)


def test_a_converted_motion_photo_promises_no_film(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:G="http://ns.google.com/photos/1.0/camera/" G:MotionPhoto="1" '
        b'G:MotionPhotoVersion="1" G:Other="kept"/></rdf:RDF></x:xmpmeta>'
    )
    data = file_of(PillowImage.new("RGB", (40, 20)), "JPEG", xmp=packet) + b"\0\0\0\x18ftypmp42"
    with PillowImage.open(Image(data).save(tmp_path / "saved.webp")) as saved:
        assert b"MotionPhoto" not in saved.info["xmp"]
        assert b'G:Other="kept"' in saved.info["xmp"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_dots_per_inch_move_along(kind: str, tmp_path: Path) -> None:
    data = file_of(PillowImage.new("RGB", (40, 20)), kind, dpi=(300, 300))
    ending = ".jpg" if kind == "PNG" else ".png"
    with PillowImage.open(Image(data).save(tmp_path / f"saved{ending}")) as saved:
        assert [round(dots) for dots in saved.info["dpi"]] == [300, 300]

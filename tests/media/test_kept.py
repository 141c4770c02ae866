"""What else is in a picture's file stays there, and stays readable, when it is saved."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from mediatoolkit.media import Image, Provenance
from mediatoolkit.media.containers import jpeg
from mediatoolkit.media.containers.xmp import JPEG_ROOM
from tests.media import readers

FOX = Provenance(model="local/painter", prompt="a <fox> & 狐", engine="local", seed=7)

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
THEIRS = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="uuid:1" xmlns:dc='
    '"http://purl.org/dc/elements/1.1/" dc:format="image/x-own"/></rdf:RDF></x:xmpmeta>'
    + " " * 2_000
    + '<?xpacket end="w"?>'
)
PACKETS = {
    "padded": THEIRS,
    "bare": THEIRS[THEIRS.index("<rdf:RDF") : THEIRS.index("</x:xmpmeta>")],
    "no RDF": '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="image/x-own"></x:xmpmeta>',
    "empty RDF": f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="{RDF}" x:own="image/x-own"/>'
    "</x:xmpmeta>",
    "another prefix": f'<r:RDF xmlns:r="{RDF}"><r:Description r:about="" xmlns:dc='
    '"http://purl.org/dc/elements/1.1/" dc:format="image/x-own"/></r:RDF>',
}


def picture(kind: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    file = io.BytesIO()
    PillowImage.new("RGB", size, "orange").save(file, kind, **options)
    return file.getvalue()


def saved(data: bytes, folder: Path, *, name: str = "saved") -> Image:
    return Image.open(Image(data, provenance=FOX).save(folder / name))


def mpo(**options: object) -> bytes:
    file = io.BytesIO()
    second = PillowImage.new("RGB", (64, 48), "blue")
    first = PillowImage.new("RGB", (64, 48), "red")
    first.save(file, "MPO", save_all=True, append_images=[second, second], **options)
    return file.getvalue()


def colours(data: bytes) -> list[tuple[int, ...]]:
    frames: list[Any] = []
    opened: Any
    with PillowImage.open(io.BytesIO(data)) as opened:
        for number in range(opened.n_frames):
            opened.seek(number)
            frames.append(opened.convert("RGB").getpixel((9, 9)))
    return frames


def assert_well_formed(path: Path) -> None:
    """ExifTool warns of a file that is not."""
    tags = readers.exiftool(path, "-G", "-a", "-warning", "-all")
    assert not [tag for tag in tags if tag.endswith("Warning")], tags


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
def test_the_record_goes_into_the_packet_that_is_there(
    kind: str, packet: str, tmp_path: Path
) -> None:
    again = saved(picture(kind, xmp=packet.encode()), tmp_path)
    assert again.provenance == FOX
    assert again.data.count(b"image/x-own") == 1
    assert again.data.count(b"urn:mediatoolkit:provenance") == 1
    with PillowImage.open(io.BytesIO(again.data)) as opened:
        seen = str(opened.getxmp())
    assert "image/x-own" in seen
    assert "a <fox> & 狐" in seen
    assert_well_formed(tmp_path / f"saved{again.extension}")
    twice = saved(again.data, tmp_path, name="twice")
    assert twice.data.count(b"urn:mediatoolkit:provenance") == 1
    assert twice.data.count(b"image/x-own") == 1


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_packet_that_is_not_understood_stays(kind: str, tmp_path: Path) -> None:
    packet = THEIRS.encode("utf-16")
    again = saved(picture(kind, xmp=packet), tmp_path)
    assert again.provenance == FOX
    assert packet in again.data
    with PillowImage.open(io.BytesIO(again.data)) as opened:
        assert opened.info["xmp"] == packet


def test_a_packet_without_room_stays_and_is_read_first(tmp_path: Path) -> None:
    full = THEIRS.replace("own", "o" * (JPEG_ROOM - len(THEIRS) - 3_000)).encode()
    again = saved(picture("JPEG", xmp=full), tmp_path)
    assert again.provenance == FOX
    crammed = THEIRS.replace("own", "o" * (JPEG_ROOM - len(THEIRS) - 10)).encode()
    again = saved(picture("JPEG", xmp=crammed), tmp_path)
    assert again.provenance == FOX


def test_the_second_packet_of_older_versions_becomes_part_of_the_first(tmp_path: Path) -> None:
    ours = saved(picture("JPEG"), tmp_path).data
    start = ours.index(b"\xff\xe1")
    segment = ours[start : start + 2 + struct.unpack_from(">H", ours, start + 2)[0]]
    theirs = picture("JPEG", xmp=THEIRS.encode())
    place = theirs.index(b"\xff\xdb")
    again = saved(theirs[:place] + segment + theirs[place:], tmp_path, name="both")
    assert again.data.count(b"http://ns.adobe.com/xap/1.0/") == 1
    assert again.provenance == FOX
    assert b"image/x-own" in again.data


@pytest.mark.parametrize("packet", [b"", THEIRS.encode()])
def test_all_pictures_of_a_file_stay(packet: bytes, tmp_path: Path) -> None:
    data = mpo(xmp=packet) if packet else mpo()
    before = colours(data)
    assert len(before) == 3
    again = saved(data, tmp_path)
    assert colours(again.data) == before
    assert Image(data).data == data
    length, offset = index_of(again.data)[1]
    assert again.data[offset : offset + 3] == b"\xff\xd8\xff"
    assert again.data[offset + length - 2 : offset + length] == b"\xff\xd9"
    assert index_of(again.data)[0][0] == again.data.index(b"\xff\xd8\xff", 9)
    assert_well_formed(tmp_path / "saved.jpg")


def index_of(data: bytes) -> list[tuple[int, int]]:
    """Length and offset in the file of each picture, by the index."""
    base = data.index(b"MPF\0") + 4
    opened: Any
    with PillowImage.open(io.BytesIO(data)) as opened:
        entries = opened.mpinfo[0xB002]
    return [
        (entry["Size"], entry["DataOffset"] and entry["DataOffset"] + base) for entry in entries
    ]


def test_an_index_in_front_of_what_grows_is_set_right(tmp_path: Path) -> None:
    """Some cameras write XMP behind the index; then all other pictures move away from it."""
    data = mpo()
    place = data.index(b"\xff\xe2") + 2
    place += struct.unpack_from(">H", data, place)[0]
    packet = b"http://ns.adobe.com/xap/1.0/\0" + THEIRS.encode()
    late = b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet
    grown = data[:place] + late + data[place:]
    moved = bytearray(grown)
    for number, (length, offset) in enumerate(index_of(data)):
        entry = data.index(struct.pack("<I", length), data.index(b"MPF\0") + 40 + number)
        changed = (length + len(late), 0) if not offset else (length, offset_in(data, offset, late))
        struct.pack_into("<II", moved, entry, *changed)
    assert colours(bytes(moved)) == colours(data)
    assert colours(saved(bytes(moved), tmp_path).data) == colours(data)


def offset_in(data: bytes, offset: int, late: bytes) -> int:
    return offset + len(late) - data.index(b"MPF\0") - 4


FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x10mdat" + bytes(8)


@pytest.mark.parametrize(
    "tail",
    [
        FILM,
        bytes(32) + FILM,
        picture("JPEG"),
        b"\xff\xff\0" + picture("JPEG"),
        b"some notes of a phone" + b"SEFHk\0\0\0" + struct.pack("<I", 8) + b"SEFT",
    ],
)
def test_what_a_camera_puts_behind_a_picture_stays(tail: bytes, tmp_path: Path) -> None:
    again = saved(picture("JPEG") + tail, tmp_path)
    assert again.data.endswith(b"\xff\xd9" + tail)
    assert saved(again.data, tmp_path).data == again.data


def test_what_its_xmp_announces_stays(tmp_path: Path) -> None:
    packet = THEIRS.replace("dc:format", 'xmlns:G="urn:g" G:MotionPhoto="1" dc:format').encode()
    again = saved(picture("JPEG", xmp=packet) + b"of whatever kind", tmp_path)
    assert again.data.endswith(b"of whatever kind")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("rubbish", [b"<script>", bytes(64), b"\r\n", b"\xff" * 9])
def test_rubbish_behind_a_picture_is_cut(kind: str, rubbish: bytes) -> None:
    assert Image(picture(kind) + rubbish).data == picture(kind)


def test_comments_of_the_user_stay(tmp_path: Path) -> None:
    with PillowImage.open(io.BytesIO(picture("JPEG", comment=b"my own"))) as opened:
        assert opened.info["comment"] == b"my own"
    again = saved(picture("JPEG", comment=b"my own"), tmp_path)
    with PillowImage.open(io.BytesIO(again.data)) as opened:
        assert opened.info["comment"] == b"my own"
    assert np.asarray(again).shape == (48, 64, 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_index_in_either_order_of_bytes_is_set_right(order: str) -> None:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    fields = struct.pack(f"{order}HHHII", 1, 0xB002, 7, 32, 26) + bytes(4)

    def index(*pictures: tuple[int, int]) -> bytes:
        entries = [struct.pack(f"{order}IIIHH", 0, *picture, 0, 0) for picture in pictures]
        return jpeg.INDEX_HEAD + head + fields + b"".join(entries)

    before = index((1_000, 0), (500, 900))
    assert jpeg.moved_index(before, grown=70, behind=20) == index((1_070, 0), (500, 920))


@pytest.mark.parametrize("cut", range(4, 60, 3))
def test_an_index_that_is_not_understood_stays(cut: int) -> None:
    base = mpo()
    start = base.index(b"MPF\0")
    index = base[start : start + cut]
    assert len(jpeg.moved_index(index, grown=70, behind=20)) == len(index)
    assert jpeg.moved_index(b"MPF\0nothing", grown=7, behind=7) == b"MPF\0nothing"

"""Saving with provenance keeps what was in a file, say readers that are not ours."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import mutagen
import pytest
import soundfile
from PIL import Image as Pillow
from PIL import ImageSequence
from tinytag import TinyTag

from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from tests.media import drawn

RECORD = Provenance(model="vendor/model", prompt="a fox under a lamp", engine="vendor", seed=7)
KINDS: dict[str, type[Media]] = {
    **dict.fromkeys(("png", "jpg", "webp"), Image),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a"), Audio),
    **dict.fromkeys(("mp4", "webm"), Video),
}


@pytest.mark.parametrize("name", drawn.names())
def test_nothing_in_a_file_is_lost_or_hidden(name: str, tmp_path: Path) -> None:
    kind = KINDS[name.rpartition(".")[2]]
    before, after = tmp_path / f"before-{name}", tmp_path / f"after-{name}"
    before.write_bytes(drawn.drawn(name))
    kind(before.read_bytes(), provenance=RECORD).save(after)

    for read in READERS:
        facts = dict(read(before))
        kept = dict(read(after))
        assert {key: kept.get(key) for key in facts} == facts, read.__name__
    again = kind.open(after)
    assert again.provenance == RECORD
    again.save(after)
    assert kind.open(after).data == again.data, "a second save changes nothing"


def _by_pillow(path: Path) -> Iterator[tuple[str, Any]]:
    """Pixels of all pictures, and everything beside them."""
    if KINDS[path.suffix[1:]] is not Image:
        return
    with Pillow.open(path) as picture:
        yield "shape", (picture.size, picture.mode, getattr(picture, "n_frames", 1))
        yield "exif", dict(picture.getexif())
        yield "gps", dict(picture.getexif().get_ifd(0x8825))
        for key in ("icc_profile", "comment", "transparency", "duration", "Title", "Author"):
            yield key, picture.info.get(key)
        for words in _leaves(picture.getxmp()):
            yield f"xmp {words}", True
        for number, frame in enumerate(ImageSequence.Iterator(picture)):
            yield f"pixels {number}", hashlib.sha256(frame.tobytes()).hexdigest()


def _leaves(node: Any, path: str = "") -> Iterator[str]:
    """The words of a packet with the names that lead there; a list's place is no name."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}/{key}")
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, path)
    elif node:
        yield f"{path}={node}"


def _by_mutagen(path: Path) -> Iterator[tuple[str, Any]]:
    file = None if KINDS[path.suffix[1:]] is Image else mutagen.File(path)
    for key, value in dict(file.tags or {}).items() if file is not None else ():
        yield key, repr(value)
    for number, picture in enumerate(getattr(file, "pictures", ())):
        yield f"picture {number}", hashlib.sha256(picture.data).hexdigest()


def _by_tinytag(path: Path) -> Iterator[tuple[str, Any]]:
    if KINDS[path.suffix[1:]] is Audio:
        tag = TinyTag.get(path)
        for key in ("title", "artist", "album", "year", "track"):
            yield key, getattr(tag, key)


def _by_ffmpeg(path: Path) -> Iterator[tuple[str, Any]]:
    """Tags as players show them, and every packet with its time."""
    if KINDS[path.suffix[1:]] is Image:
        return
    with av.open(str(path), metadata_errors="replace") as container:
        yield from container.metadata.items()
        for stream in container.streams:
            yield from ((f"{stream.index} {key}", word) for key, word in stream.metadata.items())
        packets = hashlib.sha256()
        for packet in container.demux():
            packets.update(f"{packet.stream_index} {packet.pts} {packet.size}".encode())
            packets.update(bytes(packet))
        yield "packets", packets.hexdigest()


def _by_libsndfile(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        samples, rate = soundfile.read(path)
    except soundfile.LibsndfileError:
        return
    yield (
        "samples",
        (rate, samples.shape, hashlib.sha256(samples.tobytes()).hexdigest()),
    )


def _by_exiftool(path: Path) -> Iterator[tuple[str, Any]]:
    if shutil.which("exiftool") is None:
        return
    command = ["exiftool", "-json", "-G1", "-a", "-ee3", "-n", str(path)]
    answer = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    for key, value in json.loads(answer.stdout)[0].items() if answer.stdout else ():
        group, _, name = key.rpartition(":")
        if not _says_where(group, name):
            yield key, value


def _says_where(group: str, name: str) -> bool:
    """Whether a tag is a place or a size in the file, which a record inside it changes."""
    return group in {"System", "File", "ExifTool", "Composite", ""} or name.endswith(
        ("Offset", "Length", "Size", "Start", "Bitrate", "XMPToolkit", "WebP_Flags")
    )


READERS = (_by_pillow, _by_mutagen, _by_tinytag, _by_ffmpeg, _by_libsndfile, _by_exiftool)

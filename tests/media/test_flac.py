"""FLAC as others write it: behind other tags, with blocks of every kind, and crafted."""

import io
import resource
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance
from mediatoolkit.media.containers import flac
from tests.media import readers
from tests.media.test_mp3 import SYNCED, ape_item, ape_tag, tag, v1

RATE = 44_100
STORY = Provenance(model="local/hibari", prompt="Øl – 昔", engine="local")
OTHER = Provenance(model="a/b", prompt="another", engine="a")


@cache
def sound(channels: int = 1) -> bytes:
    """By libsndfile, with its own comments."""
    time = np.arange(RATE) / RATE
    tones = np.stack([0.3 * np.sin(time * 2_000 * (n + 1)) for n in range(channels)], axis=1)
    file = io.BytesIO()
    readers.soundfile.write(file, tones, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


INFO, FRAMES = sound()[8:42], sound()[next(reversed([*flac._blocks(sound(), 4)])).stop :]


def block(kind: int, content: bytes, *, last: bool = False, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return bytes([kind | last << 7]) + size.to_bytes(3) + content


def comments(*texts: bytes) -> bytes:
    measured = [struct.pack("<I", len(text)) + text for text in (b"me", *texts)]
    return measured[0] + struct.pack("<I", len(texts)) + b"".join(measured[1:])


def file_of(*blocks: bytes, info: bytes = INFO) -> bytes:
    *before, last = (block(0, info), *blocks)
    return b"fLaC" + b"".join(before) + bytes([last[0] | 0x80]) + last[1:] + FRAMES


TITLE = block(4, comments(b"TITLE=Hello", b"ARTIST=Me"))
PICTURE = block(
    6, struct.pack(">II", 3, 9) + b"image/png" + bytes(20) + struct.pack(">I", 3) + b"png"
)
CUT_LIST = block(4, comments(b"TITLE=Hello")[:-5] + b"\xff" * 9)
FILES = {
    "as it is": sound(),
    "no comments": file_of(),
    "comments before a picture": file_of(TITLE, PICTURE, block(1, bytes(99))),
    "comments behind a picture": file_of(PICTURE, TITLE),
    "two blocks of comments": file_of(TITLE, block(4, comments(b"ALBUM=Two"))),
    "a list that is cut": file_of(CUT_LIST),
    "a list of nothing known": file_of(block(4, b"\xff\xff\xff\xff" + bytes(range(99)))),
    "behind ID3": tag(4, 0, SYNCED) + file_of(TITLE),
    "behind two ID3": tag(4, 0, SYNCED) + tag(3, 0, b"") + file_of(TITLE),
    "behind ID3 without comments": tag(4, 0, SYNCED) + file_of(),
    "behind ID3 with no comment": tag(4, 0, SYNCED) + file_of(block(4, comments()), PICTURE),
    "ID3v1 behind": file_of(TITLE) + v1(),
    "APE and ID3v1 behind": file_of(TITLE) + ape_tag(ape_item(b"Title", b"Ape")) + v1(),
    "a length that is too small": file_of(TITLE, block(6, PICTURE[4:], length=9)),
    "a length that is too large": file_of(TITLE, block(6, PICTURE[4:], length=60)),
    "no count of frames": file_of(TITLE, info=INFO[:13] + b"\xf0" + bytes(4) + INFO[18:]),
    "no longest frame": file_of(TITLE, info=INFO[:7] + bytes(3) + INFO[10:]),
}


@pytest.mark.parametrize("name", FILES)
def test_saving_with_a_record_keeps_what_every_reader_reads(name: str, tmp_path: Path) -> None:
    file = FILES[name]
    plain, path = tmp_path / "plain.flac", tmp_path / "ours.flac"
    plain.write_bytes(file)
    assert Audio(file).facts.frames == RATE

    once = Audio(file, STORY).save(path).read_bytes()

    assert Audio(once).provenance == STORY
    assert once.endswith(file[file.index(FRAMES) :])
    assert not readers.changes(plain, path)
    twice = b"".join(Audio(once, OTHER).serialize())
    assert b"hibari" not in twice
    assert twice == b"".join(Audio(file, OTHER).serialize())


def test_an_older_record_no_longer_hides_an_id3_tag(tmp_path: Path) -> None:
    """Players that see a comment do not look into the tag before it."""
    old = file_of(block(4, comments(b"MEDIATOOLKIT=" + OTHER.to_json().encode())))
    path = Audio(tag(4, 0, SYNCED) + old, STORY).save(tmp_path / "ours.flac")
    assert Audio.open(path).provenance == STORY
    assert OTHER.to_json().encode() not in path.read_bytes()
    assert readers.by_ffmpeg(path)["title"].startswith("Hello")


@pytest.mark.parametrize("name", [name for name in FILES if "length that" not in name])
def test_the_samples_are_all_there(name: str) -> None:
    assert np.abs(Audio(FILES[name]).samples - Audio(sound()).samples).max() == 0


def test_two_blocks_of_comments_are_both_kept() -> None:
    whole = b"".join(Audio(FILES["two blocks of comments"], STORY).serialize())
    kinds = [block.kind for block in flac._blocks(whole, 4)]
    assert kinds == [0, 4, 4]
    assert b"TITLE=Hello" in whole
    assert b"ALBUM=Two" in whole


def test_blocks_that_lead_nowhere_stay_as_they_are() -> None:
    file = FILES["a length that is too large"]
    whole = b"".join(Audio(file, STORY).serialize())
    assert whole.startswith(file[:42])
    assert whole.endswith(file[42:])


@pytest.mark.parametrize("channels", [2, 8])
def test_many_channels_are_taken(channels: int) -> None:
    assert (Audio(sound(channels)).channels, Audio(sound(channels)).seconds) == (channels, 1)


@given(st.floats(0, 0.999))
def test_a_cut_file_is_refused_whatever_is_behind_it(share: float) -> None:
    file = FILES["behind ID3"]
    for behind in (b"", v1()):
        with pytest.raises(MediaError):
            Audio(file[: int(len(file) * share)] + behind)


def test_what_looks_like_frames_costs_little() -> None:
    """Each of these heads is right; a checksum for each would take hours of a core."""
    head = b"\xff\xf8\x69\x08\x01\0"
    head += bytes([flac._checksum(head, 0x07, 8)])
    claims = struct.pack(">HH", 65_535, 65_535) + b"\0\0\0" + b"\xff" * 3 + INFO[10:]
    crafted = b"fLaC" + block(0, claims, last=True) + head * (1_000_000 // 7)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime

    with pytest.raises(MediaError, match="cut short or corrupt"):
        Audio(crafted)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 1

"""WAV as others write it: chunks, lengths that lie, kinds of samples; soundfile is the judge."""

import io
import struct
from itertools import accumulate, pairwise
from typing import Any

import mutagen
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import assume, given
from hypothesis import strategies as st

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance
from mediatoolkit.media.containers import wav

RATE = 8_000
STORY = Provenance(model="local/hibari", prompt="Once upon", engine="local")
FORM = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
PCM = (np.sin(np.arange(400) / 9) * 9_000).astype("<i2").tobytes()


def chunk(kind: bytes, content: bytes, order: str = "<", *, padded: bool = True) -> bytes:
    padding = b"\0" * (len(content) % 2 * padded)
    return kind + struct.pack(order + "I", len(content)) + content + padding


def riff(*chunks: bytes, length: int | None = None, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    order = ">I" if kind == b"RIFX" else "<I"
    return kind + struct.pack(order, len(body) if length is None else length) + body


def info(**texts: str) -> bytes:
    texts_in_chunks = (chunk(name.encode(), text.encode() + b"\0") for name, text in texts.items())
    return chunk(b"LIST", b"INFO" + b"".join(texts_in_chunks))


def chunks_of(data: bytes) -> dict[bytes, bytes]:
    """A walk of its own, after the letter of the format."""
    order = ">" if data[:4] == b"RIFX" else "<"
    at, chunks = 12, {}
    while at + 8 <= struct.unpack_from(order + "I", data, 4)[0] + 8:
        kind, size = struct.unpack_from(order + "4sI", data, at)
        chunks[kind] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return chunks


def saved(data: bytes) -> bytes:
    return b"".join(Audio(data, provenance=STORY).serialize())


def right(data: bytes) -> npt.NDArray[np.float32]:
    samples: npt.NDArray[np.float32]
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return samples


OTHERS = {
    b"LIST": info(INAM="Title", ICMT="Comments here!", IART="Artist"),
    b"id3 ": chunk(b"id3 ", b"ID3\4\0\0\0\0\0\x11TIT2\0\0\0\7\0\0\3Title\0"),
    b"bext": chunk(b"bext", b"b" * 603),
    b"smpl": chunk(b"smpl", b"s" * 36),
    b"cue ": chunk(b"cue ", struct.pack("<I", 0)),
    b"iXML": chunk(b"iXML", b"<a/>x"),
}

ENDS = set(accumulate(map(len, OTHERS.values()), initial=44 + len(PCM)))
"""Where a cut cannot be told from a head that counts a little too much."""


@pytest.mark.parametrize("slip", [-8, -1, 0, 1, 8, 36])
@pytest.mark.parametrize("kind", OTHERS)
def test_what_others_keep_behind_the_sound_is_kept(kind: bytes, slip: int) -> None:
    """Whatever length the head says: it is off by some bytes in files of careless writers."""
    body = (chunk(b"fmt ", FORM), chunk(b"data", PCM), OTHERS[kind])
    plain = riff(*body)
    once = saved(riff(*body, length=len(plain) - 8 + slip))
    assert chunks_of(once)[kind] == chunks_of(plain)[kind]
    assert Audio(once).provenance == STORY
    assert saved(once) == once, "the old record is replaced, not kept"
    assert (right(once) == right(plain)).all()


@pytest.mark.parametrize("length", [0, 36, 36 + len(PCM), 0xFFFFFFFF, 0x7FFFFFFF])
def test_chunks_that_the_head_does_not_count_are_kept(length: int) -> None:
    body = (chunk(b"fmt ", FORM), chunk(b"data", PCM), *OTHERS.values())
    audio = Audio(riff(*body, length=length))
    assert audio.data == riff(*body)
    assert set(chunks_of(saved(audio.data))) == {b"fmt ", b"data", *OTHERS, b"mtlk"}


def test_the_comment_of_the_user_stays_the_comment() -> None:
    audio = riff(chunk(b"fmt ", FORM), chunk(b"data", PCM), *OTHERS.values())
    once = saved(audio)
    assert chunks_of(once)[b"LIST"].count(b"ICMT") == 1
    with soundfile.SoundFile(io.BytesIO(once)) as file:
        assert (file.comment, file.title) == ("Comments here!", "Title")
    assert mutagen.File(io.BytesIO(once)).tags["TIT2"] == "Title"


def old_record(text: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + chunk(b"ICMT", text + b"\0"))


def test_the_record_of_an_earlier_version_is_read_and_moved() -> None:
    data = riff(chunk(b"fmt ", FORM), chunk(b"data", PCM), old_record(STORY.to_json().encode()))
    assert Audio(data).provenance == STORY
    assert set(chunks_of(b"".join(Audio(data).serialize()))) == {b"fmt ", b"data", b"mtlk"}


@pytest.mark.parametrize("text", [b"{}", b'{"take": 3}', b'"engine": "model": "prompt": '])
def test_a_comment_that_looks_like_a_record_stays(text: bytes) -> None:
    data = riff(chunk(b"fmt ", FORM), chunk(b"data", PCM), old_record(text))
    assert Audio(data).provenance is None
    assert old_record(text) in saved(data)


@pytest.mark.parametrize("head", [b"RIFF", b"RIFX"])
@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_missing_padding_does_no_harm(where: str, head: bytes) -> None:
    order = ">" if head == b"RIFX" else "<"
    form = struct.pack(order + "HHIIHH", 1, 1, RATE, RATE, 1, 8)
    title = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Title\0", order), order)
    odd = chunk(b"note", b"odd", order, padded=False)
    sound = chunk(b"data", b"\x80\x90\xa0" * 33, order, padded=False)
    parts = [odd, sound, title] if where == "before" else [sound, title, odd]
    once = saved(riff(chunk(b"fmt ", form, order), *parts, kind=head))
    assert Audio(once).facts.frames == 99
    assert chunks_of(once)[b"LIST"] == title[8:]
    assert chunks_of(once)[b"note"] == b"odd"


@pytest.mark.parametrize("length", [0, 36, 44, 0xFFFFFFFF, 0x7FFFFFFF, 4096])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_stream_lasts_to_the_end_of_its_file(size: int, length: int) -> None:
    """The usual recipe is a head of an empty file, and bare samples behind it."""
    head = riff(chunk(b"fmt ", FORM), b"data" + struct.pack("<I", size), length=length)
    assert Audio(head + PCM).data == riff(chunk(b"fmt ", FORM), chunk(b"data", PCM))


def test_an_empty_wav_is_told_so() -> None:
    for body in ([chunk(b"data", b"")], [chunk(b"data", b""), *OTHERS.values()], [OTHERS[b"LIST"]]):
        with pytest.raises(MediaError, match="holds no sound"):
            Audio(riff(chunk(b"fmt ", FORM), *body))


@given(share=st.floats(0, 0.9999), behind=st.booleans())
def test_a_cut_file_is_refused(share: float, *, behind: bool) -> None:
    others = OTHERS.values() if behind else ()
    whole = riff(chunk(b"fmt ", FORM), chunk(b"data", PCM), *others)
    size = int(len(whole) * share)
    assume(size < 44 + len(PCM) or (behind and not {size, size + 1} & ENDS))
    with pytest.raises(MediaError, match=r"cut short|unknown data|empty"):
        Audio(whole[:size])


@pytest.mark.parametrize(
    "tail", [b"TAG" + bytes(125), b"APETAGEX" + bytes(24), b"ID3\4" + bytes(9)]
)
def test_tags_behind_the_file_are_kept(tail: bytes) -> None:
    whole = riff(chunk(b"fmt ", FORM), chunk(b"data", PCM))
    assert Audio(whole + tail).data == whole + tail
    assert saved(whole + tail) == saved(whole) + tail


def test_of_two_files_joined_the_second_is_kept() -> None:
    first, second = (riff(chunk(b"fmt ", FORM), chunk(b"data", pcm)) for pcm in (PCM, PCM[::-1]))
    once = saved(first + second)
    assert once.endswith(second)
    assert once == saved(first) + second
    assert Audio(once).provenance == STORY


def wide(size: int, *, kind: bytes = b"RF64", tail: bytes = b"", more: int = 0) -> bytes:
    length = 4 + 36 + 24 + 8 + len(PCM) + len(tail) + more
    sizes = struct.pack("<QQQI", length, size, len(PCM) // 2, 0)
    data = b"data\xff\xff\xff\xff" + PCM
    return riff(
        chunk(b"ds64", sizes), chunk(b"fmt ", FORM), data, tail, length=2**32 - 1, kind=kind
    )


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_files_with_long_lengths_are_taken_and_stay_such(kind: bytes) -> None:
    title = info(INAM="Title")
    audio = Audio(wide(len(PCM), kind=kind, tail=title), provenance=STORY)
    assert audio.data == wide(len(PCM), kind=kind, tail=title)
    assert (audio.samples[:, 0] == np.frombuffer(PCM, "<i2") / 2**15).all()
    once = b"".join(audio.serialize())
    assert title in once
    assert struct.unpack_from("<Q", once, 20) == (len(once) - 8,)
    assert Audio(once).provenance == STORY
    if kind == b"RF64":
        assert (right(once) == audio.samples).all()


@pytest.mark.parametrize("size", [0, 2**64 - 1])
def test_a_stream_with_long_lengths_lasts_to_its_end(size: int) -> None:
    assert (Audio(wide(size)).samples == right(wide(len(PCM)))).all()
    without = wide(size)[:12] + wide(size)[48:]
    assert Audio(without).data == riff(chunk(b"fmt ", FORM), chunk(b"data", PCM))


@pytest.mark.parametrize("more", [2, 5 << 30])
def test_a_cut_file_with_long_lengths_is_refused(more: int) -> None:
    with pytest.raises(MediaError, match="cut short"):
        Audio(wide(len(PCM) + more, more=more))


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("kind", "subtype", "endian"),
    [
        (kind, subtype, endian)
        for kind in ("WAV", "WAVEX", "RF64")
        for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
        for endian in ("FILE", "BIG")
        if soundfile.check_format(kind, subtype, endian)
    ],
)
def test_samples_are_those_of_another_decoder(
    kind: str, subtype: str, endian: str, channels: int
) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(1).uniform(-1, 1, (999, channels))
    soundfile.write(file, noise, RATE, subtype, endian, kind)
    audio = Audio(file.getvalue(), provenance=STORY)
    assert (audio.sample_rate, audio.channels, audio.facts.frames) == (RATE, channels, 999)
    assert np.abs(audio.samples - right(audio.data)).max() <= 2**-24
    once = b"".join(audio.serialize())
    assert (right(once) == right(audio.data)).all()
    assert Audio(once).provenance == STORY


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "width", "error"), [(12, 2, 2**-11), (20, 3, 2**-19), (20, 4, 2**-19), (64, 8, 2**-23)]
)
def test_samples_of_rare_sizes_fill_their_bytes_from_above(
    bits: int, width: int, error: float, order: str
) -> None:
    wave = np.sin(np.arange(99) / 9) * 0.9
    integers = [round(each * 2 ** (bits - 1)) << (8 * width - bits) for each in wave]
    name = "little" if order == "<" else "big"
    pcm = b"".join(each.to_bytes(width, name, signed=True) for each in integers)
    form = struct.pack(order + "HHIIHH", 1, 1, RATE, RATE * width, width, bits)
    parts = chunk(b"fmt ", form, order), chunk(b"data", pcm, order)
    audio = Audio(riff(*parts, kind=b"RIFF" if order == "<" else b"RIFX"))
    assert audio.facts.bits == bits
    assert np.abs(audio.samples[:, 0] - wave).max() <= error


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32"])
def test_packed_sound_is_named_with_the_way_out(subtype: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(44_100), 44_100, subtype, format="WAV")
    with pytest.raises(MediaError, match=r"This WAV holds (IMA )?(ADPCM|GSM|G\.721); convert it"):
        Audio(file.getvalue())


def test_long_sound_comes_in_blocks_that_make_the_whole() -> None:
    sound = Audio.from_samples(np.random.default_rng(1).uniform(-1, 1, (300_000, 2)), RATE)
    blocks = list(sound.blocks())
    assert len(blocks) > 2
    assert (np.concatenate(blocks) == sound.samples).all()


def test_blocks_of_integers_join_without_a_seam() -> None:
    long = np.linspace(-1, 1, 700_001)[:, None]
    integers = np.frombuffer(wav.to_pcm(long), "<i2").astype(int)
    assert max(after - before for before, after in pairwise(integers)) <= 1


@given(data=st.data())
def test_a_changed_byte_never_breaks_out(data: Any) -> None:
    whole = bytearray(riff(chunk(b"fmt ", FORM), chunk(b"data", PCM), *OTHERS.values()))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        audio = Audio(bytes(whole), provenance=STORY)
        once = b"".join(audio.serialize())
        samples = audio.samples
    except MediaError:
        return
    assert len(samples) == audio.facts.frames
    assert Audio(once).provenance == STORY
    assert Audio(once).facts.frames == len(samples)

"""M4A: sound alone in MP4, mostly AAC or ALAC; the record stands where films have it.

The boxes are those of films (ISO/IEC 14496-12). What kind of sound it is stands in the first
entry of `stsd`, and more exactly in a box within it that each codec has for itself.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media import boxes
from mediatoolkit.media.boxes import Box
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.sound.facts import Piece, SoundFacts
from mediatoolkit.media.structure import LONGEST

_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_PROTECTED = (b"enca", b"drms")
_ENTRY_SIZES = {0: 36, 1: 52, 2: 72}  # bytes before the boxes in an entry, by its version
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_AAC_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}
_SPECTRAL_COPY, _STEREO_COPY, _ESCAPED = 5, 29, 31  # kinds of AAC
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)


class _Form(NamedTuple):
    """What the samples are like."""

    rate: int
    channels: int
    bits: int = 16


def is_m4a(data: bytes) -> bool:
    """Whether this is an MP4 with sound and without pictures; the first bytes tell it mostly.

    The picture in a file whose brand is one of sound is a cover or that of a chapter.
    """
    if not boxes.is_mp4(data):
        return False
    if data[8:12] in _SOUND_BRANDS:
        return True
    handlers: set[bytes] = set()
    try:
        moov = _find(data, Box(b"", 0, 0, len(data)), b"moov")
        for track in _all(data, moov, b"trak") if moov else ():
            handlers.add(_handler(data, track))
    except (IndexError, struct.error):
        return False
    return b"soun" in handlers and b"vide" not in handlers


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts, or None when boxes are missing.

    Raises:
        MediaError: It is a film, or cannot be decoded by anybody.
        IndexError, struct.error: It is cut short.
    """
    rows = list(_rows(data))
    moov = next((box for box in rows if box.kind == b"moov"), None)
    if moov is None or all(box.kind != b"mdat" for box in rows):
        return None
    if not is_m4a(data):
        raise MediaError(
            "This MP4 is a film or a picture, not sound alone; Video.open takes films."
        )
    tracks = [track for track in _all(data, moov, b"trak") if _handler(data, track) == b"soun"]
    if not tracks:
        return None
    form = _form(data, tracks[0])
    scale, ticks = _ticks(data, rows, moov, tracks[0])
    makes_sense = scale and form.rate and form.channels and ticks < LONGEST * scale
    if not makes_sense or not _chunks_are_there(data, tracks[0]):
        return None
    frames = round(ticks * form.rate / scale)
    return SoundFacts("audio/mp4", form.rate, form.channels, frames, form.bits, rows[-1].end)


def written_into(data: bytes, record: bytes) -> list[Piece]:
    """The file with *record* in a box behind all others, where no offset into the sound changes."""
    provenance = Provenance.from_json(record)
    return boxes.with_provenance(data, provenance) if provenance else [data]


def record_in(data: bytes) -> bytes | None:
    """What `written_into` wrote, or None."""
    return boxes.record_in(data)


def _rows(data: bytes) -> Iterator[Box]:
    """The boxes of the file; what stands behind a whole one and is no box is left out."""
    kinds: set[bytes] = set()
    end = 0
    try:
        for box in boxes.boxes(data, 0, len(data)):
            yield box
            end = box.end
            kinds.add(box.kind)
    except (IndexError, struct.error):
        is_box = len(data) >= end + 8 and data[end + 4 : end + 8].isalnum()
        if is_box or not {b"moov", b"mdat"} <= kinds:
            raise


def _all(data: bytes, parent: Box, kind: bytes) -> Iterator[Box]:
    return (box for box in boxes.boxes(data, parent.content, parent.end) if box.kind == kind)


def _find(data: bytes, parent: Box, *path: bytes) -> Box | None:
    """The first box along a path of kinds, or None."""
    box: Box | None = parent
    for kind in path:
        box = next(_all(data, box, kind), None) if box else None
    return box


def _inside(data: bytes, parent: Box, *path: bytes) -> Box:
    """The same where there must be one.

    Raises:
        IndexError: There is none.
    """
    box = _find(data, parent, *path)
    if box is None:
        raise IndexError
    return box


def _handler(data: bytes, track: Box) -> bytes:
    at = _inside(data, track, b"mdia", b"hdlr").content
    return data[at + 8 : at + 12]


def _form(data: bytes, track: Box) -> _Form:
    table = _inside(data, track, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes.boxes(data, table.content + 8, table.end), None)
    if entry is None:
        raise IndexError
    if entry.kind in _PROTECTED:
        raise MediaError("This sound is copy-protected; only the shop's own player decodes it.")
    version, channels, bits, rate = struct.unpack_from(">H6xHH4xI", data, entry.start + 16)
    form = _Form(rate >> 16, channels, bits if bits in {16, 24, 32} else 16)
    inside = entry._replace(content=entry.start + _ENTRY_SIZES.get(version, 36))
    for box in boxes.boxes(data, inside.content, inside.end):
        if box.kind in _READERS:
            return _READERS[box.kind](data[box.content : box.end], form)
    return form


def _of_aac(content: bytes, form: _Form) -> _Form:
    """From the bits of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)."""
    config = _aac_config(content)
    if not config:
        return form
    bits = _Bits(config)
    kind = bits.take_kind()
    rate, channels = bits.take_rate(), bits.take(4)
    if kind in {_SPECTRAL_COPY, _STEREO_COPY}:
        rate = bits.take_rate()
    if kind == _STEREO_COPY:
        channels = 2
    count = _AAC_CHANNELS.get(channels, form.channels)
    return form._replace(rate=max(rate, form.rate), channels=count)


def _aac_config(content: bytes) -> bytes:
    """What stands in the descriptors of an `esds`; empty for codecs that have no such."""
    at = 4
    while at < len(content):
        tag, at = content[at], at + 1
        size = 0
        for byte in content[at : at + 4]:
            at, size = at + 1, size << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if tag == 3:  # of the stream: an id and flags
            flags = content[at + 2]
            at += 3 + 2 * (flags >> 7) + 2 * (flags >> 5 & 1)
            at += 1 + content[at] if flags & 0x40 else 0
        elif tag == 4:  # of the decoder
            if content[at] not in {0x40, 0x66, 0x67, 0x68}:
                return b""
            at += 13
        elif tag == 5:
            return content[at : at + size]
        else:
            at += size
    return b""


class _Bits:
    """Numbers of some bits each, from the first on."""

    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        """The next number; 0 behind the end."""
        self._left -= count
        return self._number >> self._left & (1 << count) - 1 if self._left >= 0 else 0

    def take_kind(self) -> int:
        """A kind of sound in MPEG-4."""
        kind = self.take(5)
        return 32 + self.take(6) if kind == _ESCAPED else kind

    def take_rate(self) -> int:
        """Hertz; 0 for what is not known."""
        index = self.take(4)
        if index == 15:
            return self.take(24)
        return _AAC_RATES[index] if index < len(_AAC_RATES) else 0


def _of_alac(content: bytes, form: _Form) -> _Form:
    bits, channels, rate = struct.unpack_from(">9xB3xB10xI", content)
    return form._replace(rate=rate, channels=channels, bits=bits)


def _of_opus(content: bytes, form: _Form) -> _Form:
    return form._replace(rate=48_000, channels=content[1])


def _of_ac3(content: bytes, form: _Form) -> _Form:
    bits = _Bits(content)
    bits.take(10)
    return form._replace(channels=_AC3_CHANNELS[bits.take(3)] + bits.take(1))


_READERS: dict[bytes, Callable[[bytes, _Form], _Form]] = {
    b"esds": _of_aac,
    b"alac": _of_alac,
    b"dOps": _of_opus,
    b"dac3": _of_ac3,
}


def _ticks(data: bytes, rows: list[Box], moov: Box, track: Box) -> tuple[int, int]:
    """Ticks in a second of this track, and how many of them are to be heard."""
    scale, ticks = _clock(data, _inside(data, track, b"mdia", b"mdhd"))
    fragments = [box for box in rows if box.kind == b"moof"]
    if fragments:
        number = _number(data, track)
        each = _default(data, moov, number)
        ticks = sum(_ticks_of(data, box, number, each) for box in fragments)
    return scale, _edited(data, moov, track, scale, ticks)


def _edited(data: bytes, moov: Box, track: Box, scale: int, ticks: int) -> int:
    """Without what the encoder put before and behind, which a list of edits leaves out."""
    box = _find(data, track, b"edts", b"elst")
    if box is None:
        return ticks
    movie_scale, _ = _clock(data, _inside(data, moov, b"mvhd"))
    form = struct.Struct(">Qq4x" if data[box.content] == 1 else ">Ii4x")
    edits = data[box.content + 8 : box.end]
    total = 0
    for length, start in form.iter_unpack(edits[: len(edits) // form.size * form.size]):
        if start < 0:  # a pause
            continue
        left = max(0, ticks - start)
        edited = length * scale // movie_scale if movie_scale and length else left
        is_rounded = movie_scale and abs(edited - left) * movie_scale <= scale
        total += left if is_rounded else min(edited, left)
    return total or ticks


def _clock(data: bytes, box: Box) -> tuple[int, int]:
    """Ticks in a second, and in all, of a head."""
    if data[box.content] == 1:
        scale, ticks = struct.unpack_from(">IQ", data, box.content + 20)
    else:
        scale, ticks = struct.unpack_from(">II", data, box.content + 12)
    return scale, ticks


def _number(data: bytes, track: Box) -> int:
    """By which fragments name the track."""
    at = _inside(data, track, b"tkhd").content
    return int.from_bytes(data[at + 20 : at + 24] if data[at] == 1 else data[at + 12 : at + 16])


def _default(data: bytes, moov: Box, number: int) -> int:
    """Ticks of a packet where a fragment does not say."""
    extends = _find(data, moov, b"mvex")
    for box in _all(data, extends, b"trex") if extends else ():
        track, each = struct.unpack_from(">4xI4xI", data, box.content)
        if track == number:
            return int(each)
    return 0


def _ticks_of(data: bytes, moof: Box, number: int, each: int) -> int:
    """Ticks of one track in a fragment."""
    ticks = 0
    for part in _all(data, moof, b"traf"):
        flags, track = struct.unpack_from(">II", data, _inside(data, part, b"tfhd").content)
        if track != number:
            continue
        at = _inside(data, part, b"tfhd").content + 8 + 8 * (flags & 1) + 2 * (flags & 2)
        if flags & 8:
            (each,) = struct.unpack_from(">I", data, at)
        ticks += sum(_ticks_of_run(data, run, each) for run in _all(data, part, b"trun"))
    return ticks


def _ticks_of_run(data: bytes, run: Box, each: int) -> int:
    flags, count = struct.unpack_from(">II", data, run.content)
    if not flags & 0x100:
        return int(count * each)
    at = run.content + 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    size = 4 * (flags >> 8 & 15).bit_count()
    if at + count * size > run.end:
        raise IndexError
    lengths = struct.iter_unpack(f">I{size - 4}x", data[at : at + count * size])
    return sum(length for (length,) in lengths)


def _chunks_are_there(data: bytes, track: Box) -> bool:
    """Whether the file reaches as far as the last chunk of sound begins."""
    for kind, code, size in ((b"stco", "I", 4), (b"co64", "Q", 8)):
        box = _find(data, track, b"mdia", b"minf", b"stbl", kind)
        if box is not None:
            count = min(int.from_bytes(data[box.content + 4 : box.content + 8]), len(data) // size)
            offsets = struct.unpack_from(f">{count}{code}", data, box.content + 8)
            return max(offsets, default=0) < len(data)
    return True

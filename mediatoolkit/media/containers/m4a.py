"""M4A: sound alone in MP4, mostly AAC or ALAC; the record stands where films have it.

The boxes are those of films (ISO/IEC 14496-12). What kind of sound it is stands in the first
entry of `stsd`, and more exactly in a box within it that each codec has for itself.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import mp4
from mediatoolkit.media.containers.base import MAX_SECONDS, Allowance, SoundFacts
from mediatoolkit.media.containers.mp4 import Box, BoxFile

NAME = "M4A"
MIME_TYPE = "audio/mp4"
SUFFIXES: tuple[str, ...] = (".m4a", ".m4b")

sniff, read_record, with_record = mp4.sniff, mp4.read_record, mp4.with_record

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


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts, or None when boxes are missing.

    Where the brand of a file stands for sound, its pictures are a cover or belong to chapters.

    Raises:
        MediaError: It is a film, or copy-protected.
        IndexError, struct.error: It is cut short.
    """
    file = BoxFile(data)
    rows = list(file.rows())
    moov = next((box for box in rows if box.kind == b"moov"), None)
    if moov is None or all(box.kind != b"mdat" for box in rows):
        return None
    track = next(file.tracks(moov, b"soun"), None)
    is_film = data[8:12] not in _SOUND_BRANDS and any(file.tracks(moov, b"vide"))
    if is_film or (track is None and data[8:12] not in _SOUND_BRANDS):
        raise MediaError(
            "This MP4 is a film or a picture, not sound alone; Video.open takes films."
        )
    if track is None:
        return None
    form = _form(file, track)
    scale, ticks = _length(file, rows, moov, track)
    makes_sense = scale and form.rate and form.channels and ticks < MAX_SECONDS * scale
    if not makes_sense or not _chunks_are_there(file, track):
        return None
    return SoundFacts(
        mime_type=MIME_TYPE,
        length=rows[-1].end,
        sample_rate=form.rate,
        channels=form.channels,
        frames=round(ticks * form.rate / scale),
        bits=form.bits,
    )


def _form(file: BoxFile, track: Box) -> _Form:
    data, table = file.data, file.inside(track, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(file.within(table._replace(content=table.content + 8)), None)
    if entry is None:
        raise IndexError
    if entry.kind in _PROTECTED:
        raise MediaError("This sound is copy-protected; only the shop's own player decodes it.")
    version, channels, bits, rate = struct.unpack_from(">H6xHH4xI", data, entry.start + 16)
    form = _Form(rate >> 16, channels, bits if bits in {16, 24, 32} else 16)
    for box in file.within(entry._replace(content=entry.start + _ENTRY_SIZES.get(version, 36))):
        if box.kind in _READERS:
            return _READERS[box.kind](data[box.content : box.end], form)
    return form


def _of_aac(content: bytes, form: _Form) -> _Form:
    """Read the bits of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)."""
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
    """Return what stands in the descriptors of an `esds`; empty for codecs that have none."""
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


def _length(file: BoxFile, rows: list[Box], moov: Box, track: Box) -> tuple[int, int]:
    """Ticks in a second of this track, and how many of them are to be heard."""
    scale, ticks = file.clock(file.inside(track, b"mdia", b"mdhd"))
    fragments = [box for box in rows if box.kind == b"moof"]
    if fragments:
        timeline = file.timeline(moov, track)
        # Fragments of sound are small, so they have more boxes for their size than those of films.
        generous = BoxFile(file.data, Allowance(4 * len(file.data)))
        for box in fragments:
            generous.add_fragment(timeline, box)
        scale, ticks = timeline.scale, timeline.ticks
    return scale, _edited(file, moov, track, scale, ticks)


def _edited(file: BoxFile, moov: Box, track: Box, scale: int, ticks: int) -> int:
    """Leave out what the encoder put before and behind, as the list of edits says."""
    box = file.find(track, b"edts", b"elst")
    if box is None:
        return ticks
    movie_scale, _ = file.clock(file.inside(moov, b"mvhd"))
    form = struct.Struct(">Qq4x" if file.data[box.content] == 1 else ">Ii4x")
    edits = file.data[box.content + 8 : box.end]
    total = 0
    for length, start in form.iter_unpack(edits[: len(edits) // form.size * form.size]):
        if start < 0:  # a pause
            continue
        left = max(0, ticks - start)
        edited = length * scale // movie_scale if movie_scale and length else left
        # Edits are counted in the coarser ticks of the movie: less than one of these is rounding.
        is_rounded = movie_scale and abs(edited - left) * movie_scale <= scale
        total += left if is_rounded else min(edited, left)
    return total or ticks


def _chunks_are_there(file: BoxFile, track: Box) -> bool:
    """Return whether the file reaches as far as the last chunk of sound begins."""
    data = file.data
    for kind, code, size in ((b"stco", "I", 4), (b"co64", "Q", 8)):
        box = file.find(track, b"mdia", b"minf", b"stbl", kind)
        if box is not None:
            count = min(int.from_bytes(data[box.content + 4 : box.content + 8]), len(data) // size)
            offsets = struct.unpack_from(f">{count}{code}", data, box.content + 8)
            return max(offsets, default=0) < len(data)
    return True

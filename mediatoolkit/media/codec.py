"""Compressed sound to samples and back, through PyAV, which is loaded when it is needed."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media.containers import ogg, tags
from mediatoolkit.media.containers.base import SoundFacts
from mediatoolkit.media.samples import resampled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FORMATS = {
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "mp4",
}
_CODECS = {
    "audio/mpeg": "libmp3lame",
    "audio/ogg": "libopus",
    "audio/flac": "flac",
    "audio/mp4": "aac",
}
_PLANAR = {"audio/mpeg": "s16p", "audio/mp4": "fltp"}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_RATES = {"audio/mpeg": _MP3_RATES, "audio/ogg": _OPUS_RATES, "audio/mp4": _AAC_RATES}
_FLAC_LARGEST_RATE = 655350
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""The order in which FFmpeg encodes so many channels."""

_CHANNELS = {
    "audio/mpeg": frozenset({1, 2}),
    "audio/ogg": frozenset({1, 2, 3, 4, 6, 8}),  # FFmpeg 8 mixes up the places of 5 and of 7
    "audio/flac": frozenset(range(1, 9)),
    "audio/mp4": frozenset(range(1, 9)),
}
_BIT_RATES = {"audio/mpeg": 64_000, "audio/ogg": 64_000, "audio/mp4": 128_000}
_AT_ONCE = 1 << 16
_LARGE_TAGS = 1 << 20
_GLIMPSE = Fraction(1, 10)  # seconds
_LEADS = {"mp3": Fraction(3, 10)}  # its frames borrow bytes from some ten frames before
_LEAD = Fraction(1, 10)  # Opus wants 80 ms
_NO_SAMPLES = "The sound cannot be decoded: it gives no samples."
_SKIP_MANUAL = 1 << 29  # AV_CODEC_FLAG2_SKIP_MANUAL: what is not to be heard is decoded, too


def load_av() -> Any:
    """The package `av`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            "MP3, Ogg, FLAC and M4A are read and written with PyAV, which is not installed: "
            'pip install "mediatoolkit[local]". WAV works without it.'
        ) from error
    return av


def blocks(data: bytes, facts: SoundFacts) -> "Iterator[npt.NDArray[np.float32]]":
    """Samples as `(frames, channels)`, some at a time; as many as *facts* says or a little fewer.

    Channels come in FFmpeg's order, which is that of WAV: left, right, centre, low frequencies,
    back, side. Opus and Vorbis files have the centre second; libsndfile leaves it there.

    Raises:
        MediaError: The sound is not what the structure says.
        MissingExtraError: PyAV is not installed.
    """
    if facts.mime_type != "audio/ogg":
        yield from _whole(data, facts, facts.frames)
        return
    for link in ogg.links(data):  # FFmpeg guesses what it has to skip of a further link
        frames = ogg.frames_at(link, facts.sample_rate)
        yield from _whole(link.of(data), facts, frames, link)


def glimpses(
    data: bytes, facts: SoundFacts, places: Sequence[int], most: int
) -> "Iterator[tuple[int, npt.NDArray[np.float32]]]":
    """Short stretches of sound: where each begins, and its samples `(frames, channels)`.

    What lies between them is not decoded, and so costs little.

    Args:
        data: The file.
        facts: What its structure says.
        places: The frame at which each stretch begins, about; in order.
        most: Samples over all channels in all stretches, about. Where packets are so long that
            there would be more, some places are left out.

    Raises:
        MediaError: The sound is not what the structure says.
        MissingExtraError: PyAV is not installed.
    """
    if facts.mime_type != "audio/ogg":
        yield from _glimpses(data, facts, places, most)
        return
    begin = 0
    for link in ogg.links(data):
        end = begin + ogg.frames_at(link, facts.sample_rate)
        within = [place - begin for place in places if begin <= place < end]
        if within:
            share = most * len(within) // len(places)
            for at, part in _glimpses(link.of(data), facts, within, share, link):
                yield begin + at, part
        begin = end


def _whole(
    data: bytes, facts: SoundFacts, frames: int, link: ogg.Link | None = None
) -> Iterator[Any]:
    """At most *frames* of one stream as FFmpeg gives them, in the form that *facts* says.

    Raises:
        MediaError: The sound is not what the structure says.
        MissingExtraError: PyAV is not installed.
    """
    left = frames
    with _opened(data, facts) as (av, file):
        for part in _arrays(av, file, facts.sample_rate, link):
            yield _spread(part[:left], facts.channels)
            left -= len(part)
            if left <= 0:
                break
    if left == frames and frames:
        raise MediaError(_NO_SAMPLES)


def _glimpses(
    data: bytes,
    facts: SoundFacts,
    places: Sequence[int],
    most: int,
    link: ogg.Link | None = None,
) -> Iterator[tuple[int, Any]]:
    """Do as `glimpses`, for one stream."""
    import numpy as np

    every, count = 1, 0
    with _opened(data, facts) as (av, file):
        stream = file.streams.audio[0]
        begin = (stream.start_time or 0) * stream.time_base
        lead = _LEADS.get(file.format.name, _LEAD)
        latest = begin + Fraction(facts.frames, facts.sample_rate)
        if link is not None:  # FFmpeg mistakes where it is when it is sent into the last page
            latest = begin + link.last_page_at - lead
        for number, place in enumerate(places):
            if number % every:
                continue
            second = begin + Fraction(place, facts.sample_rate)
            packets = _packets_from(file, stream, second - lead, latest)
            frames = _frames_from(av, file, packets, second)
            if not frames:
                continue
            time = _time(frames[0])
            at = place if time is None else round((time - begin) * facts.sample_rate)
            parts = list(_plain(av, frames, facts.sample_rate))
            part = _spread(np.concatenate(parts), facts.channels)
            yield min(max(0, at), place), part
            count += 1
            every = max(every, -(-part.size * len(places) // max(most, 1)))
    if not count:
        raise MediaError(_NO_SAMPLES)


def _frames_from(av: Any, file: Any, packets: Iterable[Any], second: Fraction) -> list[Any]:
    """Some frames of one form from a time on; none where nothing can be decoded.

    The packets just before it are decoded, too, for without them a decoder is lost.
    """
    frames: list[Any] = []
    with suppress(av.FFmpegError):
        for frame in _decoded(av, file, packets):
            length, time = Fraction(frame.samples, frame.sample_rate), _time(frame)
            if time is not None and time + length <= second:
                continue
            if frames and _form(frame) != _form(frames[0]):
                break
            frames.append(frame)
            if sum(part.samples for part in frames) >= _GLIMPSE * frame.sample_rate:
                break
    return frames


@contextmanager
def _opened(data: bytes, facts: SoundFacts) -> Iterator[tuple[Any, Any]]:
    """PyAV and the file as it opens it.

    Raises:
        MediaError: The file cannot be opened, or what is done with it fails.
        MissingExtraError: PyAV is not installed.
    """
    av = load_av()
    start = tags.after_id3(data) if facts.mime_type == "audio/mpeg" else 0
    if start > _LARGE_TAGS:  # FFmpeg takes its time over them
        data = data[start:]
    try:
        with av.open(io.BytesIO(data), format=_FORMATS[facts.mime_type], **lenient(av)) as file:
            yield av, file
    except (av.FFmpegError, EOFError, ValueError, IndexError) as error:
        raise MediaError(f"The sound cannot be decoded: {_reason(error)}") from error


def _arrays(av: Any, file: Any, sample_rate: int, link: ogg.Link | None) -> Iterator[Any]:
    """Arrays `(frames, channels)` from the first sample that is to be heard."""
    stream = file.streams.audio[0]
    frames, lead = _decoded(av, file, file.demux(stream)), 0
    if link is not None and link.skips_by_hand:
        stream.codec_context.flags2 |= _SKIP_MANUAL
        next(frames, None)  # the first packet of Vorbis only prepares the second
        lead = link.lead
    for _, alike in groupby(frames, _form):  # joined pieces may change it on their way
        for samples in _plain(av, alike, sample_rate):
            yield samples[lead:]
            lead = max(0, lead - len(samples))


def _plain(av: Any, frames: Iterable[Any], sample_rate: int) -> Iterator[Any]:
    """Arrays `(frames, channels)` of floats, of frames that have one form."""
    plain = av.AudioResampler("flt", rate=sample_rate)
    for frame in chain(_gathered(av, frames), [None]):
        for part in plain.resample(frame):
            yield part.to_ndarray().reshape(-1, part.layout.nb_channels)


def _packets_from(file: Any, stream: Any, second: Fraction, latest: Fraction) -> Iterator[Any]:
    """Packets that do not begin before a time."""
    since = int(second / stream.time_base)
    file.seek(min(since, int(latest / stream.time_base)), stream=stream)
    for packet in file.demux(stream):
        if packet.pts is None or packet.pts >= since:
            yield packet


def _decoded(av: Any, file: Any, packets: Iterable[Any]) -> Iterator[Any]:
    """The frames of packets; in an MP3, players pass over what is no packet."""
    for packet in packets:
        try:
            yield from packet.decode()
        except av.FFmpegError:
            if file.format.name != "mp3":
                raise


def _time(frame: Any) -> Fraction | None:
    """Return when a frame begins, in seconds; None when that is not known."""
    return None if frame.pts is None else frame.pts * frame.time_base


def _form(frame: Any) -> tuple[Any, ...]:
    return frame.layout.name, frame.sample_rate, frame.format.name


def _gathered(av: Any, frames: Iterable[Any]) -> Iterator[Any]:
    """The same in large frames, because each costs its reader some time."""
    fifo = av.AudioFifo()
    for frame in frames:
        frame.pts = None  # what counts is the order
        fifo.write(frame)
        if fifo.samples * frame.layout.nb_channels >= _AT_ONCE:
            yield fifo.read()
    if fifo.samples:
        yield fifo.read()


def _spread(samples: Any, channels: int) -> Any:
    """Return *channels* channels, all alike where a later piece of the file has others."""
    import numpy as np

    if samples.shape[1] == channels:
        return samples
    return np.repeat(samples.mean(1, keepdims=True), channels, axis=1)


def lenient(av: Any) -> dict[str, str]:
    """Options of `av.open` for a file whose tags may have any encoding, which is no fault.

    PyAV 19 has no such option any more.
    """
    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}


def encode(
    samples: "npt.NDArray[np.floating]",
    sample_rate: int,
    mime_type: str,
    *,
    bits: int = 16,
    bit_rate: int | None = None,
) -> bytes:
    """Encode `(frames, channels)`.

    Args:
        samples: Values from -1 to 1.
        sample_rate: Hertz; changed to the nearest one that the format has.
        mime_type: `audio/mpeg`, `audio/ogg` (as Opus), `audio/flac` or `audio/mp4` (as AAC).
        bits: What FLAC keeps of a sample.
        bit_rate: Bits a second on average; left out, what sounds good.

    Raises:
        MediaError: More channels than the format takes.
        MissingExtraError: PyAV is not installed.
    """
    av = load_av()
    channels = samples.shape[1]
    layout = _layout(channels, mime_type)
    rate = _nearest_rate(sample_rate, mime_type)
    if rate != sample_rate:
        samples = resampled(samples, sample_rate, rate)
    kind, typed = _typed(samples, mime_type, bits)
    target = io.BytesIO()
    with av.open(target, "w", format=_FORMATS[mime_type]) as file:
        stream = file.add_stream(_CODECS[mime_type], rate=rate, layout=layout)
        stream.format = _PLANAR.get(mime_type, kind)
        stream.options = _options(mime_type, bit_rate)
        if mime_type != "audio/flac":
            stream.bit_rate = bit_rate or _BIT_RATES[mime_type] * channels
        for at in range(0, len(typed), _AT_ONCE):
            part = typed[at : at + _AT_ONCE]
            frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), kind, layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


def _options(mime_type: str, bit_rate: int | None) -> dict[str, str]:
    return {"abr": "1"} if mime_type == "audio/mpeg" and bit_rate else {}


def _nearest_rate(rate: int, mime_type: str) -> int:
    if mime_type == "audio/flac":
        return min(rate, _FLAC_LARGEST_RATE)
    rates = _RATES[mime_type]
    return next((known for known in rates if known >= rate), rates[-1])


def _typed(samples: Any, mime_type: str, bits: int) -> tuple[str, Any]:
    import numpy as np

    deep = mime_type == "audio/flac" and bits > 16
    top = 2.0**23 if deep else 2.0**15
    integers = np.clip(np.rint(samples.astype(np.float64) * top), -top, top - 1)
    if deep:
        return "s32", integers.astype(np.int32) << 8
    return "s16", integers.astype(np.int16)


def _layout(channels: int, mime_type: str) -> str:
    if channels not in _CHANNELS[mime_type]:
        endings = {".flac": "audio/flac", ".ogg": "audio/ogg", ".m4a": "audio/mp4"}
        fit = [ending for ending, kind in endings.items() if channels in _CHANNELS[kind]]
        raise MediaError(f"Sound of {channels} channels is saved as {' or '.join(['.wav', *fit])}.")
    return _LAYOUTS[channels - 1]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

"""Small files over all formats and forms of tags, each drawn by a few lines."""

import functools
import io
import itertools
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import av
import numpy as np
import soundfile
from mutagen.oggvorbis import OggVorbis
from PIL import Image as Pillow
from PIL import ImageCms, PngImagePlugin

RATE = 44_100
TITLE = "Fuchs unter Sternen"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="a camera" xmp:Rating="4"/>'
    b"</rdf:RDF></x:xmpmeta>"
)

Make = Callable[[], bytes]
_made: dict[str, Make] = {}


def drawn(name: str) -> bytes:
    """The file of that name; names end as the files do."""
    return _made[name]()


def names() -> list[str]:
    """Of all files."""
    return list(_made)


def _file(*listed: str) -> Callable[[Callable[..., bytes]], Callable[..., bytes]]:
    """Enter a function as the maker of files: of one, or of each by its name's stem."""

    def enter(make: Callable[..., bytes]) -> Callable[..., bytes]:
        for name in listed:
            stem = name.partition(".")[0]
            bound = functools.partial(make, stem) if len(listed) > 1 else make
            _made[name] = functools.cache(bound)
        return make

    return enter


# Pictures


def photo(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Pillow.Image:
    """A picture without two equal rows or columns."""
    across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    colours = np.stack([across * 5, down * 7, (across + down) * 3], -1).astype(np.uint8)
    return Pillow.fromarray(colours).convert(mode)


def profile() -> bytes:
    """SRGB with red and blue exchanged, so that who ignores it is seen."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1)
    return swapped.replace(b"????", b"bXYZ", 1)


def exif(orientation: int = 1) -> Pillow.Exif:
    """A camera's own notes."""
    record = Pillow.Exif()
    record[0x0112] = orientation
    record[0x010F] = "Kamerawerk"
    record[0x0132] = "2024:05:17 10:11:12"
    record.get_ifd(0x8825)[1] = "N"
    return record


def _saved(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@_file("rgb.png", "rgba.png", "palette.png", "grey16.png", "texts.png", "icc.png", "exif.png",
       "xmp.png", "animated.png")  # fmt: skip
def _png(name: str) -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", TITLE)
    texts.add_text("Comment", "compressed " * 20, zip=True)
    texts.add_itxt("Author", "Zoë", "de", "Autor")
    grey16 = Pillow.fromarray(np.arange(48 * 32, dtype=np.uint16).reshape(32, 48) * 40)
    frames = [photo(), photo().transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)]
    return {
        "rgb": lambda: _saved(photo(), "PNG"),
        "rgba": lambda: _saved(photo("RGBA"), "PNG"),
        "palette": lambda: _saved(photo("P"), "PNG", transparency=3),
        "grey16": lambda: _saved(grey16, "PNG"),
        "texts": lambda: _saved(photo(), "PNG", pnginfo=texts),
        "icc": lambda: _saved(photo(), "PNG", icc_profile=profile()),
        "exif": lambda: _saved(photo(), "PNG", exif=exif()),
        "xmp": lambda: _with_png_xmp(_saved(photo(), "PNG")),
        "animated": lambda: _saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
    }[name]()


def _with_png_xmp(data: bytes) -> bytes:
    import zlib

    chunk = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + XMP
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + whole + data[33:]


@_file("plain.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "turned.jpg", "xmp.jpg",
       "comment.jpg", "icc.jpg", "mpo.jpg", "motion.jpg")  # fmt: skip
def _jpeg(name: str) -> bytes:
    film = struct.pack(">I12s8xI4s4000x", 24, b"ftypmp42", 4008, b"mdat")
    camera = b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
    motion = XMP.replace(b"xmp:Rating=", camera + b"xmp:Rating=")
    second = photo().transpose(Pillow.Transpose.ROTATE_180)
    return {
        "plain": lambda: _saved(photo(), "JPEG"),
        "progressive": lambda: _saved(photo(), "JPEG", progressive=True),
        "grey": lambda: _saved(photo("L"), "JPEG"),
        "cmyk": lambda: _saved(photo("CMYK"), "JPEG"),
        "turned": lambda: _saved(photo(), "JPEG", exif=exif(6)),
        "xmp": lambda: _saved(photo(), "JPEG", xmp=XMP),
        "comment": lambda: _saved(photo(), "JPEG", comment=b"by hand"),
        "icc": lambda: _saved(photo(), "JPEG", icc_profile=profile(), exif=exif()),
        "mpo": lambda: _saved(photo(), "MPO", save_all=True, append_images=[second]),
        "motion": lambda: _saved(photo(), "JPEG", xmp=motion) + film,
    }[name]()


@_file("lossy.webp", "lossless.webp", "animated.webp", "exif.webp", "xmp.webp", "icc.webp")
def _webp(name: str) -> bytes:
    more = [photo().transpose(Pillow.Transpose.FLIP_TOP_BOTTOM)]
    options: dict[str, dict[str, Any]] = {
        "lossy": {},
        "lossless": {"lossless": True},
        "animated": {"save_all": True, "append_images": more, "duration": 80},
        "exif": {"exif": exif()},
        "xmp": {"xmp": XMP},
        "icc": {"icc_profile": profile()},
    }
    return _saved(photo("RGBA" if name == "lossless" else "RGB"), "WEBP", **options[name])


# Sound


def tone(channels: int = 1, seconds: float = 0.4, pitch: float = 330) -> "np.ndarray[Any, Any]":
    """Floats of shape (frames, channels); each channel is a pitch of its own."""
    time = np.arange(int(RATE * seconds)) / RATE
    pitches = pitch * (1 + np.arange(channels) / 2)
    return (np.sin(time[:, None] * pitches * 2 * np.pi) * 0.3).astype(np.float32)


def encoded(kind: str, subtype: str, channels: int = 1, **options: Any) -> bytes:
    """A file as libsndfile writes it."""
    return written(tone(channels, **options), kind, subtype)


def written(samples: "np.ndarray[Any, Any]", kind: str, subtype: str) -> bytes:
    """The same of samples `(frames, channels)`."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=kind, subtype=subtype)
    return file.getvalue()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def _form(tag: int = 1, bits: int = 16, channels: int = 1) -> bytes:
    frame = channels * bits // 8
    fields = struct.pack("<HHIIHH", tag, channels, RATE, RATE * frame, frame, bits)
    return _chunk(b"fmt ", fields if tag == 1 else fields + b"\0\0")


def _pcm(seconds: float = 0.4) -> bytes:
    return (tone(seconds=seconds) * 32767).astype("<i2").tobytes()


def _info(**words: str) -> bytes:
    return _chunk(
        b"LIST",
        b"INFO" + b"".join(_chunk(k.encode(), v.encode() + b"\0") for k, v in words.items()),
    )


@_file("u8.wav", "int24.wav", "float.wav", "extensible.wav", "info.wav", "comment.wav",
       "id3.wav", "bad_size.wav", "odd.wav", "even.wav", "streamed.wav", "rf64.wav", "a_law.wav",
       "mu_law.wav")  # fmt: skip
def _wav(name: str) -> bytes:
    odd = (tone(seconds=0.1) * 127 + 128).astype(np.uint8).tobytes()[:4409]
    data = _chunk(b"data", _pcm())
    info = _info(INAM=TITLE, IART="Zora")
    laws = {"a_law": "ALAW", "mu_law": "ULAW"}
    return {
        "u8": lambda: encoded("WAV", "PCM_U8"),
        "int24": lambda: encoded("WAV", "PCM_24", 2),
        "float": lambda: encoded("WAV", "FLOAT"),
        "extensible": lambda: encoded("WAVEX", "PCM_16", 2),
        "info": lambda: _riff(_form(), data, info),
        "comment": lambda: _riff(_form(), _info(ICMT="Comments here!"), data),
        "id3": lambda: _riff(_form(), data, _chunk(b"id3 ", id3(4, _frame(b"TIT2", TITLE)))),
        "bad_size": lambda: _riff(_form(), data, info, size=len(_pcm()) + 36 + 8),
        "odd": lambda: _riff(_form(bits=8), b"data" + struct.pack("<I", len(odd)) + odd, info),
        "even": lambda: _riff(_form(bits=8), _chunk(b"data", odd), info),
        "streamed": lambda: _riff(
            _form(), b"data" + struct.pack("<I", 0xFFFFFFFF) + _pcm(), size=0xFFFFFFFF
        ),
        "rf64": lambda: encoded("RF64", "PCM_16"),
        "a_law": lambda: encoded("WAV", laws["a_law"]),
        "mu_law": lambda: encoded("WAV", laws["mu_law"]),
    }[name]()


def syncsafe(size: int) -> bytes:
    """Four bytes of seven bits."""
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def id3(version: int, frames: bytes, flags: int = 0) -> bytes:
    """An ID3v2 tag."""
    return b"ID3" + bytes([version, 0, flags]) + syncsafe(len(frames)) + frames


def _frame(kind: bytes, text: str, *, size: Callable[[int], bytes] = syncsafe) -> bytes:
    content = b"\0" + text.encode("latin-1")
    return kind + size(len(content)) + b"\0\0" + content


def _plain(size: int) -> bytes:
    return size.to_bytes(4, "big")


def _cover(size: Callable[[int], bytes]) -> bytes:
    content = b"\0image/png\0\x03\0" + _png("rgb") + bytes(3000)
    return b"APIC" + size(len(content)) + b"\0\0" + content


def _v1(title: str = TITLE) -> bytes:
    text = title.encode().ljust(30, b"\0")
    return (
        b"TAG" + text + b"Zora".ljust(30, b"\0") + bytes(30) + b"2024" + bytes(28) + b"\0\x07\x0c"
    )


def _ape() -> bytes:
    item = struct.pack("<II", len(TITLE), 0) + b"Title\0" + TITLE.encode()
    size = len(item) + 32
    head = struct.pack("<8sIIII8x", b"APETAGEX", 2000, size, 1, 0xA0000000)
    foot = struct.pack("<8sIIII8x", b"APETAGEX", 2000, size, 1, 0x80000000)
    return head + item + foot


@functools.cache
def bare_mp3(seconds: float = 0.4) -> bytes:
    """Frames alone, the Xing head left out."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as mp3:
        stream = mp3.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = 64_000
        for packet in _packets(stream, seconds):
            mp3.mux(packet)
    return file.getvalue()


def mp3_of_any_rate(samples: "np.ndarray[Any, Any]") -> bytes:
    """Frames alone, each as small as what it holds."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0"}) as mp3:
        stream = mp3.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.codec_context.qscale, stream.codec_context.global_quality = True, 4 * 118
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        fifo = av.AudioFifo()
        fifo.write(frame)
        while part := fifo.read(1152, partial=True):
            mp3.mux(stream.encode(part))
        mp3.mux(stream.encode(None))
    return file.getvalue()


def _packets(stream: Any, seconds: float, channels: int = 1) -> Iterator[Any]:
    layout = {1: "mono", 2: "stereo"}[channels]
    samples = np.ascontiguousarray(tone(channels, seconds).T)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate = RATE
    context = stream.codec_context
    resampler = av.AudioResampler(
        context.format.name, layout, context.sample_rate, context.frame_size or 1024
    )
    for ready in (*resampler.resample(frame), *resampler.resample(None)):
        yield from stream.encode(ready)
    yield from stream.encode(None)


def _unsynchronised(frames: bytes) -> bytes:
    return frames.replace(b"\xff\0", b"\xff\0\0").replace(b"\xff\xe0", b"\xff\0\xe0")


@_file("bare.mp3", "xing.mp3", "v1.mp3", "v22.mp3", "v23.mp3", "v24.mp3", "unsynchronised.mp3",
       "extended.mp3", "itunes.mp3", "ape.mp3", "lyrics.mp3", "appended.mp3", "padded.mp3",
       "joined.mp3", "junk.mp3", "private.mp3")  # fmt: skip
def _mp3(name: str) -> bytes:
    sound = bare_mp3()
    title, plain = _frame(b"TIT2", TITLE), functools.partial(_frame, size=_plain)
    v22 = b"TT2" + (len(TITLE) + 1).to_bytes(3, "big") + b"\0" + TITLE.encode()
    lyrics = b"LYRICSBEGININD0000200LYR00005Words"
    foot = id3(4, title, 0x10)
    return {
        "bare": lambda: sound,
        "xing": lambda: encoded("MP3", "MPEG_LAYER_III"),
        "v1": lambda: sound + _v1(),
        "v22": lambda: id3(2, v22) + sound,
        "v23": lambda: id3(3, plain(b"TIT2", TITLE) + _cover(_plain)) + sound,
        "v24": lambda: id3(4, title + _cover(syncsafe)) + sound,
        "unsynchronised": lambda: id3(3, _unsynchronised(plain(b"TIT2", TITLE)), 0x80) + sound,
        "extended": lambda: id3(4, syncsafe(6) + b"\1\0" + title, 0x40) + sound,
        "itunes": lambda: id3(4, _cover(_plain) + title) + sound,
        "ape": lambda: sound + _ape(),
        "lyrics": lambda: sound + lyrics + b"%06dLYRICS200" % len(lyrics) + _v1(),
        "appended": lambda: sound + foot + b"3DI" + foot[3:10],
        "padded": lambda: id3(4, title + bytes(200)) + bytes(100) + sound,
        "joined": lambda: encoded("MP3", "MPEG_LAYER_III") * 2,
        "junk": lambda: b"\0" * 200 + sound,
        "private": lambda: id3(4, title + b"PRIV" + syncsafe(9) + b"\0\0owner\0\1\2\3") + sound,
    }[name]()


def _blocks(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The metadata blocks of a FLAC file, and what follows them."""
    blocks, at, last = [], 4, 0
    while not last:
        last, kind, size = (
            data[at] >> 7,
            data[at] & 127,
            int.from_bytes(data[at + 1 : at + 4], "big"),
        )
        blocks.append((kind, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return blocks, data[at:]


def comments(**words: str) -> bytes:
    """A Vorbis comment block, as FLAC has it."""
    lines = [f"{key}={word}".encode() for key, word in words.items()]
    listed = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    return struct.pack("<I", 6) + b"camera" + struct.pack("<I", len(lines)) + listed


def flac(*more: tuple[int, bytes], channels: int = 1) -> bytes:
    """A FLAC file with further blocks."""
    blocks, frames = _blocks(encoded("FLAC", "PCM_16", channels))
    listed = [blocks[0], *more]
    heads = b"".join(
        bytes([kind | 128 * (number == len(listed) - 1)])
        + len(content).to_bytes(3, "big")
        + content
        for number, (kind, content) in enumerate(listed)
    )
    return b"fLaC" + heads + frames


@_file("plain.flac", "tagged.flac", "cover.flac", "id3.flac", "v1.flac", "two_comments.flac",
       "surround.flac", "application.flac", "id3_alone.flac")  # fmt: skip
def _flac(name: str) -> bytes:
    words = (4, comments(TITLE=TITLE, ARTIST="Zora"))
    picture = _png("rgb")
    cover = struct.pack(">II9sI4I I", 3, 9, b"image/png", 0, 48, 32, 24, 0, len(picture)) + picture
    makes: dict[str, Make] = {
        "plain": flac,
        "tagged": lambda: flac(words),
        "cover": lambda: flac(words, (6, cover)),
        "id3": lambda: id3(4, _frame(b"TIT2", TITLE)) + flac(words),
        "id3_alone": lambda: id3(4, _frame(b"TIT2", TITLE)) + flac((4, comments())),
        "v1": lambda: flac(words) + _v1(),
        "two_comments": lambda: flac(words, (4, comments(ALBUM="Nacht"))),
        "surround": lambda: flac(channels=8),
        "application": lambda: flac((2, b"riff" + bytes(20)), words, (1, bytes(64))),
    }
    return makes[name]()


@_file("vorbis.ogg", "tagged.ogg", "opus.ogg", "chained.ogg", "endless.ogg")
def _ogg(name: str) -> bytes:
    return {
        "vorbis": lambda: encoded("OGG", "VORBIS"),
        "tagged": lambda: _tagged(encoded("OGG", "VORBIS")),
        "opus": lambda: _muxed("ogg", audio="libopus"),
        "chained": lambda: encoded("OGG", "VORBIS") + encoded("OGG", "VORBIS", pitch=440),
        "endless": lambda: _without_end_page(_tagged(encoded("OGG", "VORBIS"))),
    }[name]()


def _tagged(data: bytes) -> bytes:
    file = io.BytesIO(data)
    known: Any = OggVorbis(file)
    known["title"], known["artist"] = TITLE, "Zora"
    file.seek(0)
    known.save(file)
    return file.getvalue()


def _without_end_page(data: bytes) -> bytes:
    at = data.rfind(b"OggS")
    page = bytearray(data[at:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", ogg_checksum(page))
    return data[:at] + bytes(page)


def ogg_checksum(page: bytes | bytearray) -> int:
    """CRC-32 of a page, the unreflected kind."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


# MP4 and WebM


@functools.cache
def _muxed(
    kind: str, video: str = "", audio: str = "", flags: str = "", title: str = TITLE
) -> bytes:
    options = {"movflags": flags} if flags else {}
    with NamedTemporaryFile() as file, av.open(file.name, "w", kind, options=options) as container:
        if title:
            container.metadata.update(title=title, artist="Zora")
        pictures = _film_stream(container, video) if video else None
        sound = container.add_stream(audio, rate=48_000, layout="stereo") if audio else None
        for packet in itertools.chain(
            _film_packets(pictures) if pictures else (), _packets(sound, 0.5, 2) if sound else ()
        ):
            container.mux(packet)
        container.close()
        return Path(file.name).read_bytes()


def _film_stream(container: Any, codec: str) -> Any:
    stream = container.add_stream(codec, rate=24)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.gop_size = 6
    return stream


def _film_packets(stream: Any) -> Iterator[Any]:
    for number in range(18):
        picture = np.asarray(photo(size=(64, 48))) + np.uint8(number * 3)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 24)
        yield from stream.encode(frame)
    yield from stream.encode(None)


@_file("aac.m4a", "alac.m4a", "front.m4a", "untagged.m4a")
def _m4a(name: str) -> bytes:
    return {
        "aac": lambda: _muxed("ipod", audio="aac"),
        "alac": lambda: _muxed("ipod", audio="alac"),
        "front": lambda: _muxed("ipod", audio="aac", flags="faststart"),
        "untagged": lambda: _muxed("mp4", audio="aac", title=""),
    }[name]()


@_file("film.mp4", "front.mp4", "fragmented.mp4", "by_pictures.mp4", "sound.mp4", "latin.mp4",
       "film.webm", "sound.webm")  # fmt: skip
def _film(name: str) -> bytes:
    return {
        "film": lambda: _muxed("mp4", "libx264"),
        "front": lambda: _muxed("mp4", "libx264", flags="faststart"),
        "fragmented": lambda: _muxed("mp4", "libx264", flags="frag_keyframe"),
        "by_pictures": lambda: _muxed("mp4", "libx264", "aac", flags="frag_every_frame+empty_moov"),
        "sound": lambda: _muxed("mp4", "libx264", "aac"),
        "latin": lambda: _muxed("mp4", "libx264").replace(TITLE.encode()[:8], b"caf\xe9 \xfe\xffx"),
    }[name]()


_made["film.webm"] = lambda: _muxed("webm", "libvpx-vp9")
_made["sound.webm"] = lambda: _muxed("webm", "libvpx-vp9", "libopus")

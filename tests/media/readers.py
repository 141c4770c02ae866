"""What other programs read out of a file; they judge what we write."""

import atexit
import hashlib
import importlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageSequence

from mediatoolkit.media.codec import lenient, load_av

av = load_av()
mutagen, tinytag, soundfile = map(importlib.import_module, ("mutagen", "tinytag", "soundfile"))
mp4 = importlib.import_module("mutagen.mp4")

_PICTURES = {".png", ".jpg", ".webp"}
_SOUNDS = {".wav", ".mp3", ".ogg", ".flac", ".m4a"}


def by_pillow(path: Path) -> dict[str, Any]:
    """Pixels of all pictures, and everything beside them."""
    if path.suffix not in _PICTURES:
        return {}
    with Pillow.open(path) as picture:
        known: dict[str, Any] = {
            "shape": (picture.size, picture.mode, getattr(picture, "n_frames", 1)),
            "exif": dict(picture.getexif()),
            "gps": dict(picture.getexif().get_ifd(0x8825)),
        }
        for key in ("icc_profile", "comment", "transparency", "duration", "Title", "Author"):
            known[key] = picture.info.get(key)
        for words in _leaves(picture.getxmp()):
            known[f"xmp {words}"] = True
        for number, frame in enumerate(ImageSequence.Iterator(picture)):
            known[f"pixels {number}"] = _digest(frame.tobytes())
    return known


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


def by_mutagen(path: Path) -> dict[str, str]:
    """Every tag, pictures and all."""
    file = None if path.suffix in _PICTURES else mutagen.File(path)
    known = {key: repr(value) for key, value in dict(getattr(file, "tags", None) or {}).items()}
    for number, picture in enumerate(getattr(file, "pictures", ())):
        known[f"picture {number}"] = _digest(picture.data)
    return known


def by_tinytag(path: Path) -> dict[str, Any]:
    """The usual fields."""
    if path.suffix not in _SOUNDS:
        return {}
    known = tinytag.TinyTag.get(path)
    names = ("title", "artist", "album", "track", "year", "genre")
    return {name: getattr(known, name) for name in names if getattr(known, name) is not None}


def by_ffmpeg(path: Path) -> dict[str, str]:
    """The tags of file and streams as players show them, and every packet with its time.

    Of an MP3 these are the frames, for FFmpeg takes tags behind them for more sound, and does not
    undo the unsynchronisation of a cover.
    """
    if path.suffix in _PICTURES:
        return {}
    packets = hashlib.sha256()
    with av.open(str(path), **lenient(av)) as file:
        known = dict(file.metadata)
        for stream in file.streams:
            known |= {f"{stream.index} {key}": word for key, word in stream.metadata.items()}
        for packet in file.demux():
            is_sound = packet.stream.type == "audio" and bytes(packet).startswith(b"\xff")
            if path.suffix == ".mp3" and not is_sound:
                continue
            packets.update(f"{packet.stream_index} {packet.pts} {packet.size}".encode())
            packets.update(bytes(packet))
    return {**known, "packets": packets.hexdigest()}


def by_libsndfile(path: Path) -> dict[str, Any]:
    """Rate and samples."""
    if path.suffix not in _SOUNDS:
        return {}
    samples, rate = soundfile.read(path)
    return {"rate": rate, "shape": samples.shape, "samples": _digest(samples.tobytes())}


def by_exiftool(path: Path) -> dict[str, Any]:
    """All tags of a file but places and sizes in it, which a record inside changes."""
    tags = exiftool(path, "-G1", "-a", "-ee3", "-n")
    return {key: value for key, value in tags.items() if not _says_where(key)}


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    """What ExifTool reads; nothing where it is not installed."""
    if shutil.which("exiftool") is None:
        return {}
    process = _exiftool()
    words = ("-json", *options, str(path), "-execute")
    process.stdin.write("".join(word + "\n" for word in words))
    process.stdin.flush()
    answer = "".join(iter(process.stdout.readline, "{ready}\n"))
    return dict(json.loads(answer)[0]) if answer else {}


@cache
def _exiftool() -> Any:
    """Started once, as that takes longer than all that it reads; it ends with its input."""
    process = subprocess.Popen(  # noqa: S603 - a program of this machine
        [str(shutil.which("exiftool")), "-stay_open", "True", "-@", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(process.communicate, "-stay_open\nFalse\n")
    return process


def _says_where(tag: str) -> bool:
    group, _, name = tag.rpartition(":")
    return group in {"System", "File", "ExifTool", "Composite", ""} or name.endswith(
        ("Offset", "Length", "Size", "Size64", "Start", "Bitrate", "XMPToolkit", "WebP_Flags")
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


ALL = (by_pillow, by_mutagen, by_tinytag, by_ffmpeg, by_exiftool, by_libsndfile)
_BEYOND_THEM = (
    mutagen.MutagenError,
    tinytag.TinyTagException,
    soundfile.LibsndfileError,
    av.FFmpegError,
    ValueError,
)


def changes(
    before: Path, after: Path, *, misread: dict[str, Path] | None = None
) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What a program reads out of one file and not out of the other, but for what it adds.

    Args:
        before: The one.
        after: The other.
        misread: For each program that stumbles over *before*, a file with the same in it that it
            reads right.
    """
    changed = {}
    for read in ALL:
        try:
            expected = read((misread or {}).get(read.__name__, before))
        except _BEYOND_THEM:
            continue
        known = read(after)
        for key in expected:
            if known.get(key) != expected[key]:
                changed[read.__name__, key] = expected[key], known.get(key)
    return changed


def packets_of(data: bytes, kind: str) -> list[bytes]:
    """The sound as it is packed, by FFmpeg."""
    with av.open(io.BytesIO(data), format=kind, **lenient(av)) as file:
        return [bytes(packet) for packet in file.demux(audio=0)]


def seconds_by_ffmpeg(data: bytes, kind: str) -> float:
    """How long it sounds when each packet is decoded that can be."""
    total = 0.0
    with av.open(io.BytesIO(data), format=kind, **lenient(av)) as file:
        for packet in file.demux(audio=0):
            try:
                total += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            except av.FFmpegError:
                continue  # as players do
    return total

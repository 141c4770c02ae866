"""What other programs read out of a sound file; they judge what we write."""

import importlib
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from mediatoolkit.media.sound.codec import load_av

av = load_av()
mutagen, tinytag, soundfile = map(importlib.import_module, ("mutagen", "tinytag", "soundfile"))
mp4 = importlib.import_module("mutagen.mp4")
_OURS = "mediatoolkit"


def by_mutagen(path: Path) -> dict[str, str]:
    """Every tag but ours, pictures and all."""
    tags = mutagen.File(path).tags or {}
    return {key: repr(value) for key, value in dict(tags).items() if _OURS not in key.lower()}


def by_tinytag(path: Path) -> dict[str, Any]:
    """The usual fields, without ours."""
    known = tinytag.TinyTag.get(path).as_dict()
    names = ("title", "artist", "album", "track", "year", "genre")
    return {name: str(known[name]).replace(" ", "") for name in names if known.get(name)}


def by_ffmpeg(path: Path) -> dict[str, str]:
    """The tags of file and stream, without ours, and what the sound decodes to."""
    with av.open(str(path), metadata_errors="ignore") as file:
        tags = {**file.metadata, **file.streams.audio[0].metadata}
    return {key: value for key, value in tags.items() if _OURS not in key.lower()}


def by_exiftool(path: Path) -> dict[str, Any]:
    """Title, artist and the like, where ExifTool is installed."""
    program = shutil.which("exiftool")
    if program is None:
        return {}
    words = [program, "-j", "-Title", "-Artist", "-Album", "-Picture", "-Comment", str(path)]
    done = subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words
    return {key: value for key, value in json.loads(done.stdout)[0].items() if key != "SourceFile"}


def by_libsndfile(path: Path) -> dict[str, Any]:
    """Rate and samples."""
    samples, rate = soundfile.read(path)
    return {"rate": rate, "shape": samples.shape, "samples": samples.tobytes()}


_ALL = (by_mutagen, by_tinytag, by_ffmpeg, by_exiftool, by_libsndfile)
_BEYOND_THEM = (
    mutagen.MutagenError,
    tinytag.TinyTagException,
    soundfile.LibsndfileError,
    av.FFmpegError,
    ValueError,
)


def changes(before: Path, after: Path) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What a program reads out of one file and not out of the other, but for what it adds."""
    changed = {}
    for read in _ALL:
        try:
            expected = read(before)
        except _BEYOND_THEM:
            continue
        known = read(after)
        for key in expected:
            if known.get(key) != expected[key]:
                changed[read.__name__, key] = expected[key], known.get(key)
    return changed


def packets_of(data: bytes, kind: str) -> list[bytes]:
    """The sound as it is packed, by FFmpeg."""
    with av.open(io.BytesIO(data), format=kind, metadata_errors="ignore") as file:
        return [bytes(packet) for packet in file.demux(audio=0)]


def seconds_by_ffmpeg(data: bytes, kind: str) -> float:
    """How long it sounds when each packet is decoded that can be."""
    total = 0.0
    with av.open(io.BytesIO(data), format=kind, metadata_errors="ignore") as file:
        for packet in file.demux(audio=0):
            try:
                total += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            except av.FFmpegError:
                continue  # as players do
    return total

"""What ElevenLabs lets be heard, in which format, and when each letter of it is heard."""

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.sounds import Utterance, speak, times, wav

_FEW_WORDS = re.compile(r"\s*(?:\S+\s*){1,4}")  # of each line in a stream with times


class Format(NamedTuple):
    """What `output_format` says: codec, samples and kilobits per second."""

    codec: str
    rate: int
    kbits: int = 0

    @classmethod
    def of(cls, name: str) -> "Format":
        """The format of that name, such as `mp3_44100_128`."""
        codec, *numbers = name.split("_")
        return cls(codec, *map(int, numbers))

    @property
    def mime_type(self) -> str:
        """Its `Content-Type`."""
        return {"mp3": "audio/mpeg"}.get(self.codec, f"audio/{self.codec}")

    def encode(self, samples: bytes, *, endless: bool = False) -> bytes:
        """*samples* as a file; the WAV of a stream does not know its length."""
        if self.codec == "mp3":
            return mp3(samples, self.rate, self.kbits)
        return wav(samples, rate=self.rate, endless=endless) if self.codec == "wav" else samples


class _Line(NamedTuple):
    """What is to be heard of one voice: its first letter, its first second, times of letters."""

    utterance: Utterance
    first: int
    start: float
    spans: Sequence[tuple[float, float]]

    @property
    def end(self) -> float:
        return self.spans[-1][1] if self.spans else self.start


class Recording(NamedTuple):
    """One generation."""

    model: str
    utterances: Sequence[Utterance]
    credits: int
    seconds: float | None = None  # of a sound or of music; speech is as long as its words
    speed: float = 1.0

    def samples(self, rate: int) -> bytes:
        """What is heard, as samples of 16 bits."""
        samples = speak(self.utterances, round(rate / self.speed))
        if self.seconds is None:
            return samples
        length = round(self.seconds * rate) * 2
        return (samples * (length // max(len(samples), 1) + 1))[:length].ljust(length, b"\0")

    def lines(self) -> Iterator[_Line]:
        """The utterances, one after the other."""
        index, start = 0, 0.0
        for utterance in self.utterances:
            spans = [
                (round(start + begin / self.speed, 3), round(start + end / self.speed, 3))
                for begin, end in times(utterance.text + " ")
            ]
            yield _Line(utterance, index, start, spans[: len(utterance.text)])
            index, start = index + len(utterance.text), spans[-1][1]


def timed(
    recording: Recording, data: bytes, seconds: float, *, cuts: bool, voices: bool
) -> Iterator[dict[str, Any]]:
    """The sound with the times of its letters: at once, or a few words at a time."""
    lines = list(recording.lines())
    letters = "".join(line.utterance.text for line in lines)
    spans = [span for line in lines for span in line.spans]
    edges = [words.end() for words in _FEW_WORDS.finditer(letters)]
    start, sent = 0, 0
    for edge in edges if cuts else [len(letters)]:
        until = len(data)
        if edge < len(letters):
            until = round(spans[edge - 1][1] / seconds * len(data)) // 2 * 2
        begins, ends = zip(*spans[start:edge], strict=True)
        alignment = {
            "characters": list(letters[start:edge]),
            "character_start_times_seconds": begins,
            "character_end_times_seconds": ends,
        }
        audio = base64.b64encode(data[sent:until]).decode()
        piece: dict[str, Any] = {
            "audio_base64": audio,
            "alignment": alignment,
            "normalized_alignment": alignment,
        }
        if voices:
            segments = [_segment(number, line) for number, line in enumerate(lines)]
            piece["voice_segments"] = [
                each for each in segments if start <= each["character_start_index"] < edge
            ]
        yield piece
        start, sent = edge, until


def _segment(number: int, line: _Line) -> dict[str, Any]:
    """Which letters and seconds one line of a dialogue has."""
    return {
        "voice_id": line.utterance.voice,
        "start_time_seconds": line.start,
        "end_time_seconds": line.end,
        "character_start_index": line.first,
        "character_end_index": line.first + len(line.utterance.text),
        "dialogue_input_index": number,
    }

"""Speech by the local engine, sentence by sentence.

Words come without the silence that the model puts around them; the pauses between sentences
are set here, so that it is known to the sample when a sentence begins and ends.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from mediatoolkit.errors import MissingExtraError, PromptError
from mediatoolkit.quoting import quoted
from mediatoolkit.synthesis.speaking import pico, speech_model
from mediatoolkit.synthesis.speaking.sentences import sentences, split
from mediatoolkit.synthesis.speaking.speech_model import SAMPLE_RATE
from mediatoolkit.synthesis.speaking.voices import DEFAULT, PACKAGES, VOICES, Voice

SLOWEST, FASTEST = 0.25, 2.0
LOUDEST = 10 ** (-1 / 20)
"""The highest sample, -1 dBFS."""

_KNEE = 0.7  # below, sound is left alone; above, it bends towards the loudest
_LONGEST = 280  # characters in a row
_QUIET = 0.004  # of a sentence's peak: silence
_BEFORE, _AFTER = 0.04, 0.09  # seconds kept around words
_FADE = 0.005
_BETWEEN, _BETWEEN_PARAGRAPHS, _AT_END = 0.32, 0.7, 0.15  # seconds of pause
_DIGITS = frozenset("0123456789")
_WORD = re.compile(r"[^\W_]+")
_LONG_NUMBER = re.compile(r"\d(?:[,.]?\d){12,}")  # read digit by digit, as people do


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One sentence.

    Attributes:
        samples: `(frames,)`, from -1 to 1, with the pause that follows.
        sample_rate: Hertz.
        text: What is said.
        start: Seconds from the beginning at which its words begin.
        end: Seconds at which they end.
    """

    samples: npt.NDArray[np.float32]
    sample_rate: int
    text: str
    start: float
    end: float


def speak(
    text: str,
    *,
    voice: str = DEFAULT,
    speed: float = 1.0,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda _what, _fraction: None,
) -> Iterator[Spoken]:
    """Say *text*.

    Args:
        text: In the voice's language.
        voice: One of `VOICES`.
        speed: From `SLOWEST` to `FASTEST`.
        seed: The same seed gives the same sound.
        progress: Called with each sentence, and the share that is done before it; within long
            ones too. It may raise to end the work.

    Yields:
        Each sentence when it is made, all equally loud. The loudest samples stay below -1 dBFS.

    Raises:
        PromptError: The text or voice is not one that can be spoken.
        MissingExtraError: The voice's speech model is not installed.
    """
    return dialogue([(voice, text)], speed=speed, seed=seed, progress=progress)


def dialogue(
    turns: Sequence[tuple[str, str]],
    *,
    speed: float = 1.0,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda _what, _fraction: None,
) -> Iterator[Spoken]:
    """Say `(voice, text)` after `(voice, text)`, else as `speak`."""
    check(turns, speed)
    return _sentences(turns, speed, seed, progress)


def installed() -> list[str]:
    """The engines that can speak here, the better one first."""
    return [engine for engine, packages in PACKAGES.items() if all(map(find_spec, packages))]


def voice_called(name: str) -> Voice:
    """The voice of that name.

    Raises:
        PromptError: There is none.
        MissingExtraError: Its engine is not installed.
    """
    if name not in VOICES:
        near = get_close_matches(name.lower(), VOICES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VOICES)}."
        raise PromptError(f"The local engine has no voice {quoted(name)}; {hint}")
    if VOICES[name].engine not in installed():
        package = {"hibari": "hibari-tts", "pico": "py-nanotts"}[VOICES[name].engine]
        raise MissingExtraError(
            f"The voice {name} needs the package {package}, which is not installed: "
            'pip install "mediatoolkit[local]".'
        )
    return VOICES[name]


def check(turns: Sequence[tuple[str, str]], speed: float) -> None:
    """Refuse what cannot be spoken.

    Raises:
        PromptError: Says what can.
        MissingExtraError: The speech model of a voice is not installed.
    """
    for voice, _ in turns:
        voice_called(voice)
    if not SLOWEST <= speed <= FASTEST:
        raise PromptError(
            f"The local voices speak at {SLOWEST:g} to {FASTEST:g} times their pace, not at "
            f"{speed:g}."
        )
    words = _WORD.findall(" ".join(text for _, text in turns))
    foreign = [word for word in words if not _is_sayable(word)]
    if len(foreign) == len(words) or 2 * sum(map(len, foreign)) > sum(map(len, words)):
        raise PromptError(
            "The local voices read Latin letters, and most of this text is something else; use a "
            'model that speaks it, such as model="gemini/gemini-3.8-flash-tts".'
        )


def left_out(text: str) -> list[str]:
    """The words that the voices pass over, each once."""
    return list(dict.fromkeys(word for word in _WORD.findall(text) if not _is_sayable(word)))


def _sentences(
    turns: Sequence[tuple[str, str]],
    speed: float,
    seed: int,
    progress: Callable[[str, float], None],
) -> Iterator[Spoken]:
    parts = [(voice, part) for voice, text in turns for part in _parts(text)]
    whole, done, at = sum(len(part) for _, part in parts), 0, 0
    for number, (voice, part) in enumerate(parts):
        text = " ".join(_plain(part).split())

        def step(text: str = text, done: int = done) -> None:
            progress(text, done / whole)

        sound = _spoken(text, VOICES[voice], speed, [seed, number], step)
        done += len(part)
        words = _words_alone(_leveled(sound * np.float32(VOICES[voice].gain)))
        if not len(words):
            continue
        last = number == len(parts) - 1
        pause = _AT_END if last else _pause_after(part) / speed
        samples = np.concatenate([words, np.zeros(round(pause * SAMPLE_RATE), np.float32)])
        start, end = at / SAMPLE_RATE, (at + len(words)) / SAMPLE_RATE
        yield Spoken(samples, SAMPLE_RATE, " ".join(part.split()), start, end)
        at += len(samples)
    if not at:
        raise PromptError("The local voices know no way to say this; write it in other words.")


def _spoken(
    text: str, voice: Voice, speed: float, seed: list[int], pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    if voice.engine == "pico":
        return pico.spoken(text, voice, speed=speed, rate=SAMPLE_RATE, pause=pause)
    return speech_model.spoken(text, voice, speed=speed, seed=seed, pause=pause)


def _parts(text: str) -> list[str]:
    """Sentences that have a word to say; what has none stays with the one before."""
    parts = [part for sentence in sentences(text) for part in split(sentence, _LONGEST)]
    return [part for part in parts if any(map(_is_sayable, _WORD.findall(part)))]


def _pause_after(part: str) -> float:
    space = part[len(part.rstrip()) :]
    return _BETWEEN_PARAGRAPHS if space.count("\n") > 1 else _BETWEEN


def _plain(text: str) -> str:
    """The text without what the voices would spell out letter by letter."""
    kept = _WORD.sub(lambda word: word[0] if _is_sayable(word[0]) else "", text)
    plain = unicodedata.normalize("NFKC", kept)
    return _LONG_NUMBER.sub(lambda number: " ".join(filter(str.isdigit, number[0])), plain)


def _is_sayable(word: str) -> bool:
    """Whether a word is of Latin letters or digits."""
    return all(
        letter in _DIGITS or unicodedata.name(letter, "").startswith("LATIN ")
        for letter in unicodedata.normalize("NFKC", word)
        if letter.isalnum()
    )


def _leveled(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Never above the loudest: what is over the knee is bent, not cut."""
    loud = np.abs(sound)
    room = LOUDEST - _KNEE
    bent = _KNEE + room * np.tanh((loud - _KNEE) / room)
    return np.where(loud > _KNEE, np.copysign(bent, sound), sound).astype(np.float32)


def _words_alone(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Without the silence around, faded at both ends."""
    heard = np.flatnonzero(np.abs(sound) > _QUIET * np.abs(sound).max(initial=0))
    if not len(heard):
        return sound[:0]
    first = max(0, heard[0] - round(_BEFORE * SAMPLE_RATE))
    last = heard[-1] + round(_AFTER * SAMPLE_RATE)
    words = sound[first:last].copy()
    ramp = np.linspace(0, 1, min(len(words), round(_FADE * SAMPLE_RATE)), dtype=np.float32)
    words[: len(ramp)] *= ramp
    words[len(words) - len(ramp) :] *= ramp[::-1]
    return words

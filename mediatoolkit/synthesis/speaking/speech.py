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

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MissingExtraError, PromptError
from mediatoolkit.sentences import sentences, split
from mediatoolkit.synthesis.speaking.engines import (
    SAMPLE_RATE,
    speak_with_hibari,
    speak_with_pico,
)
from mediatoolkit.synthesis.speaking.markup import BREAK, pause_of, without_markup
from mediatoolkit.synthesis.speaking.readings import neutral, readable
from mediatoolkit.synthesis.speaking.voices import DEFAULT, PACKAGES, VOICES, LocalVoice, speaks

SLOWEST, FASTEST = 0.25, 2.0
LOUDEST = 10 ** (-1 / 20)
"""The highest sample, -1 dBFS."""

_USUAL = VOICES[DEFAULT]
_KNEE = 0.7  # below, sound is left alone; above, it bends towards the loudest
_LONGEST = 280  # characters in a row
_QUIET = 0.004  # of a sentence's peak: silence
_BEFORE, _AFTER = 0.04, 0.09  # seconds kept around words
_FADE = 0.005
_BETWEEN, _BETWEEN_PARAGRAPHS, _AT_END = 0.32, 0.7, 0.15  # seconds of pause
_DIGITS = frozenset("0123456789")
_WORD = re.compile(r"[^\W_]+")
_SIGNS = re.compile(r"[^\x00-\x7f\w\s]+")
_SYMBOLS = frozenset({"Sm", "Sc", "Sk", "So", "Cf", "Mn", "Me"})
_SAID_SIGNS = frozenset("€£¥°§©")
_SPACE_BEFORE = re.compile(r" +(?=[,.;:!?](?:\s|$))")
_LONG_NUMBER = re.compile(r"\d(?:[,.]?\d){12,}")  # read digit by digit, as people do


@dataclass(frozen=True, slots=True, eq=False)
class SpokenSentence:
    """One sentence.

    Attributes:
        samples: `(frames,)`, from -1 to 1, with the pause that follows.
        sample_rate: Hertz.
        text: What is said, as it was written, with its markup.
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
) -> Iterator[SpokenSentence]:
    """Say *text*.

    Args:
        text: In the voice's language.
        voice: One of `VOICES`.
        speed: From `SLOWEST` to `FASTEST`.
        seed: The same seed gives the same sound.
        progress: Called with each sentence, and the share that is done before it; within
            long sentences too. It may raise to end the work.

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
) -> Iterator[SpokenSentence]:
    """Say one `(voice, text)` after another, otherwise as `speak` does."""
    check(turns, speed)
    return _sentences(turns, speed, seed, progress)


def installed() -> list[str]:
    """The engines that can speak here, the better one first."""
    return [engine for engine, packages in PACKAGES.items() if all(map(find_spec, packages))]


def voice_called(name: str) -> LocalVoice:
    """The voice of that name.

    Raises:
        PromptError: There is none.
        MissingExtraError: Its engine is not installed.
    """
    if name not in VOICES:
        near = get_close_matches(name.lower(), VOICES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(VOICES)}."
        raise PromptError(f"The local engine has no voice {quoted(name)}; {hint}")
    engine = VOICES[name].engine
    if engine not in installed():
        package = {"hibari": "hibari-tts", "pico": "py-nanotts"}[engine]
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


def left_out(text: str, voice: str = DEFAULT) -> list[str]:
    """The words, signs and pauses that a voice passes over, each once."""
    missing: list[str] = []
    silent = True
    for piece in _pieces(text):
        silent = silent and not _has_words(piece, VOICES[voice])
        if silent:
            missing += [pause[0].rstrip() for pause in BREAK.finditer(piece)]
        _plain(piece, VOICES[voice], missing)
    return list(dict.fromkeys(missing))


def _sentences(
    turns: Sequence[tuple[str, str]],
    speed: float,
    seed: int,
    progress: Callable[[str, float], None],
) -> Iterator[SpokenSentence]:
    parts = [(voice, part) for voice, text in turns for part in _parts(text, VOICES[voice])]
    total, done, at = sum(len(part) for _, part in parts), 0, 0
    for number, (voice, part) in enumerate(parts):
        text = _plain(part, VOICES[voice])

        def step(text: str = text, done: int = done) -> None:
            progress(text, done / total)

        sound = _wave(text, VOICES[voice], speed, [seed, number], step)
        done += len(part)
        words = _words_alone(_leveled(sound * np.float32(VOICES[voice].gain)))
        if not len(words):
            continue
        last = number == len(parts) - 1
        pause = _AT_END if last and not BREAK.search(part) else _pause_after(part, speed)
        samples = np.concatenate([words, np.zeros(round(pause * SAMPLE_RATE), np.float32)])
        start, end = at / SAMPLE_RATE, (at + len(words)) / SAMPLE_RATE
        yield SpokenSentence(samples, SAMPLE_RATE, " ".join(part.split()), start, end)
        at += len(samples)
    if not at:
        raise PromptError("The local voices know no way to say this; write it in other words.")


def _wave(
    text: str, voice: LocalVoice, speed: float, seed: list[int], pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    if voice.engine == "pico":
        return speak_with_pico(text, voice, speed=speed, rate=SAMPLE_RATE, pause=pause)
    return speak_with_hibari(text, voice, speed=speed, seed=seed, pause=pause)


def _pieces(text: str) -> Iterator[str]:
    """Sentences, cut where a pause is asked for; in a row they are the text."""
    for sentence in sentences(text):
        start = 0
        for pause in (*BREAK.finditer(sentence), None):
            end = pause.end() if pause else len(sentence)
            yield from split(sentence[start:end], _LONGEST)
            start = end


def _parts(text: str, voice: LocalVoice = _USUAL) -> list[str]:
    """Pieces that have a word to say; a pause without one stays with the words before."""
    parts: list[str] = []
    for piece in _pieces(text):
        if _has_words(piece, voice):
            parts.append(piece)
        elif parts and BREAK.search(piece):
            parts[-1] += piece
    return parts


def _has_words(piece: str, voice: LocalVoice) -> bool:
    return bool(_WORD.search(_plain(piece, voice)))


def _pause_after(part: str, speed: float) -> float:
    """Seconds: those that the text asks for, or the usual ones at that *speed*."""
    breaks = [pause_of(mark[1], _BETWEEN_PARAGRAPHS) for mark in BREAK.finditer(part)]
    space = part[len(part.rstrip()) :]
    usual = _BETWEEN_PARAGRAPHS if space.count("\n") > 1 else _BETWEEN
    return sum(breaks) or usual / speed


def _plain(piece: str, voice: LocalVoice = _USUAL, missing: list[str] | None = None) -> str:
    """What the voice is given to say; what it cannot say is added to *missing*."""
    missing = [] if missing is None else missing

    def sayable(word: re.Match[str]) -> str:
        if _is_sayable(word[0]):
            return word[0]
        missing.append(word[0])
        return ""

    def plain_sign(signs: re.Match[str]) -> str:
        silent = "".join(filter(_is_silent, signs[0]))
        if any(unicodedata.category(sign).startswith("S") for sign in silent):
            missing.append(silent)
        return "".join(sign for sign in signs[0] if sign not in silent)

    text = without_markup(BREAK.sub(" ", piece), missing)
    spell_out = readable if speaks(voice, "en") else neutral
    text = _WORD.sub(sayable, spell_out(text, missing))
    text = _SIGNS.sub(plain_sign, unicodedata.normalize("NFKC", text))
    text = _LONG_NUMBER.sub(lambda number: " ".join(filter(str.isdigit, number[0])), text)
    return _SPACE_BEFORE.sub("", " ".join(text.split()))


def _is_silent(sign: str) -> bool:
    """Whether it is a symbol without a word, or joins letters or symbols unseen."""
    return sign not in _SAID_SIGNS and unicodedata.category(sign) in _SYMBOLS


def _is_sayable(word: str) -> bool:
    """Whether a word is of Latin letters or digits."""
    return all(
        letter in _DIGITS or unicodedata.name(letter, "").startswith("LATIN ")
        for letter in unicodedata.normalize("NFKC", word)
        if letter.isalnum()
    )


def _leveled(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Keep the sound below the loudest: what is over the knee is bent, not cut."""
    loud = np.abs(sound)
    room = LOUDEST - _KNEE
    bent = _KNEE + room * np.tanh((loud - _KNEE) / room)
    return np.where(loud > _KNEE, np.copysign(bent, sound), sound).astype(np.float32)


def _words_alone(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sound without the silence around it, faded at both ends."""
    audible = np.flatnonzero(np.abs(sound) > _QUIET * np.abs(sound).max(initial=0))
    if not len(audible):
        return sound[:0]
    first = max(0, audible[0] - round(_BEFORE * SAMPLE_RATE))
    last = audible[-1] + round(_AFTER * SAMPLE_RATE)
    words = sound[first:last].copy()
    ramp = np.linspace(0, 1, min(len(words), round(_FADE * SAMPLE_RATE)), dtype=np.float32)
    words[: len(ramp)] *= ramp
    words[len(words) - len(ramp) :] *= ramp[::-1]
    return words

"""From a prompt to the scenes of a film, and a painting of each."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from mediatoolkit.synthesis.filming.montage import ROOM
from mediatoolkit.synthesis.painting import vocabulary, words
from mediatoolkit.synthesis.painting.inscriptions import QUOTED
from mediatoolkit.synthesis.painting.painter import SIDES, ignore, paint

MOST_SCENES = 3

_READ = 6_000
"""How many characters of a very long prompt are read."""
_BREAKS = re.compile(r"(?<=[.!?…]) |(?<=[\u3002\uff01\uff1f])|; ?|,? (?:and )?then ", re.IGNORECASE)
_OPENERS = re.compile(r"^(?:(?:and|then|next|finally)\b,? ?)+", re.IGNORECASE)
_PRONOUNS = re.compile(r"\b(?:it|he|she|they|him|them)\b", re.IGNORECASE)
_ARTICLES = {"a": "the", "an": "the"}


def scenes(text: str, most: int = MOST_SCENES) -> list[str]:
    """Split a prompt into what is seen one after the other.

    Sentences, and what follows a "then", are scenes of their own; where there are more than
    *most*, neighbours share one. A later scene keeps the style, season and time of day of the
    first unless it names its own, and "it" or "she" stands for the first one's subject.
    """
    lines = (" ".join(line.split()) for line in text[:_READ].splitlines())
    parts = [_OPENERS.sub("", part) for line in lines for part in _sentences(line)]
    parts = [part for part in parts if vocabulary.tokens(part)] or [text]
    count = min(most, len(parts))
    shares = [parts[n * len(parts) // count : (n + 1) * len(parts) // count] for n in range(count)]
    first, *later = (" ".join(share) for share in shares)
    return [first, *(_following(first, scene) for scene in later)]


def _sentences(line: str) -> Iterator[str]:
    """The parts between breaks; there is none within a quotation, which is lettered as it is."""
    quotations = [match.span() for match in QUOTED.finditer(line)]
    start = 0
    for found in _BREAKS.finditer(line):
        if not any(first < found.start() < last for first, last in quotations):
            yield line[start : found.start()]
            start = found.end()
    yield line[start:]


def illustrate(
    texts: list[str],
    *,
    size: tuple[int, int],
    seed: int,
    progress: Callable[[str, float], None] = ignore,
) -> Iterator[tuple[npt.NDArray[np.uint8], tuple[str, ...]]]:
    """Paint scenes for a film of *size*, a little larger than it.

    Yields:
        Pixels, and the words of which they show nothing.
    """
    scale = min(ROOM, (SIDES.stop - 1) / max(size))
    width, height = (max(SIDES.start, round(side * scale)) for side in size)
    for index, text in enumerate(texts):

        def report(step: str, fraction: float, index: int = index) -> None:
            progress(f"scene {index + 1}: {step}", (index + fraction) / len(texts))

        painting = paint(text, width=width, height=height, seed=seed + index, progress=report)
        yield painting.pixels, painting.not_drawn


def _following(first: str, scene: str) -> str:
    subject = _subject(first)
    if subject:
        scene, replaced = _PRONOUNS.subn(subject, scene, count=1)
        if not replaced and not words.read(scene).has_subject:
            scene = f"{subject} {scene}"
    before, now = words.read(first), words.read(scene)
    inherited = [
        old
        for old, new in (
            (before.style, now.style),
            (before.season, now.season),
            (before.time, now.time),
        )
        if old and not new
    ]
    return ", ".join([scene.rstrip(" ."), *inherited])


def _subject(scene: str) -> str:
    """The words of a scene up to its first noun, such as "the red fox", or nothing."""
    noun_phrase: list[str] = []
    for word, _ in vocabulary.tokens(scene)[:8]:
        noun_phrase = [] if word == "of" else [*noun_phrase, _ARTICLES.get(word, word)]
        if vocabulary.find_thing(word):
            return " ".join(noun_phrase)
    return ""

"""The words that the painter knows, from `vocabulary.toml` and `nouns.toml`."""

import re
import unicodedata
from itertools import islice
from typing import NamedTuple

from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.outlines import has_glyph
from mediatoolkit.synthesis.painting.palettes import COLOURS
from mediatoolkit.synthesis.tables import load

MOST_WORDS = 400
"""How many words of a very long prompt are read."""

_WORDS = load(__package__, "vocabulary.toml")
PLAIN, PRONOUNS, NEGATIONS, INEXACT = (
    frozenset(_WORDS.words(name)) for name in ("plain", "pronouns", "negations", "inexact")
)
SETTINGS = {
    kind: _WORDS.meanings(section)
    for kind, section in (
        ("place", "places"),
        ("surface", "surfaces"),
        ("weather", "weather"),
        ("form", "forms"),
        ("style", "styles"),
        ("season", "seasons"),
        ("time", "times"),
    )
}
"""Meanings of the words that set the scene, the most tangible kind first."""
RELATIONS, IMPLIED, POSES = map(_WORDS.meanings, ("relations", "implied", "poses"))
CLOTHES = _WORDS.lists("clothes")
COUNTS, COLLECTIVES, SIZES = map(_WORDS.numbers, ("counts", "collectives", "sizes"))

_NOUNS = load(__package__, "nouns.toml")
_NOT_THINGS = frozenset(_NOUNS.words("not_things"))
_SINGULARS = _NOUNS.meanings("plurals")
EVERYDAY = {word.replace("-", " "): motif for word, motif in _NOUNS.meanings("everyday").items()}
_ENDINGS = ("", " face", " building", " symbol", " sign", " emblem")

_SIGNS = _WORDS.texts("japanese") | _WORDS.texts("emoji")
_PHRASES = _WORDS.texts("phrases")
_LETTER = rf"(?:(?![{''.join(sign for sign in _SIGNS if len(sign) == 1)}])[^\W_])"
_TOKEN = re.compile(
    rf"(?P<sign>{'|'.join(map(re.escape, _SIGNS))})"
    rf"|\b(?P<phrase>{'|'.join(map(re.escape, _PHRASES))})\b".replace(r"\ ", r"[\s-]+")
    # Unmarked letters make one word, whatever their script; joiners and selectors are dropped.
    + rf"|{_LETTER}+(?:[-'’]{_LETTER}+)*|[\u2600-\u27bf\U0001f000-\U0001faff]",
    re.IGNORECASE,
)


class Token(NamedTuple):
    """One word of a prompt: in lower case, as the tables have it, and as it was written."""

    word: str
    written: str


def tokens(text: str) -> list[Token]:
    """Words, numbers and single emoji of a text, in order."""
    found = _TOKEN.finditer(unicodedata.normalize("NFKC", text))
    return list(islice((token for match in found for token in _meant(match)), MOST_WORDS))


def _meant(match: re.Match[str]) -> list[Token]:
    """What was matched, or the English words that it stands for."""
    written = match[0]
    word = written.lower().replace("’", "'")
    if match["sign"]:
        word = _SIGNS[written]
    elif match["phrase"]:
        word = _PHRASES[re.sub(r"[\s-]+", " ", word)]
    return [Token(part, written) for part in word.split()]


def essence(text: str) -> str:
    """The words of a text without its colours: what decides on the composition."""
    return " ".join(token.word for token in tokens(text) if token.word not in COLOURS)


def find_motif(words: str) -> str | None:
    """The motif called by one to three words, or None.

    A motif is named by its glyph's Unicode name, or by `@` and the name of a figure.
    """
    if words in EVERYDAY:
        return EVERYDAY[words]
    if words in _NOT_THINGS or len(words) < 3:
        return None
    for ending in _ENDINGS:
        name = f"{words}{ending}".upper()
        try:
            character = unicodedata.lookup(name)
        except KeyError:
            continue
        # "Sleeping" says what somebody does; it is not the smiley of that name.
        if has_glyph(character) and not (ending == " face" and traits.is_face(name)):
            return name
    return None


def find_thing(phrase: str) -> tuple[str, bool] | None:
    """The motif that a noun in either number names, and whether the noun is a plural."""
    single = singular(phrase)
    own = find_motif(phrase)
    motif = own or find_motif(single)
    if motif:
        return motif, single != phrase and own is None
    if len(phrase) == 1 and not phrase.isalnum() and has_glyph(phrase):
        return unicodedata.name(phrase, ""), False
    return None


def everyday_word(motif: str) -> str | None:
    """The first of the everyday words for a motif, or None where it has its own name alone."""
    return next((word for word, name in EVERYDAY.items() if name == motif), None)


def singular(word: str) -> str:
    """A plural noun without its ending, another word unchanged."""
    if word in _SINGULARS:
        return _SINGULARS[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word

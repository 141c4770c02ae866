"""From a prompt to a scene: which words mean what."""

import re
import unicodedata
from dataclasses import dataclass, field, replace

from mediatoolkit.synthesis.painting import nouns
from mediatoolkit.synthesis.painting import vocabulary as known
from mediatoolkit.synthesis.painting.inks import COLOURS

MOST_THINGS = 5
"""Kinds of things in one picture; more would only be a heap."""
MOST_WORDS = 400
"""Words that are read of a very long prompt."""


@dataclass(frozen=True)
class Thing:
    """Something to draw.

    Attributes:
        motif: Name of a glyph or figure.
        count: How many, 1 to 9.
        colour: Name of its colour, or an empty string.
        size: Factor on the usual size.
        relation: Preposition that ties it to `anchor`, or an empty string.
        anchor: Index of another thing, name of a surface or place, or None.
        flying: Whether the prompt puts it in the air.
    """

    motif: str
    count: int = 1
    colour: str = ""
    size: float = 1.0
    relation: str = ""
    anchor: int | str | None = None
    flying: bool = False


@dataclass(frozen=True)
class Scene:
    """What a prompt asks for; every field may be empty."""

    time: str = ""
    season: str = ""
    style: str = ""
    form: str = ""
    surface: str = ""
    places: tuple[str, ...] = ()
    weather: frozenset[str] = frozenset()
    things: tuple[Thing, ...] = ()
    tints: dict[str, str] = field(default_factory=dict)
    colours: tuple[str, ...] = ()
    understood: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def tokens(text: str) -> list[str]:
    """Lower-case words, numbers and single emoji of a text, in order."""
    text = unicodedata.normalize("NFKC", text).lower()
    for characters, english in (known.JAPANESE | known.EMOJI).items():
        text = text.replace(characters, f" {english} ")
    for phrase, english in known.PHRASES.items():
        text = re.sub(rf"\b{phrase}\b", english, text)
    # Unmarked letters make one word, whatever their script; joiners and selectors are dropped.
    pattern = r"[^\W_]+(?:[-'’][^\W_]+)*|[\u2600-\u27bf\U0001f000-\U0001faff]"
    return re.findall(pattern, text)[:MOST_WORDS]


def essence(text: str) -> str:
    """The words of a text without its colours: what decides on the composition."""
    return " ".join(word for word in tokens(text) if word not in COLOURS)


def read(text: str) -> Scene:
    """Understand a prompt as far as possible; anything gives a scene."""
    return _Reader(tokens(text)).scene()


class _Reader:
    """Walks over the words once and gathers what they say."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._found: dict[str, list[str]] = {k: [] for k in ("time", "season", "style", "form")}
        self._surface = ""
        self._places: list[str] = []
        self._weather: set[str] = set()
        self._things: list[Thing] = []
        self._tints: dict[str, str] = {}
        self._loose: list[str] = []
        self._understood: dict[str, None] = {}
        self._unknown: dict[str, None] = {}
        self._count = 0
        self._colours: list[str] = []
        self._size = 1.0
        self._relation = ""
        self._flying = False
        self._at = 0

    def scene(self) -> Scene:
        while self._at < len(self._words):
            self._at += self._step(self._at)
        self._loose += self._colours
        self._drop_weather_that_is_a_thing()
        first = {kind: found[0] if found else "" for kind, found in self._found.items()}
        return Scene(
            **first,
            surface=self._surface,
            places=tuple(dict.fromkeys(self._places)),
            weather=frozenset(self._weather),
            things=tuple(self._things),
            tints=self._tints,
            colours=tuple(self._loose),
            understood=tuple(self._understood),
            unknown=tuple(self._unknown),
        )

    def _step(self, at: int) -> int:
        """Understand the words from `at`; says how many were used."""
        for length in (3, 2):
            phrase = " ".join(self._words[at : at + length])
            if length <= len(self._words) - at and self._noun(phrase):
                return length
        word = self._words[at]
        meant = (
            self._modifier(word) or self._setting(word) or self._noun(word) or word in known.PLAIN
        )
        if word not in known.PLAIN and word not in known.RELATIONS:
            (self._understood if meant else self._unknown)[word] = None
        return 1

    def _modifier(self, word: str) -> bool:
        if word in COLOURS and not self._is_fruit_or_flower(word):
            self._colours.append(word)
        elif word in known.COUNTS or (word.isdecimal() and 0 < int(word[:6]) <= 9):
            self._count = known.COUNTS.get(word) or int(word)
        elif word in known.SIZES:
            self._size = known.SIZES[word]
        elif word in known.RELATIONS:
            self._relation = known.RELATIONS[word]
        elif word in known.FLYING:
            self._flying = True
            if self._things:
                self._things[-1] = replace(self._things[-1], flying=True)
        else:
            return False
        return True

    def _is_fruit_or_flower(self, word: str) -> bool:
        """Whether "a rose" or "two orange" stands alone, not before another noun."""
        before = " ".join(self._words[max(0, self._at - 1) : self._at])
        after = " ".join(self._words[self._at + 1 : self._at + 2])
        counted = before in {"a", "an"} or before in known.COUNTS or before in COLOURS
        alone = not after or after in known.RELATIONS or after in known.PLAIN
        return word in {"rose", "orange"} and counted and alone

    def _setting(self, word: str) -> bool:
        single = nouns.singular(word)
        meant = False
        for form in dict.fromkeys((word, single)):
            for kind, table in (
                ("time", known.TIMES),
                ("season", known.SEASONS),
                ("style", known.STYLES),
                ("form", known.FORMS),
            ):
                if form in table and not (meant and form == single):
                    self._found[kind].append(table[form])
                    meant = True
            if form in known.WEATHER:
                self._weather.add(known.WEATHER[form])
                meant = True
            if form in known.PLACES or form in known.SURFACES:
                self._place(form)
                meant = True
            if form in known.WEATHER and not form.endswith("y"):
                self._relation = ""  # "under the stars", but not "on a sunny hill"
            if meant:
                break
        return self._special(word) or meant

    def _special(self, word: str) -> bool:
        """Words that say more than one thing."""
        if word == "japan":
            self._places.append("japan")
        elif word in known.CLOTHES and self._things:
            self._things[-1] = replace(self._things[-1], colour=self._colour())
            self._relation = ""
        elif word in known.IMPLIED:
            self._add(known.IMPLIED[word], 2)
        elif word == "sky" and self._colours:
            self._tints["sky"] = self._colour()
        elif word == "moon" and self._stood_upon():
            self._places.append("moon")
            self._things[-1] = replace(self._things[-1], relation="on", anchor="moon")
        else:
            return False
        return True

    def _stood_upon(self) -> bool:
        """Whether something stands on the word just read."""
        return "on" in self._words[max(0, self._at - 2) : self._at] and bool(self._things)

    def _place(self, word: str) -> None:
        if word in known.SURFACES:
            name = self._surface = known.SURFACES[word]
        else:
            name = known.PLACES[word]
            self._places.append(name)
        if self._colours:
            self._tints[name] = self._colour()
        if self._relation in {"on", "over"}:
            self._things = [
                t if t.relation else replace(t, relation=self._relation, anchor=name)
                for t in self._things
            ]
        self._relation = ""
        self._count, self._size = 0, 1.0

    def _noun(self, phrase: str) -> bool:
        single = nouns.singular(phrase)
        if phrase in known.PLAIN or phrase in known.RELATIONS:
            return False
        motif = nouns.find(phrase) or nouns.find(single)
        if not motif and len(phrase) == 1 and not phrase.isalnum():
            motif = nouns.glyph_name(phrase)
            from mediatoolkit.synthesis.painting.glyphs import has_glyph

            motif = motif if has_glyph(phrase) else ""
        if not motif:
            return False
        if " " in phrase:
            self._understood.update(dict.fromkeys(phrase.split()))
        many = 3 if single != phrase and not nouns.find(phrase) else 1
        self._add(motif, self._count or many)
        return True

    def _add(self, motif: str, count: int) -> None:
        last = len(self._things) - 1
        if last + 1 >= MOST_THINGS:
            return
        thing = Thing(motif, min(count, 9), self._colour(), self._size, flying=self._flying)
        relation = self._relation
        if relation and last >= 0:
            if relation in {"with", "of"}:
                thing = replace(thing, relation=relation, anchor=last)
            elif not self._things[last].relation:
                self._things[last] = replace(self._things[last], relation=relation, anchor=last + 1)
        self._things.append(thing)
        self._count, self._size, self._relation = 0, 1.0, ""
        self._flying = False

    def _colour(self) -> str:
        """The colour of the noun just met: the first of those named before it."""
        colour, self._colours = self._colours[0] if self._colours else "", []
        return colour

    def _drop_weather_that_is_a_thing(self) -> None:
        """A moon to stand on is not in the sky as well."""
        if "moon" in self._places:
            self._weather.discard("moon")

"""From a prompt to a scene: which words mean what, from `vocabulary.toml` and `nouns.toml`."""

import re
import unicodedata
from dataclasses import dataclass, field, replace

from mediatoolkit.synthesis.painting import inscriptions
from mediatoolkit.synthesis.painting.outlines import has_glyph
from mediatoolkit.synthesis.painting.palettes import COLOURS
from mediatoolkit.synthesis.tables import load

MOST_THINGS = 5
"""Kinds of things in one picture; more would only be a heap."""
MOST_WORDS = 400
"""How many words of a very long prompt are read."""

_WORDS = load(__package__, "vocabulary.toml")
_PLAIN, _FLYING, _CLOTHES = (
    frozenset(_WORDS.words(name)) for name in ("plain", "flying", "clothes")
)
_MOODS = {
    field_name: _WORDS.meanings(section)
    for field_name, section in (
        ("time", "times"),
        ("season", "seasons"),
        ("style", "styles"),
        ("form", "forms"),
    )
}
_PLACES, _SURFACES, _WEATHER, _RELATIONS, _IMPLIED = map(
    _WORDS.meanings, ("places", "surfaces", "weather", "relations", "implied")
)
_COUNTS, _SIZES = _WORDS.numbers("counts"), _WORDS.numbers("sizes")
_SIGNS = _WORDS.texts("japanese") | _WORDS.texts("emoji")
_PHRASES = _WORDS.texts("phrases")

_NOUNS = load(__package__, "nouns.toml")
_NOT_THINGS = frozenset(_NOUNS.words("not_things"))
_SINGULARS = _NOUNS.meanings("plurals")
_EVERYDAY = {word.replace("-", " "): motif for word, motif in _NOUNS.meanings("everyday").items()}
_ENDINGS = ("", " face", " building", " symbol", " sign", " emblem")


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
class PictureScene:
    """What a prompt asks for; every field may be empty.

    Attributes:
        lettering: Lines of words that are lettered into the picture.
        lettering_colour: Name of the colour of these letters.
        sign: Name of the colour of the sign board that bears them, an empty string where that is
            open, None where there is no board.
    """

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
    lettering: str = ""
    lettering_colour: str = ""
    sign: str | None = None

    @property
    def has_subject(self) -> bool:
        """Whether anything is to be shown, not merely a colour, a style or words."""
        mood = self.time or self.season or self.form == "abstract"
        shown = self.surface or self.places or self.weather or self.things
        return bool(mood or shown or self.sign is not None)


def tokens(text: str) -> list[str]:
    """Lower-case words, numbers and single emoji of a text, in order."""
    text = unicodedata.normalize("NFKC", text).lower()
    for characters, english in _SIGNS.items():
        text = text.replace(characters, f" {english} ")
    for phrase, english in _PHRASES.items():
        text = re.sub(rf"\b{re.escape(phrase)}\b", english, text)
    # Unmarked letters make one word, whatever their script; joiners and selectors are dropped.
    pattern = r"[^\W_]+(?:[-'’][^\W_]+)*|[\u2600-\u27bf\U0001f000-\U0001faff]"
    return re.findall(pattern, text)[:MOST_WORDS]


def essence(text: str) -> str:
    """The words of a text without its colours: what decides on the composition."""
    return " ".join(word for word in tokens(text) if word not in COLOURS)


def read(text: str) -> PictureScene:
    """Understand a prompt as far as possible; anything gives a scene."""
    inscription = inscriptions.find(text)
    scene = _Reader(tokens(inscription.rest)).scene()
    return replace(
        scene,
        lettering=inscription.words,
        lettering_colour=inscription.colour,
        sign=inscription.sign,
    )


def find_motif(words: str) -> str | None:
    """The motif called by one to three words, or None.

    A motif is named by its glyph's Unicode name, or by `@` and the name of a figure.
    """
    if words in _EVERYDAY:
        return _EVERYDAY[words]
    if words in _NOT_THINGS or len(words) < 3:
        return None
    for ending in _ENDINGS:
        name = f"{words}{ending}".upper()
        try:
            character = unicodedata.lookup(name)
        except KeyError:
            continue
        if has_glyph(character):
            return name
    return None


def everyday_word(motif: str) -> str | None:
    """The first of the everyday words for a motif, or None where it has its own name alone."""
    return next((word for word, name in _EVERYDAY.items() if name == motif), None)


def singular(word: str) -> str:
    """A plural noun without its ending, another word unchanged."""
    if word in _SINGULARS:
        return _SINGULARS[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word


class _Reader:
    """Walks over the words once and gathers what they say."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._moods: dict[str, str] = {}
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

    def scene(self) -> PictureScene:
        while self._at < len(self._words):
            self._at += self._step(self._at)
        self._loose += self._colours
        self._drop_weather_that_is_a_thing()
        return PictureScene(
            **self._moods,
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
        """Understand the words from `at`; return how many were used."""
        for length in (3, 2):
            phrase = " ".join(self._words[at : at + length])
            if length <= len(self._words) - at and self._noun(phrase):
                return length
        word = self._words[at]
        meant = self._modifier(word) or self._setting(word) or self._noun(word) or word in _PLAIN
        if word not in _PLAIN and word not in _RELATIONS:
            (self._understood if meant else self._unknown)[word] = None
        return 1

    def _modifier(self, word: str) -> bool:
        if word in COLOURS and not self._is_fruit_or_flower(word):
            self._colours.append(word)
        elif word in _COUNTS or (word.isdecimal() and 0 < int(word[:6]) <= 9):
            self._count = int(_COUNTS.get(word) or word)
        elif word in _SIZES:
            self._size = _SIZES[word]
        elif word in _RELATIONS:
            self._relation = _RELATIONS[word]
        elif word in _FLYING:
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
        counted = before in {"a", "an"} or before in _COUNTS or before in COLOURS
        alone = not after or after in _RELATIONS or after in _PLAIN
        return word in {"rose", "orange"} and counted and alone

    def _setting(self, word: str) -> bool:
        single = singular(word)
        meant = False
        for form in dict.fromkeys((word, single)):
            for kind, meanings in _MOODS.items():
                if form in meanings and not (meant and form == single):
                    self._moods.setdefault(kind, meanings[form])
                    meant = True
            if form in _WEATHER:
                self._weather.add(_WEATHER[form])
                meant = True
            if form in _PLACES or form in _SURFACES:
                self._place(form)
                meant = True
            if form in _WEATHER and not form.endswith("y"):
                # "Under the stars" is no place, but "on a sunny hill" is.
                self._relation = ""
            if meant:
                break
        return self._special(word) or meant

    def _special(self, word: str) -> bool:
        """Words that say more than one thing."""
        if word == "japan":
            self._places.append("japan")
        elif word in _CLOTHES and self._things:
            self._things[-1] = replace(self._things[-1], colour=self._colour())
            self._relation = ""
        elif word in _IMPLIED:
            self._add(_IMPLIED[word], 2)
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
        if word in _SURFACES:
            name = self._surface = _SURFACES[word]
        else:
            name = _PLACES[word]
            self._places.append(name)
        if self._colours:
            self._tints[name] = self._colour()
        if self._relation in {"on", "over"}:
            self._things = [
                thing if thing.relation else replace(thing, relation=self._relation, anchor=name)
                for thing in self._things
            ]
        self._relation = ""
        self._count, self._size = 0, 1.0

    def _noun(self, phrase: str) -> bool:
        single = singular(phrase)
        if phrase in _PLAIN or phrase in _RELATIONS:
            return False
        motif = find_motif(phrase) or find_motif(single)
        if not motif and len(phrase) == 1 and not phrase.isalnum() and has_glyph(phrase):
            motif = unicodedata.name(phrase, "")
        if not motif:
            return False
        if " " in phrase:
            self._understood.update(dict.fromkeys(phrase.split()))
        many = 3 if single != phrase and not find_motif(phrase) else 1
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

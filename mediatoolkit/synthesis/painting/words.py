"""From a prompt to a scene: what each word asks for, and what belongs to what."""

from dataclasses import replace
from typing import NamedTuple

from mediatoolkit.synthesis.painting import inscriptions
from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.palettes import COLOURS
from mediatoolkit.synthesis.painting.scene import PictureScene, Thing, Word
from mediatoolkit.synthesis.painting.vocabulary import (
    CLOTHES,
    COLLECTIVES,
    COUNTS,
    IMPLIED,
    INEXACT,
    NEGATIONS,
    PLAIN,
    POSES,
    PRONOUNS,
    RELATIONS,
    SETTINGS,
    SIZES,
    Token,
    find_motif,
    find_thing,
    singular,
    tokens,
)

MOST_THINGS = 5
"""Kinds of things in one picture; more would only be a heap."""
MOST_ALIKE = 9
"""How many of one kind are drawn at most."""
_ARTICLES = frozenset({"a", "an", "the"})


def read(text: str) -> PictureScene:
    """Understand a prompt as far as possible; anything gives a scene."""
    inscription = inscriptions.find(text)
    words = tokens(inscription.rest)
    scene = _Reader(words).scene()
    if _is_beside_a_table(scene):
        scene = _Reader(words, furnished=True).scene()
    return replace(
        scene,
        lettering=inscription.words,
        lettering_colour=inscription.colour,
        sign=inscription.sign,
    )


def _is_beside_a_table(scene: PictureScene) -> bool:
    """Whether a table is a thing among others, not what they stand on."""
    return scene.surface == "table" and not all(
        traits.is_small(thing.motif) or thing.relation in {"on", "in", "of", "with"}
        for thing in scene.things
    )


class _Modifier(NamedTuple):
    """A word that waits for its noun."""

    at: int
    kind: str
    meaning: str


class _Reader:
    """Walks over the words once and gathers what they say.

    Args:
        words: The words of a prompt.
        furnished: Whether a table is a thing like others.
    """

    def __init__(self, words: list[Token], *, furnished: bool = False) -> None:
        self._tokens = words
        self._words = [token.word for token in words]
        self._furnished = furnished
        self._meanings: list[Word | None] = [Word(token.written) for token in words]
        self._moods: dict[str, str] = {}
        self._places: list[str] = []
        self._weather: set[str] = set()
        self._things: list[Thing] = []
        self._tints: dict[str, str] = {}
        self._loose: list[str] = []
        self._waiting: list[_Modifier] = []
        self._last: int | None = None
        """The thing that was read last, unless it found no place."""
        self._end = 0
        """Where the last noun ends."""
        self._open = True
        """Whether a noun is still to come in this phrase."""
        self._stranger = False
        """Whether an unknown word, perhaps that noun, came instead."""

    def scene(self) -> PictureScene:
        at = 0
        while at < len(self._words):
            at += self._step(at)
        self._forget("relation")
        self._let_go()
        return PictureScene(
            **self._moods,
            places=tuple(dict.fromkeys(self._places)),
            weather=frozenset(self._weather),
            things=tuple(self._things),
            tints=self._tints,
            colours=tuple(self._loose),
            words=tuple(word for word in self._meanings if word is not None),
        )

    def _step(self, at: int) -> int:
        """Understand the words from `at`; return how many were used."""
        for length in (3, 2):
            if at + length <= len(self._words) and self._noun(at, length):
                return length
        word = self._words[at]
        if word in NEGATIONS:
            return self._absent(at)
        if word in PRONOUNS or word in PLAIN or word == "and":
            self._meanings[at] = None
            self._particle(word)
        elif not (self._modifier(at, word) or self._setting(at, word) or self._noun(at, 1)):
            self._stranger = True
        return 1

    def _mean(
        self,
        at: int,
        kind: str,
        meaning: str = "",
        thing: int | None = None,
        anchor: int | str | None = None,
    ) -> None:
        word = self._meanings[at]
        if word is not None and self._words[at] not in INEXACT:
            self._meanings[at] = Word(word.written, kind, meaning, thing, anchor)

    # -- words between nouns

    def _particle(self, word: str) -> None:
        if word in PRONOUNS:
            self._waiting.clear()
        elif word in _ARTICLES or (word == "and" and self._stranger):
            self._let_go()
            self._open = True
        elif word == "and" and not self._waits("colour"):
            self._forget("relation")

    def _let_go(self) -> None:
        """End a phrase without a noun: its colours are for the whole unless a stranger had them."""
        colours = self._waits("colour")
        for_all = not self._stranger or self._moods.get("form") == "abstract"
        if self._stranger or colours:
            for at, kind, meaning in self._waiting:
                if kind == "relation":
                    self._meanings[at] = None
                elif kind == "colour" and for_all:
                    self._mean(at, "mood", str(len(self._loose)))
                    self._loose.append(meaning)
            self._waiting.clear()
        self._stranger = False

    def _waits(self, kind: str) -> list[_Modifier]:
        return [modifier for modifier in self._waiting if modifier.kind == kind]

    def _absent(self, at: int) -> int:
        """Leave out what follows a "no"; a setting might be drawn all the same."""
        end = at + 1
        while end < len(self._words) and self._words[end] in PLAIN:
            end += 1
        named = self._words[at : end + 1]
        if not any({named[-1], singular(named[-1])} & {*table} for table in SETTINGS.values()):
            self._meanings[at] = None
        self._meanings[at + 1 : end + 1] = [None] * (len(named) - 1)
        return len(named)

    # -- words that wait for a noun

    def _modifier(self, at: int, word: str) -> bool:
        if word in COLOURS and not self._is_fruit_or_flower(at):
            self._waiting.append(_Modifier(at, "colour", word))
        elif word in COUNTS or (word.isdecimal() and 0 < int(word[:6]) < 100):
            if self._stranger:
                self._let_go()
            self._waiting.append(_Modifier(at, "count", str(int(COUNTS.get(word) or word))))
            self._open = True
        elif word in COLLECTIVES:
            self._waiting.append(_Modifier(at, "crowd", word))
            self._open = True
        elif word in SIZES:
            self._waiting.append(_Modifier(at, "size", word))
        elif word in POSES:
            self._pose(at, POSES[word])
        elif word in RELATIONS:
            self._relate(at, RELATIONS[word])
        else:
            return False
        return True

    def _is_fruit_or_flower(self, at: int) -> bool:
        """Whether "a rose" or "two orange" stands alone, not before another noun."""
        before = " ".join(self._words[max(0, at - 1) : at])
        after = " ".join(self._words[at + 1 : at + 2])
        counted = before in {"a", "an"} or before in COUNTS or before in COLOURS
        alone = not after or after in RELATIONS or after in PLAIN or after == "and"
        return self._words[at] in {"rose", "orange"} and counted and alone

    def _pose(self, at: int, pose: str) -> None:
        has_object = self._words[at + 1 : at + 2] in [[article] for article in _ARTICLES]
        if self._open or self._last is None or has_object:
            self._waiting.append(_Modifier(at, "pose", pose))
            return
        self._mean(at, "pose", pose, self._last)
        thing = self._things[self._last]
        if _takes_off(thing.motif, pose):
            self._things[self._last] = replace(thing, flying=True)

    def _relate(self, at: int, relation: str) -> None:
        orphan = self._last is None or (self._open and self._stranger)
        if not orphan:
            self._last = self._head()
        self._forget("relation")
        self._let_go()
        self._open = True
        of_nothing = relation == "of" and not self._ends_with_a_container(at)
        if orphan or of_nothing:
            self._meanings[at] = None
        else:
            self._waiting.append(_Modifier(at, "relation", relation))

    def _head(self) -> int | None:
        """What the last thing belongs to: the vase of "a vase of flowers"."""
        last = self._last
        while last is not None and isinstance(anchor := self._things[last].anchor, int):
            if anchor > last:
                break
            last = anchor
        return last

    def _ends_with_a_container(self, at: int) -> bool:
        last = self._last
        return last is not None and self._end == at and traits.holds(self._things[last].motif)

    def _forget(self, kind: str) -> None:
        """Modifiers of a kind ask for nothing, since what they led to is no thing."""
        for modifier in self._waits(kind):
            self._meanings[modifier.at] = None
            self._waiting.remove(modifier)

    # -- nouns

    def _noun(self, at: int, length: int) -> bool:
        phrase = " ".join(self._words[at : at + length])
        thing = None if phrase in RELATIONS else find_thing(phrase)
        if thing is None:
            return False
        motif, plural = thing
        if self._waits("count"):
            motif = find_motif(singular(phrase)) or motif
        same = self._mentioned(at, motif)
        if same is None:
            self._add(motif, 3 if plural else 1)
        else:
            self._bind(same)
        exact = length > 1 or phrase not in INEXACT
        for position in range(at, at + length) if exact and self._last is not None else ():
            written = self._tokens[position].written
            self._meanings[position] = Word(written, "thing", motif, self._last)
        self._end = at + length
        return True

    def _mentioned(self, at: int, motif: str) -> int | None:
        """The thing that "the fox" is when there is a fox already."""
        known = [index for index, thing in enumerate(self._things) if thing.motif == motif]
        if not known or "the" not in self._words[max(0, at - 2) : at]:
            return None
        colours = {self._things[known[-1]].colour}
        says_no_more = {modifier.kind for modifier in self._waiting} <= {"colour", "relation"}
        same = says_no_more and {modifier.meaning for modifier in self._waits("colour")} <= colours
        return known[-1] if same else None

    def _add(self, motif: str, count: int) -> None:
        before = self._last
        if len(self._things) == MOST_THINGS:
            self._forget("relation")
            self._bind(None)
            return
        thing = Thing(motif, count)
        for _, kind, meaning in reversed(self._waiting):
            if kind == "count":
                thing = replace(thing, count=min(int(meaning), MOST_ALIKE), counted=True)
            elif kind == "crowd" and not traits.shows_several(motif):
                thing = replace(thing, count=int(COLLECTIVES[meaning]))
            elif kind == "colour":
                thing = replace(thing, colour=meaning)
            elif kind == "size":
                thing = replace(thing, size=SIZES[meaning])
            elif kind == "pose" and _takes_off(motif, meaning):
                thing = replace(thing, flying=True)
        self._things.append(thing)
        for modifier in self._waits("relation"):
            self._tie(modifier, before)
        self._bind(len(self._things) - 1)

    def _bind(self, thing: int | None) -> None:
        """A noun has come: what waited belongs to it, of several colours the first."""
        colours = self._waits("colour")[1:]
        for modifier in self._waiting if thing is not None else ():
            if modifier.kind != "relation" and modifier not in colours:
                self._mean(modifier.at, modifier.kind, modifier.meaning, thing)
        self._waiting.clear()
        self._last, self._open, self._stranger = thing, False, False

    def _tie(self, modifier: _Modifier, before: int | None) -> None:
        """Tie the last two things together, where the painter can show it."""
        if before is None:
            return
        new, relation = len(self._things) - 1, modifier.meaning
        motif, held = self._things[new].motif, traits.holds(self._things[before].motif)
        if relation == "with" and held and traits.is_small(motif):
            relation = "in"
        first = relation not in {"with", "of"} and modifier.meaning != "with"
        thing, anchor = (before, new) if first else (new, before)
        self._mean(modifier.at, "relation", relation, thing, anchor)
        possible = {"in": traits.holds, "under": traits.shelters}.get(relation)
        target = self._things[anchor].motif
        if not self._things[thing].relation and (possible is None or possible(target)):
            self._things[thing] = replace(self._things[thing], relation=relation, anchor=anchor)

    # -- words that set the scene

    def _setting(self, at: int, word: str) -> bool:
        if self._special(at, word):
            return True
        for form in dict.fromkeys((word, singular(word))):
            meanings = {kind: table[form] for kind, table in SETTINGS.items() if form in table}
            if meanings and not self._is_thing_here(at, form, meanings):
                break
        else:
            return False
        for kind, meaning in meanings.items():
            self._set(kind, meaning)
        kind, meaning = next(iter(meanings.items()))
        self._mean(at, kind, meaning)
        if kind in {"place", "surface"}:
            self._stand(meaning)
        elif not word.endswith("y"):
            # "Under the stars" is no place, but "on a sunny hill" is.
            if kind != "weather":
                self._forget("relation")
            else:
                self._stand_in(meaning)
        if word in IMPLIED:
            self._add(IMPLIED[word], 2)
        return True

    def _is_thing_here(self, at: int, word: str, meanings: dict[str, str]) -> bool:
        """Whether a word is no setting: flowers in a vase, a table among chairs."""
        held = any(m.meaning in {"of", "with"} for m in self._waits("relation"))
        table = self._furnished and meanings.get("surface") == "table"
        shade = word == "dark" and self._words[at + 1 : at + 2] in [[colour] for colour in COLOURS]
        return shade or ((held or table) and find_thing(word) is not None)

    def _set(self, kind: str, meaning: str) -> None:
        if kind == "place":
            self._places.append(meaning)
        elif kind == "weather":
            self._weather.add(meaning)
        elif kind == "surface":
            self._moods[kind] = meaning
        else:
            self._moods.setdefault(kind, meaning)

    def _special(self, at: int, word: str) -> bool:
        """Words that mean more than the tables say."""
        wearer = self._things[self._last].motif if self._last is not None else ""
        if self._is_kind_of_wood(at):
            if find_motif(word) == "@pine":
                self._mean(at, "place", "forest")
        elif word == "japan":
            self._places.append("japan")
            self._mean(at, "place", "japan")
        elif word in CLOTHES.get(wearer, ()):
            self._dress(at)
        elif word == "sky":
            self._mean(at, "place", "sky")
            self._lift()
            self._dye("sky")
        elif word == "moon" and any(m.meaning == "on" for m in self._waits("relation")):
            self._places.append("moon")
            self._mean(at, "place", "moon")
            self._stand("moon")
        else:
            return False
        return True

    def _is_kind_of_wood(self, at: int) -> bool:
        """Whether a tree only says of what a wood consists."""
        wood = [SETTINGS["place"].get(word) for word in self._words[at + 1 : at + 2]]
        return wood == ["forest"] and find_motif(self._words[at]) in {"@pine", "@tree"}

    def _dress(self, at: int) -> None:
        """Clothes are coloured as their wearer is."""
        assert self._last is not None  # noqa: S101 - for the type checker
        self._forget("relation")
        wearer, colours = self._last, self._waits("colour")
        if colours:
            self._things[wearer] = replace(self._things[wearer], colour=colours[0].meaning)
            self._mean(colours[0].at, "colour", colours[0].meaning, wearer)
        self._waiting.clear()
        self._mean(at, "thing", thing=wearer)

    def _lift(self) -> None:
        """What is in the sky flies."""
        for modifier in self._waits("relation"):
            if modifier.meaning == "in" and self._last is not None:
                self._things[self._last] = replace(self._things[self._last], flying=True)
                self._mean(modifier.at, "pose", "flying", self._last)
                self._waiting.remove(modifier)
        self._forget("relation")

    def _dye(self, part: str) -> None:
        """The colour before a place is that of the place."""
        for modifier in self._waits("colour")[:1]:
            self._tints[part] = modifier.meaning
            self._mean(modifier.at, "tint", part)
        self._waiting.clear()
        self._open, self._stranger = False, False

    def _stand_in(self, weather: str) -> None:
        """Everything is in a weather, nothing is behind it."""
        for modifier in self._waits("relation"):
            if modifier.meaning not in {"behind", "before", "over"}:
                self._meanings[modifier.at] = None
        self._dye(weather)

    def _stand(self, place: str) -> None:
        """Put what was read so far on or over a place."""
        for modifier in self._waits("relation"):
            relation = modifier.meaning
            self._mean(modifier.at, "relation", relation, self._last, place)
            if relation in {"on", "over"}:
                self._things = [
                    thing if thing.relation else replace(thing, relation=relation, anchor=place)
                    for thing in self._things
                ]
        self._dye(place)


def _takes_off(motif: str, pose: str) -> bool:
    return pose == "flying" or (pose == "floating" and not traits.floats(motif))

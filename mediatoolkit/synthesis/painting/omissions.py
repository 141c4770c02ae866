"""What a composed picture lacks of its prompt: each word is held against what is drawn for it."""

import numpy as np

from mediatoolkit.synthesis.painting import motifs
from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.composition import Composition
from mediatoolkit.synthesis.painting.layout import TIES, Spot, crowding
from mediatoolkit.synthesis.painting.palettes import COLOURS
from mediatoolkit.synthesis.painting.scene import Word
from mediatoolkit.synthesis.painting.setting import TINTED, SceneView, is_portrait

_GRID = 96
"""Cells along each side of the picture, to find out what hides what."""
_SEEN = 0.25
"""The share of a figure that has to be seen."""
_GREY, _RED = 0.2, 0.3
"""Differences between the parts of an ink: below the one it is grey, above the other red."""
_SHOWN_BY = {
    "mountain": {"ridges", "mount fuji"},
    "hill": {"hills", "ground"},
    "meadow": {"ground"},
    "forest": {"trees"},
    "city": {"city"},
    "sea": {"water", "waves"},
    "beach": {"shore"},
    "desert": {"dunes"},
    "underwater": {"deep"},
    "space": {"planet", "stars"},
    "moon": {"craters", "moon"},
    "japan": {"mount fuji"},
    "sky": {"sky", "backdrop"},
}
"""Steps that show a place; weather and surfaces are steps of their own name."""


def not_drawn(composition: Composition) -> tuple[str, ...]:
    """Words of the prompt of which the picture shows nothing, each once, as they were written."""
    picture = _Picture(composition)
    missing: dict[str, str] = {}
    for word in composition.view.scene.words:
        if not picture.shows(word):
            missing.setdefault(word.written.lower(), word.written)
    return tuple(missing.values())


class _Picture:
    """What there is to see."""

    def __init__(self, composition: Composition) -> None:
        self._view = composition.view
        self._scene = composition.view.scene
        self._steps = {name for name, _ in (*composition.background, *composition.foreground)}
        seen = _seen(composition.view, composition.spots)
        self._spots = [
            [spot for spot in seen if spot.thing is thing] for thing in self._scene.things
        ]

    def shows(self, word: Word) -> bool:
        """Whether something on the canvas came of a word."""
        if word.thing is not None and not self._spots[word.thing]:
            return False
        return bool(word.kind) and bool(getattr(self, f"_{word.kind}")(word))

    def _thing(self, word: Word) -> bool:
        return word.thing is not None

    def _colour(self, word: Word) -> bool:
        own = word.thing is not None and self._scene.things[word.thing].colour == word.meaning
        return own and self._is_printed(word.meaning)

    def _is_printed(self, colour: str) -> bool:
        """Whether the style has an ink of that colour; all have black, white and grey."""
        ink, scene = COLOURS[colour], self._scene
        if np.ptp(ink) < _GREY:
            return True
        if scene.style == "linocut":
            own = [thing.colour for thing in scene.things if thing.colour]
            return colour in {*own[:1], *scene.colours[:1]}
        return scene.style != "ink" or float(ink[0] - (ink[1] + ink[2]) / 2) > _RED

    def _count(self, word: Word) -> bool:
        assert word.thing is not None  # noqa: S101 - for the type checker
        is_single = not traits.shows_several(self._scene.things[word.thing].motif)
        return is_single and len(self._spots[word.thing]) == int(word.meaning)

    def _crowd(self, word: Word) -> bool:
        assert word.thing is not None  # noqa: S101 - for the type checker
        several = traits.shows_several(self._scene.things[word.thing].motif)
        lie = word.meaning in {"pile", "stack", "heap"}
        return several or (len(self._spots[word.thing]) > 1 and not lie)

    def _size(self, word: Word) -> bool:
        """A thing that leans on another is as large as there is room."""
        assert word.thing is not None  # noqa: S101 - for the type checker
        thing, spot = self._scene.things[word.thing], self._spots[word.thing][0]
        if thing.relation not in TIES or not isinstance(thing.anchor, int):
            return not is_portrait(self._scene)
        wanted = traits.length(thing.motif) * thing.size * crowding(self._view) * self._view.unit
        return spot.size <= wanted if thing.size < 1 else spot.size >= wanted

    def _pose(self, word: Word) -> bool:
        assert word.thing is not None  # noqa: S101 - for the type checker
        spots = self._spots[word.thing]
        motif = self._scene.things[word.thing].motif
        footings = {spot.footing for spot in spots}
        if word.meaning in {"sitting", "standing"}:
            return traits.sits(motif) == (word.meaning == "sitting")
        swims = "water" in footings or "underwater" in self._scene.places
        return ("air" in footings and word.meaning != "afloat") or (
            swims and word.meaning != "flying"
        )

    def _relation(self, word: Word) -> bool:
        assert word.thing is not None  # noqa: S101 - for the type checker
        if not isinstance(word.anchor, int):
            return self._is_at(word.meaning, word.anchor or "", self._spots[word.thing])
        others = self._spots[word.anchor]
        if not others:
            # The missing noun is named; the word that leads to it would say nothing more.
            return True
        mine, thing = self._spots[word.thing], self._scene.things[word.thing]
        if word.meaning == "beside":
            return (mine[0].footing == "air") == (others[0].footing == "air")
        if word.meaning in {"over", "under"} and thing.relation not in TIES:
            low, high = (others, mine) if word.meaning == "under" else (mine, others)
            return max(spot.base for spot in low) < max(spot.base for spot in high)
        return (thing.relation, thing.anchor) == (word.meaning, word.anchor)

    def _is_at(self, relation: str, place: str, spots: list[Spot]) -> bool:
        """Whether figures have the relation to a place that the prompt wants."""
        footings = {spot.footing for spot in spots}
        if not self._is_place_shown(place) or relation in {"with", "beside", "before"}:
            return True
        if relation == "over":
            return "air" in footings
        wet = place in {"sea", "underwater"}
        if relation == "in":
            return not wet or "water" in footings or place == "underwater"
        return relation == "on" and (
            footings == {"water"} if wet else footings <= {"ground", "bust"} and place in _SOLID
        )

    def _is_place_shown(self, place: str) -> bool:
        return bool(_SHOWN_BY.get(place, {place}) & self._steps)

    def _place(self, word: Word) -> bool:
        return self._is_place_shown(word.meaning)

    _surface = _weather = _place

    def _tint(self, word: Word) -> bool:
        part = word.meaning
        inked = part in TINTED or part in {"table", "wall"}
        return inked and self._is_place_shown(part) and self._is_printed(self._scene.tints[part])

    def _mood(self, word: Word) -> bool:
        """A colour without a noun: two tint a landscape, three an abstract picture."""
        most = 3 if "waves" in self._steps else 2
        shown = int(word.meaning) < most and (self._is_inked or "waves" in self._steps)
        return shown and self._is_printed(self._scene.colours[int(word.meaning)])

    @property
    def _is_inked(self) -> bool:
        """Whether the inks of time and season are on the canvas."""
        own = {"space", "underwater"} & {*self._scene.places}
        return bool(self._steps) and not own

    def _time(self, word: Word) -> bool:
        dark = word.meaning == "night" and bool(self._steps)
        return self._scene.time == word.meaning and (dark or self._is_mooded)

    def _season(self, word: Word) -> bool:
        return self._scene.season == word.meaning and self._is_mooded

    @property
    def _is_mooded(self) -> bool:
        """Colours of the prompt's own take the place of those of its mood."""
        coloured = "waves" in self._steps and (self._scene.colours or self._scene.tints)
        return self._is_inked and not coloured

    def _style(self, word: Word) -> bool:
        return self._scene.style == word.meaning

    def _form(self, word: Word) -> bool:
        if word.meaning == "abstract":
            return "waves" in self._steps
        return "backdrop" in self._steps and is_portrait(self._scene)


_SOLID = frozenset(
    {"hill", "meadow", "beach", "desert", "moon", "city", "table", "wall", "branch", "space"}
)


def _seen(view: SceneView, spots: list[Spot]) -> list[Spot]:
    """The figures that are not hidden by others nor by the edge, from boxes on a coarse grid."""
    owner = np.full((_GRID, _GRID), -1)
    areas = []
    for index, spot in enumerate(spots):
        wide, tall = motifs.proportions(spot.thing.motif)
        half, high = spot.size * wide * 0.4, spot.size * tall * 0.8
        scale_x, scale_y = _GRID / view.canvas.width, _GRID / view.canvas.height
        left, right = round((spot.x - half) * scale_x), round((spot.x + half) * scale_x)
        top, bottom = round((spot.base - high) * scale_y), round(spot.base * scale_y)
        owner[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = index
        areas.append(max(1, (right - left) * (bottom - top)))
    return [
        spot
        for index, (spot, area) in enumerate(zip(spots, areas, strict=True))
        if (owner == index).sum() >= _SEEN * area
    ]

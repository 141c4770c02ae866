"""The setting: mood, place, horizon and light, where the prompt leaves them open."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.palettes import COLOURS, SPACE, Palette, palette, tinted
from mediatoolkit.synthesis.painting.scene import PictureScene, Thing

Step = tuple[str, Callable[[], None]]
"""A name for the progress bar, and the work itself."""


@dataclass(frozen=True)
class SceneView:
    """A scene on its canvas.

    Attributes:
        canvas: The sheet.
        scene: What the prompt asks for.
        inks: The palette of its mood.
        horizon: Row of the horizon in pixels.
        light: Column and row of sun or moon in pixels.
        seeds: Seed and prompt as numbers.
    """

    canvas: Canvas
    scene: PictureScene
    inks: Palette
    horizon: float
    light: tuple[float, float]
    seeds: tuple[int, int]

    def rng(self, layer: str) -> np.random.Generator:
        """Randomness of its own for each layer, so that layers do not disturb each other."""
        return np.random.default_rng([*self.seeds, zlib.crc32(layer.encode())])

    @property
    def night(self) -> bool:
        """Whether lights shine and stars are out."""
        return self.scene.time == "night" or "space" in self.scene.places

    @property
    def unit(self) -> int:
        """The shorter side in pixels."""
        return self.canvas.unit


TINTED = {
    "sky": ("top", "middle"),
    "sun": ("disc",),
    "moon": ("disc",),
    "clouds": ("cloud",),
    "sea": ("water",),
    "meadow": ("ground",),
    "hill": ("ground",),
    "mountain": ("far", "near"),
    "forest": ("near",),
    "city": ("near", "far"),
}


def look_at(scene: PictureScene, canvas: Canvas, seeds: tuple[int, int]) -> SceneView:
    """Decide on mood, horizon and light, where the prompt leaves them open."""
    rng = SceneView(canvas, scene, palette("", ""), 0, (0, 0), seeds).rng("view")
    scene = _completed(scene, str(rng.choice(["day", "dawn", "sunset"])))
    side = rng.choice([0.27, 0.73]) + rng.uniform(-0.05, 0.05)
    if "japan" in scene.places:
        side = 0.5
    horizon = canvas.height * _horizon_share(scene) * rng.uniform(0.97, 1.03)
    if scene.time == "night":
        light = (canvas.width * side, horizon * 0.3)
    elif scene.time in {"sunset", "dawn"} and not _is_sun_high(scene):
        light = (canvas.width * side, horizon - canvas.unit * 0.13)
    else:
        light = (canvas.width * side, horizon * 0.32)
    return SceneView(canvas, scene, _inks(scene), horizon, light, seeds)


def _is_sun_high(scene: PictureScene) -> bool:
    """Whether the sun stands clear of the land, though it is morning or evening."""
    hidden = {"mountain", "forest", "city"} & {*scene.places}
    return "japan" in scene.places or ("sun" in scene.weather and bool(hidden))


def _horizon_share(scene: PictureScene) -> float:
    if {"space", "moon"} & set(scene.places):
        return 0.76
    if "city" in scene.places:
        return 0.7
    if "sea" in scene.places:
        return 0.56
    return 0.62 if any(needs_land(t) for t in scene.things) else 0.74


def _completed(scene: PictureScene, time: str) -> PictureScene:
    """Add what goes without saying: the sea to a boat, a meadow to a fox."""
    places, things = set(scene.places), scene.things
    if places & {"space", "moon"}:
        return replace(scene, time="night", places=(*scene.places, "space"))
    if not scene.time and not scene.season:
        plain = (
            scene.style in {"linocut", "ink"}
            or scene.surface in {"table", "wall"}
            or is_still_life(scene)
            or is_portrait(scene)
        )
        scene = replace(scene, time="day" if plain else time)
    if (
        things
        and not places
        and all(traits.swims(t.motif) and not traits.floats(t.motif) for t in things)
    ):
        return replace(scene, places=("underwater",))
    if scene.form == "portrait":
        scene = replace(scene, things=tuple(_face_to_face(t) for t in things))
    if "japan" in places and not scene.things:
        scene = replace(scene, places=(*scene.places, "sea"))
    elif not places and any(traits.needs_sea(t.motif) for t in things):
        scene = replace(scene, places=("sea",))
    elif _is_open(scene):
        scene = replace(scene, places=(*scene.places, "mountain", "meadow"))
    return scene


def _face_to_face(thing: Thing) -> Thing:
    """An animal seen from the front, where there is such a motif."""
    face = f"{thing.motif} FACE"
    return replace(thing, motif=face) if face in traits.FACES else thing


def _is_open(scene: PictureScene) -> bool:
    """Whether a landscape is wanted and the prompt names none."""
    indoors = scene.surface or is_still_life(scene) or is_portrait(scene)
    return set(scene.places) <= {"hill"} and not indoors


def _inks(scene: PictureScene) -> Palette:
    inks = SPACE if "space" in scene.places else palette(scene.time, scene.season)
    tints = {
        part: COLOURS[colour]
        for place, colour in scene.tints.items()
        for part in TINTED.get(place, ())
    }
    for colour, parts in zip(scene.colours, (("top", "middle"), ("disc", "near")), strict=False):
        tints |= dict.fromkeys(parts, COLOURS[colour])
    return tinted(inks, tints)


def is_still_life(scene: PictureScene) -> bool:
    """Whether all there is are small things."""
    return (
        bool(scene.things)
        and not scene.places
        and all(traits.is_small(t.motif) for t in scene.things)
    )


def is_portrait(scene: PictureScene) -> bool:
    """Whether a face fills the picture."""
    return bool(scene.things) and (
        scene.form == "portrait"
        or (
            len(scene.things) == 1
            and not (scene.places or scene.surface)
            and traits.is_face(scene.things[0].motif)
        )
    )


def needs_land(thing: Thing) -> bool:
    """Whether it stands on something solid."""
    if isinstance(thing.anchor, int) and thing.relation in {"in", "on", "with", "of"}:
        return False
    wet = traits.floats(thing.motif) or traits.swims(thing.motif)
    return not (wet or traits.flies(thing.motif) or thing.flying or thing.relation == "over")

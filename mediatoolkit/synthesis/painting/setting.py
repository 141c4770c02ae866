"""The setting: mood, place, horizon and light, where the prompt leaves them open."""

from dataclasses import replace

from mediatoolkit.synthesis.painting import kinds, motifs
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.inks import COLOURS, SPACE, Palette, palette, tinted
from mediatoolkit.synthesis.painting.view import View
from mediatoolkit.synthesis.painting.words import Scene, Thing

_TINTED = {
    "sky": ("top", "middle"),
    "sea": ("water",),
    "meadow": ("ground",),
    "hill": ("ground",),
    "mountain": ("far", "near"),
    "forest": ("near",),
    "city": ("near", "far"),
    "wall": ("cloud",),
}


def look_at(scene: Scene, canvas: Canvas, seeds: tuple[int, int]) -> View:
    """Decide on mood, horizon and light, where the prompt leaves them open."""
    rng = View(canvas, scene, palette("", ""), 0, (0, 0), seeds).rng("view")
    scene = _completed(scene, str(rng.choice(["day", "dawn", "sunset"])))
    side = rng.choice([0.27, 0.73]) + rng.uniform(-0.05, 0.05)
    if "japan" in scene.places:
        side = 0.5
    horizon = canvas.height * _horizon_share(scene) * rng.uniform(0.97, 1.03)
    if scene.time == "night":
        light = (canvas.width * side, horizon * 0.3)
    elif scene.time in {"sunset", "dawn"} and "japan" not in scene.places:
        light = (canvas.width * side, horizon - canvas.unit * 0.13)
    else:
        light = (canvas.width * side, horizon * 0.32)
    return View(canvas, scene, _inks(scene), horizon, light, seeds)


def _horizon_share(scene: Scene) -> float:
    if {"space", "moon"} & set(scene.places):
        return 0.76
    if "city" in scene.places:
        return 0.7
    if "sea" in scene.places:
        return 0.56
    return 0.62 if any(needs_land(t) for t in scene.things) else 0.74


def _completed(scene: Scene, time: str) -> Scene:
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
        and all(kinds.swims(t.motif) and not kinds.floats(t.motif) for t in things)
    ):
        return replace(scene, places=("underwater",))
    if scene.form == "portrait":
        scene = replace(scene, things=tuple(_face_to_face(t) for t in things))
    if "japan" in places and not scene.things:
        scene = replace(scene, places=(*scene.places, "sea"))
    elif not places and any(kinds.needs_sea(t.motif) for t in things):
        scene = replace(scene, places=("sea",))
    elif _is_open(scene):
        scene = replace(scene, places=(*scene.places, "mountain", "meadow"))
    return scene


def _face_to_face(thing: Thing) -> Thing:
    """An animal seen from the front, where there is such a motif."""
    face = f"{thing.motif} FACE"
    return replace(thing, motif=face) if face in motifs.FACES else thing


def _is_open(scene: Scene) -> bool:
    """Whether a landscape is wanted and the prompt names none."""
    indoors = scene.surface or is_still_life(scene) or is_portrait(scene)
    return set(scene.places) <= {"hill"} and not indoors


def _inks(scene: Scene) -> Palette:
    inks = SPACE if "space" in scene.places else palette(scene.time, scene.season)
    tints = {
        part: COLOURS[colour]
        for place, colour in scene.tints.items()
        for part in _TINTED.get(place, ())
    }
    for colour, parts in zip(scene.colours, (("top", "middle"), ("disc", "near")), strict=False):
        tints |= dict.fromkeys(parts, COLOURS[colour])
    return tinted(inks, tints)


def is_still_life(scene: Scene) -> bool:
    """Whether all there is are small things."""
    return (
        bool(scene.things)
        and not scene.places
        and all(kinds.is_small(t.motif) for t in scene.things)
    )


def is_portrait(scene: Scene) -> bool:
    """Whether a face fills the picture."""
    return bool(scene.things) and (
        scene.form == "portrait"
        or (
            len(scene.things) == 1
            and not (scene.places or scene.surface)
            and kinds.is_face(scene.things[0].motif)
        )
    )


def needs_land(thing: Thing) -> bool:
    """Whether it stands on something solid."""
    if isinstance(thing.anchor, int) and thing.relation in {"in", "on", "with", "of"}:
        return False
    wet = kinds.floats(thing.motif) or kinds.swims(thing.motif)
    return not (wet or kinds.flies(thing.motif) or thing.flying or thing.relation == "over")

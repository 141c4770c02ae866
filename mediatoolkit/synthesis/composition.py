"""Which layers make up a scene, and in which order they are printed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mediatoolkit.synthesis import (
    abstract,
    deep,
    kinds,
    land,
    rooms,
    stage,
    town,
    trees,
    water,
    weather,
)
from mediatoolkit.synthesis import sky as above
from mediatoolkit.synthesis.canvas import Canvas
from mediatoolkit.synthesis.figure import print_figure
from mediatoolkit.synthesis.inks import COLOURS, SPACE, Palette, palette, tinted
from mediatoolkit.synthesis.view import View
from mediatoolkit.synthesis.words import Scene, Thing

Step = tuple[str, Callable[[], None]]
"""A human name for the progress bar and the work itself."""

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
    return 0.62 if any(_needs_land(t) for t in scene.things) else 0.74


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
        or (not scene.places and not scene.surface and kinds.is_face(scene.things[0].motif))
    )


def compose(view: View) -> list[Step]:
    """All steps of a picture but the finish."""
    scene = view.scene
    if scene.form == "abstract" and not scene.things:
        return [("waves", partial(abstract.waves, view))]
    if is_portrait(scene):
        return [("backdrop", partial(rooms.backdrop, view)), *_portrait(view)]
    if scene.surface == "table" or is_still_life(scene):
        return [
            ("backdrop", partial(rooms.backdrop, view)),
            ("table", partial(rooms.table, view)),
            *_figures(view, rooms.TABLE + 0.14, grow=1.15),
        ]
    if "underwater" in scene.places:
        return [("deep", partial(deep.deep, view)), ("seabed", partial(deep.seabed, view)),
                *_figures(view, 0.92), ("bubbles", partial(deep.bubbles, view))]  # fmt: skip
    steps = [*_sky(view), *_land(view)]
    if scene.surface == "branch":
        steps.append(("trees", partial(trees.treeline, view, rows=2, tall=1.3)))
        steps.append(("branch", partial(rooms.branch, view)))
        steps += _figures(view, rooms.BRANCH + 0.012, grow=1.1, shadow=False)
    elif scene.surface == "wall":
        steps.append(("wall", partial(rooms.wall, view)))
        steps += _figures(view, rooms.WALL + 0.045)
    else:
        steps += _figures(view, 0.885)
    return [*steps, *_weather(view)]


def _sky(view: View) -> list[Step]:
    scene = view.scene
    steps: list[Step] = [("sky", partial(above.sky, view))]
    if scene.time == "night" and scene.season != "storm" and "rain" not in scene.weather:
        if "galaxy" in scene.weather or "space" in scene.places or "stars" in scene.weather:
            steps.append(("milky way", partial(above.galaxy, view)))
        steps.append(("stars", partial(above.stars, view)))
    if "aurora" in scene.weather:
        steps.append(("aurora", partial(above.aurora, view)))
    if "space" in scene.places and not _stands(view):
        steps.append(("planet", partial(above.planet, view)))
    overcast = scene.season == "storm" or "rain" in scene.weather
    hidden = "aurora" in scene.weather and "moon" not in scene.weather
    if not overcast and not hidden and "moon" not in scene.places:
        name = "moon" if scene.time == "night" else "sun"
        steps.append((name, partial(above.disc, view)))
    if (
        overcast
        or "clouds" in scene.weather
        or (scene.time in {"day", "dawn", ""} and "japan" not in scene.places)
    ):
        steps.append(("clouds", partial(above.clouds, view, heavy=overcast)))
    if scene.season == "storm" or "lightning" in scene.weather:
        steps.append(("lightning", partial(above.lightning, view)))
    return steps


def _land(view: View) -> list[Step]:
    scene, places = view.scene, set(view.scene.places)
    steps: list[Step] = []
    if "space" in places:
        return [("craters", partial(rooms.moon_ground, view))] if _stands(view) else []
    if "japan" in places:
        steps.append(("mount fuji", partial(land.fuji, view)))
    elif "mountain" in places:
        tall = 0.26 if "hill" in places else 0.62
        steps.append(("ridges", partial(land.ridges, view, tall=tall)))
    elif places & {"meadow", "hill", "forest"} or scene.surface:
        steps.append(("hills", partial(land.ridges, view, count=3, tall=0.26, rugged=0.25)))
    if "city" in places:
        steps.append(("city", partial(town.city, view)))
    if "forest" in places:
        steps.append(("trees", partial(trees.treeline, view, rows=3, tall=1.35)))
    elif places & {"meadow", "mountain", "japan"} and not places & {"city", "sea", "desert"}:
        empty = not any(_needs_land(t) for t in scene.things)
        rows, tall = (2, 1.25) if empty else (1, 0.8)
        steps.append(("trees", partial(trees.treeline, view, rows=rows, tall=tall)))
    return steps + _front(view, places)


def _front(view: View, places: set[str]) -> list[Step]:
    """The land or water nearest to the viewer."""
    scene = view.scene
    if "sea" in places or "beach" in places:
        steps: list[Step] = [("water", partial(water.water, view))]
        if "beach" in places or any(_needs_land(t) for t in scene.things):
            steps.append(("shore", partial(land.shore, view)))
        return steps
    if "desert" in places:
        return [("dunes", partial(land.dunes, view))]
    if "city" in places:
        return [("street", partial(town.street, view))]
    steps = [("ground", partial(land.ground, view))]
    if "meadow" in places and scene.season != "winter":
        steps.append(("grass", partial(land.grass, view)))
    return steps


def _needs_land(thing: Thing) -> bool:
    """Whether it stands on something solid."""
    wet = kinds.floats(thing.motif) or kinds.swims(thing.motif)
    return not (wet or kinds.flies(thing.motif) or thing.flying or thing.relation == "over")


def _stands(view: View) -> bool:
    return "moon" in view.scene.places or any(_needs_land(t) for t in view.scene.things)


def _figures(view: View, floor: float, *, grow: float = 1.0, shadow: bool = True) -> list[Step]:
    spots = stage.place(view, view.canvas.height * floor, grow=grow)
    return [
        (_spoken(spot.thing.motif), partial(print_figure, view, spot, shadow=shadow))
        for spot in spots
    ]


def _portrait(view: View) -> list[Step]:
    """A figure so large that the lower edge cuts it."""
    canvas, thing = view.canvas, view.scene.things[0]
    crown = canvas.height * 0.5 - canvas.unit * 0.32
    tall = max(canvas.unit * 1.05, (canvas.height - crown) * 1.12)
    size = tall / motifs.proportions(thing.motif)[1]
    grow = size / canvas.unit / kinds.length(thing.motif)
    return _figures(view, (crown + tall) / canvas.height, grow=grow / stage.crowding(view))


def _spoken(motif: str) -> str:
    """What to call a motif on the progress bar."""
    return motif.removeprefix("@").lower().removesuffix(" face").removesuffix(" building")


def _weather(view: View) -> list[Step]:
    scene = view.scene
    steps: list[Step] = []
    if "rain" in scene.weather or (scene.season == "storm" and "lightning" not in scene.weather):
        steps.append(("rain", partial(weather.rain, view)))
    if "snowfall" in scene.weather or scene.season == "winter":
        steps.append(("snow", partial(weather.snow, view)))
    if "fireflies" in scene.weather:
        steps.append(("fireflies", partial(weather.fireflies, view)))
    if "petals" in scene.weather:
        steps.append(("petals", partial(weather.petals, view)))
    return steps

"""Which layers make up a scene, and in which order they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mediatoolkit.synthesis.painting import (
    abstract,
    land,
    layout,
    motifs,
    rooms,
    town,
    vocabulary,
    water,
)
from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting import sky as above
from mediatoolkit.synthesis.painting.figures import print_figure
from mediatoolkit.synthesis.painting.layout import Spot
from mediatoolkit.synthesis.painting.lettering import sign
from mediatoolkit.synthesis.painting.setting import (
    SceneView,
    Step,
    is_portrait,
    is_still_life,
    needs_land,
)


@dataclass(frozen=True)
class Composition:
    """What makes up a picture but its finish.

    Attributes:
        view: The scene on its canvas.
        background: Steps before the figures.
        spots: Where the figures stand, in printing order.
        foreground: Steps after the figures.
    """

    view: SceneView
    background: list[Step]
    spots: list[Spot]
    foreground: list[Step]

    @property
    def steps(self) -> list[Step]:
        """Everything in printing order."""
        figures = [
            (_name_of(spot.thing.motif), partial(print_figure, self.view, spot))
            for spot in self.spots
        ]
        return [*self.background, *figures, *self.foreground]


def compose(view: SceneView) -> Composition:
    """Decide on all steps of a picture but the finish."""
    scene = view.scene
    backdrop: Step = ("backdrop", partial(rooms.backdrop, view))
    if scene.form == "abstract" and not scene.things:
        return Composition(view, [("waves", partial(abstract.waves, view))], [], [])
    if is_portrait(scene):
        return _with_figures(view, [backdrop], *_portrait(view))
    if scene.surface == "table" or is_still_life(scene):
        table: Step = ("table", partial(rooms.table, view))
        return _with_figures(view, [backdrop, table], rooms.TABLE + 0.14, 1.15)
    if "underwater" in scene.places:
        deep: list[Step] = [
            ("deep", partial(water.underwater, view)),
            ("seabed", partial(water.seabed, view)),
        ]
        return _with_figures(view, deep, 0.92, ahead=[("bubbles", partial(water.bubbles, view))])
    steps, ahead = [*_sky(view), *_land(view)], _weather(view)
    floor, grow = 0.885, 1.0
    if scene.surface == "branch":
        floor, grow = rooms.BRANCH + 0.012, 1.1
        steps.append(("trees", partial(land.treeline, view, rows=2, tall=1.3)))
        steps.append(("branch", partial(rooms.branch, view)))
    elif scene.surface == "wall":
        floor = rooms.WALL + 0.045
        steps.append(("wall", partial(rooms.wall, view)))
    return _with_figures(view, steps, floor, grow, ahead=ahead)


def _with_figures(
    view: SceneView,
    behind: list[Step],
    floor: float,
    grow: float = 1.0,
    *,
    ahead: Sequence[Step] = (),
) -> Composition:
    """Stand the figures of a scene on a floor, given as a share of the height from the top."""
    foot = view.canvas.height * floor
    spots = layout.place(view, foot, grow=grow)
    return Composition(view, [*behind, *sign(view, foot)], spots, [*ahead])


def _sky(view: SceneView) -> list[Step]:
    scene = view.scene
    steps: list[Step] = [("sky", partial(above.sky, view))]
    if scene.time == "night" and scene.season != "storm" and "rain" not in scene.weather:
        if "galaxy" in scene.weather or "space" in scene.places or "stars" in scene.weather:
            steps.append(("galaxy", partial(above.galaxy, view)))
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


def _land(view: SceneView) -> list[Step]:
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
        steps.append(("trees", partial(land.treeline, view, rows=3, tall=1.35)))
    elif places & {"meadow", "mountain", "japan"} and not places & {"city", "sea", "desert"}:
        empty = not any(needs_land(t) for t in scene.things)
        rows, tall = (2, 1.25) if empty else (1, 0.8)
        steps.append(("trees", partial(land.treeline, view, rows=rows, tall=tall)))
    return steps + _front(view, places)


def _front(view: SceneView, places: set[str]) -> list[Step]:
    """The land or water nearest to the viewer."""
    scene = view.scene
    if "sea" in places or "beach" in places:
        steps: list[Step] = [("water", partial(water.water, view))]
        if "beach" in places or any(needs_land(t) for t in scene.things):
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


def _stands(view: SceneView) -> bool:
    return "moon" in view.scene.places or any(needs_land(t) for t in view.scene.things)


def _portrait(view: SceneView) -> tuple[float, float]:
    """Floor and size of a figure so large that the lower edge cuts it."""
    canvas, thing = view.canvas, view.scene.things[0]
    crown = canvas.height * 0.44 - canvas.unit * 0.26
    tall = max(canvas.unit * 1.05, (canvas.height - crown) * 1.12)
    size = tall / motifs.proportions(thing.motif)[1]
    grow = size / canvas.unit / traits.length(thing.motif)
    return (crown + tall) / canvas.height, grow / layout.crowding(view)


def _name_of(motif: str) -> str:
    """What to call a motif on the progress bar: the everyday word for it, where there is one."""
    name = motif.removeprefix("@").lower().removesuffix(" face").removesuffix(" building")
    return vocabulary.everyday_word(motif) or name


def _weather(view: SceneView) -> list[Step]:
    scene = view.scene
    steps: list[Step] = []
    if "rain" in scene.weather or (scene.season == "storm" and "lightning" not in scene.weather):
        steps.append(("rain", partial(above.rain, view)))
    if "snow" in scene.weather or scene.season == "winter":
        steps.append(("snow", partial(above.snow, view)))
    if "fireflies" in scene.weather:
        steps.append(("fireflies", partial(above.fireflies, view)))
    if "petals" in scene.weather:
        steps.append(("petals", partial(above.petals, view)))
    return steps

"""Sky: flat inks that meet in grain, sun or moon, stars, clouds; and what falls from it."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Field, Ink, Noise, smooth, wander
from mediatoolkit.synthesis.painting.palettes import WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView


def sky(view: SceneView) -> None:
    """Three inks from overhead to the horizon, each running into the next as grain."""
    canvas, inks = view.canvas, view.inks
    end = max(view.horizon, canvas.height * 0.3)
    bend = Noise(view.rng("sky"), canvas.shape, view.unit * 0.7, octaves=2, stretch=2.5)

    def reach(band: Band) -> Field:
        return band.y / np.float32(end) + (bend.rows(band.start, band.stop) - 0.5) * 0.22

    between = mix(inks.top, inks.middle, 0.5)
    for band in canvas.bands():
        t = reach(band)
        canvas.over(band, inks.top, np.ones_like(t))
        for colour, low, high in (
            (between, 0.02, 0.34),
            (inks.middle, 0.3, 0.66),
            (mix(inks.middle, inks.low, 0.5), 0.56, 0.84),
            (inks.low, 0.74, 1.04),
        ):
            canvas.over(band, colour, band.stipple(smooth(low, high, t)))


def disc(view: SceneView) -> None:
    """Sun or moon with a halo of grain."""
    canvas, inks = view.canvas, view.inks
    (x, y), radius = view.light, view.unit * (0.075 if view.night else 0.095)
    halo = radius * (3.4 if view.night else 4.2)
    if is_red_sun(view):
        radius, halo = view.unit * 0.17, view.unit * 0.26
    glow = mix(inks.low if not view.night else inks.middle, inks.disc, 0.3)

    def distance(band: Band) -> Field:
        return np.asarray(np.hypot(band.x - x, band.y - y), np.float32)

    canvas.lay(
        glow,
        lambda band: band.stipple(0.62 * smooth(halo, radius * 0.7, distance(band))),
        y - halo,
        y + halo,
    )
    canvas.lay(
        disc_ink(view),
        lambda band: np.clip(radius - distance(band) + 0.5, 0, 1),
        y - radius - 1,
        y + radius + 1,
    )
    if view.night:
        _seas_of_the_moon(view, radius)


def is_red_sun(view: SceneView) -> bool:
    """Whether the sun is the large red one of Japanese prints."""
    return "japan" in view.scene.places and not view.night


def disc_ink(view: SceneView) -> Ink:
    """The ink of sun or moon."""
    return ink("d8402f") if is_red_sun(view) else view.inks.disc


def _seas_of_the_moon(view: SceneView, radius: float) -> None:
    """Darker plains on the moon and its shaded limb."""
    canvas, inks = view.canvas, view.inks
    x, y = view.light
    plains = Noise(view.rng("moon"), canvas.shape, radius * 0.7, octaves=3)
    shade = mix(inks.disc, inks.middle, 0.28)

    def cover(band: Band) -> Field:
        inside = np.clip(radius - np.hypot(band.x - x, band.y - y), 0, 1)
        limb = smooth(0.72, 1.3, np.hypot(band.x - x + radius * 0.3, band.y - y) / radius)
        dark = np.maximum(smooth(0.55, 0.62, plains.rows(band.start, band.stop)) * 0.8, limb)
        return np.asarray(inside * band.stipple(dark * 0.7), np.float32)

    canvas.lay(shade, cover, y - radius, y + radius)


def stars(view: SceneView) -> None:
    """Stars of three sizes, the largest with rays; they thin out towards the horizon."""
    canvas, rng = view.canvas, view.rng("stars")
    height = canvas.height if "space" in view.scene.places else view.horizon
    count = int(210 * (canvas.width * height) / (view.unit**2 * 0.6) * min(1, view.unit / 400))
    scale = view.unit / 1024
    pale = mix(view.inks.disc, WARM_WHITE, 0.5)
    for index in range(count):
        x, y = rng.random() * canvas.width, rng.random() ** 1.25 * height * 0.96
        size = scale * (1.1 + 2.6 * rng.random() ** 3)
        if np.hypot(x - view.light[0], y - view.light[1]) < view.unit * 0.13:
            continue
        rays = index < count // 14
        star = _star(max(size, 0.55) * (2.0 if rays else 1), rays=rays)
        canvas.stamp(
            pale if index % 5 else view.inks.lamp,
            star * np.float32(0.55 + 0.45 * rng.random()),
            int(x) - star.shape[1] // 2,
            int(y) - star.shape[0] // 2,
        )


def _star(size: float, *, rays: bool) -> Field:
    reach = int(size * (5 if rays else 1.5)) + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    dot = np.clip(size - np.hypot(x, y) + 0.5, 0, 1)
    if rays:
        thin = np.float32(size * 0.5)
        across = np.clip(thin * (1 - np.abs(x) / (reach - 1)) - np.abs(y) + 0.4, 0, 1)
        down = np.clip(thin * (1 - np.abs(y) / (reach - 1)) - np.abs(x) + 0.4, 0, 1)
        dot = np.maximum(dot, np.maximum(across, down))
    return np.asarray(dot, np.float32)


def galaxy(view: SceneView) -> None:
    """A river of grain across the night."""
    canvas, rng = view.canvas, view.rng("galaxy")
    cloud = Noise(rng, canvas.shape, view.unit * 0.3, octaves=4)
    side = -1 if view.light[0] > canvas.width / 2 else 1
    slope, x = -1.1 * side, canvas.width * (0.5 + 0.16 * side)
    bright = mix(view.inks.middle, view.inks.low, 0.6)

    def river(band: Band, width: float) -> Field:
        centre = canvas.height * 0.25 + slope * (band.x - x)
        away = (band.y - centre) / (view.unit * width)
        lumps = cloud.rows(band.start, band.stop)
        return np.asarray(np.exp(-(away**2)) * smooth(0.25, 0.75, lumps), np.float32)

    canvas.lay(bright, lambda band: band.stipple(0.7 * river(band, 0.26)))
    light = mix(bright, WARM_WHITE, 0.6)
    canvas.lay(light, lambda band: band.stipple(0.2 * river(band, 0.11) - 0.01))


def aurora(view: SceneView) -> None:
    """Curtains of light whose lower hem is sharp."""
    canvas, rng = view.canvas, view.rng("aurora")
    for index, colour in enumerate((ink("2fb98a"), ink("57e0a4"), ink("8a6ae0"))):
        hem = wander(rng, canvas.width, canvas.width * 0.3, octaves=3)
        hem = view.horizon * (0.42 + 0.13 * index + 0.55 * (hem - 0.5))
        folds = wander(rng, canvas.width, canvas.width * 0.03, octaves=2)
        tall = view.horizon * (0.25 + 0.35 * folds)

        def curtain(band: Band, hem: Field = hem, tall: Field = tall) -> Field:
            up = hem - band.y
            return band.stipple(
                0.75 * smooth(-view.unit * 0.02, 0, up) * smooth(0.0, 1.0, 1 - up / tall)
            )

        canvas.lay(colour, curtain, 0, view.horizon)


def clouds(view: SceneView, *, heavy: bool = False) -> None:
    """Flat-bottomed clouds in two inks, or a heavy deck of them."""
    canvas, rng, inks = view.canvas, view.rng("clouds"), view.inks
    if heavy:
        _cloud_deck(view, rng)
        return
    for _ in range(int(rng.integers(3, 6))):
        width = view.unit * rng.uniform(0.22, 0.5)
        x, y = rng.random() * canvas.width, view.horizon * rng.uniform(0.12, 0.62)
        _cloud(view, rng, x, y, width)
    del inks


def _cloud(view: SceneView, rng: np.random.Generator, x: float, y: float, width: float) -> None:
    canvas = view.canvas
    columns = np.arange(int(width), dtype=np.float32)
    top = np.zeros_like(columns)
    for _ in range(7):
        centre, radius = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.2) * width
        arch = np.sqrt(np.clip(radius**2 - (columns - centre) ** 2, 0, None))
        top = np.maximum(top, arch * (0.6 + 0.4 * np.sin(np.pi * columns / width)))
    ends = np.float32(0.028 * width) * np.sqrt(np.sin(np.pi * (columns + 0.5) / width))
    height = int(top.max() + ends.max()) + 3
    rows = np.arange(height, dtype=np.float32)[:, None] - float(height - ends.max() - 2)
    body = np.clip(rows + np.maximum(top, ends) + 0.5, 0, 1) * np.clip(ends - rows + 0.5, 0, 1)
    left, upper = int(x - width / 2), int(y - height)
    canvas.stamp(view.inks.cloud, body.astype(np.float32), left, upper)
    low = smooth(-0.55, 0.25, rows / max(float(top.max()), 1.0)) * 0.6
    shade = canvas.stipple_at(low * np.ones_like(body), left, upper) * body
    canvas.stamp(
        mix(view.inks.cloud, view.inks.middle, 0.45), shade.astype(np.float32), left, upper
    )


def _cloud_deck(view: SceneView, rng: np.random.Generator) -> None:
    canvas, inks = view.canvas, view.inks
    dark = mix(inks.cloud, inks.top, 0.6)
    for index in range(4):
        edge = wander(rng, canvas.width, view.unit * 0.3, octaves=2)
        billow = np.abs(wander(rng, canvas.width, view.unit * 0.16, octaves=4) - 0.5)
        base = view.horizon * (0.66 - 0.17 * index) + view.unit * (0.25 * edge - 0.2 * billow)
        colour = mix(mix(inks.middle, inks.low, 0.25), dark, index / 3)

        def cover(band: Band, base: Field = base) -> Field:
            return np.asarray(np.clip(base - band.y + 0.5, 0, 1), np.float32)

        def lit(band: Band, base: Field = base) -> Field:
            inside = np.asarray(np.clip(base - band.y + 0.5, 0, 1), np.float32)
            return inside * band.stipple(0.55 * smooth(view.unit * 0.12, 0, base - band.y))

        canvas.lay(colour, cover, 0, view.horizon)
        canvas.lay(mix(colour, inks.low, 0.4), lit, 0, view.horizon)


def lightning(view: SceneView) -> None:
    """One forked bolt from the clouds to the horizon."""
    canvas, rng = view.canvas, view.rng("lightning")
    x = canvas.width * rng.uniform(0.14, 0.3)
    if view.light[0] < canvas.width / 2:
        x = canvas.width - x
    width = view.unit * 0.0085
    rows = int(view.horizon * 0.97)
    turns = _bolt(view, rng, (x, view.horizon * 0.05), rows, width)
    at = rows // 3
    _bolt(view, rng, (x + turns[at], view.horizon * 0.05 + at), rows // 2, width * 0.5)


def _bolt(
    view: SceneView, rng: np.random.Generator, start: tuple[float, float], rows: int, width: float
) -> Field:
    """Print one bolt; its column, relative to the start, in each row."""
    bends = np.cumsum(rng.choice([-1.0, 1.0], 12) * rng.uniform(0.5, 1.6, 12)) * view.unit * 0.035
    bends -= np.linspace(bends[0], bends[-1], 12)
    path = np.interp(np.linspace(0, 11, rows), np.arange(12), bends)
    half = int(np.abs(path).max() + width * 3) + 2
    columns = np.arange(-half, half + 1, dtype=np.float32)[None, :]
    thick = (width * np.linspace(1, 0.25, rows))[:, None]
    away = np.abs(columns - path[:, None])
    bolt = np.clip(thick - away + 0.5, 0, 1).astype(np.float32)
    view.canvas.stamp(WARM_WHITE, bolt, int(start[0]) - half, int(start[1]))
    return np.asarray(path, np.float32)


def planet(view: SceneView) -> None:
    """A ringed planet that rises from a lower corner."""
    canvas, inks = view.canvas, view.inks
    side = 0.16 if view.light[0] > canvas.width / 2 else 0.84
    x, y, radius = canvas.width * side, canvas.height * 0.86, view.unit * 0.3
    body, tilt = ink("d98a5f"), 0.32 if side < 0.5 else -0.32
    stripes = wander(view.rng("planet"), canvas.height * 2, view.unit * 0.06, octaves=2)

    def disc_of(band: Band) -> Field:
        return np.asarray(
            np.clip(radius - np.hypot(band.x - x, band.y - y) + 0.5, 0, 1), np.float32
        )

    def belts(band: Band) -> Field:
        along = np.clip(band.y + tilt * (band.x - x), 0, len(stripes) - 1).astype(np.intp)
        return disc_of(band) * smooth(0.52, 0.56, stripes[along]) * 0.55

    def night_side(band: Band) -> Field:
        toward = 1 if side < 0.5 else -1
        far = np.hypot(band.x - x - toward * radius * 0.5, band.y - y + radius * 0.6) / radius
        return disc_of(band) * band.stipple(smooth(0.55, 1.5, far))

    def ring(band: Band) -> Field:
        across, down = band.x - x, band.y - y + tilt * (band.x - x)
        far = np.hypot(across / 1.75, down * 4.2) / radius
        plain = smooth(0.72, 0.735, far) * smooth(1.0, 0.985, far) * (1 - smooth(0.86, 0.865, far)
                * smooth(0.895, 0.89, far))  # fmt: skip
        return plain * np.where(down < 0, 1 - disc_of(band), 1)

    canvas.lay(body, disc_of, y - radius, y + radius)
    canvas.lay(mix(body, inks.disc, 0.55), belts, y - radius, y + radius)
    canvas.lay(mix(inks.top, body, 0.12), night_side, y - radius, y + radius)
    canvas.lay(mix(inks.disc, body, 0.3), lambda b: ring(b) * 0.9)


def rain(view: SceneView) -> None:
    """Slanting strokes of three lengths."""
    canvas, rng = view.canvas, view.rng("rain")
    pale = mix(view.inks.low, WARM_WHITE, 0.45)
    strokes = [_stroke(view.unit * long, view.unit * 0.0011) for long in (0.03, 0.05, 0.08)]
    for index in range(int(230 * canvas.width * canvas.height / view.unit**2)):
        stroke = strokes[index % 3] * np.float32(0.3 + 0.4 * rng.random())
        x, y = (
            rng.random() * (canvas.width + view.unit * 0.05),
            rng.uniform(-0.05, 1) * canvas.height,
        )
        canvas.stamp(pale, stroke, int(x) - stroke.shape[1], int(y))


def _stroke(long: float, thick: float) -> Field:
    height, width = max(3, int(long)), max(3, int(long * 0.22) + 3)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None, :]
    away = np.abs(x - (width - 2) + y * (width - 3) / height)
    return np.clip(max(thick, 0.45) - away + 0.5, 0, 1).astype(np.float32)


def snow(view: SceneView) -> None:
    """Round flakes, few of them large."""
    _scatter(view, "snow", mix(WARM_WHITE, view.inks.low, 0.1), 190, (0.0016, 0.0075))


def petals(view: SceneView) -> None:
    """Blossom on the wind."""
    _scatter(view, "petals", ink("f2a9bd"), 90, (0.003, 0.008))


def _scatter(
    view: SceneView, name: str, colour: Ink, count: int, sizes: tuple[float, float]
) -> None:
    canvas, rng = view.canvas, view.rng(name)
    for _ in range(int(count * canvas.width * canvas.height / view.unit**2)):
        size = view.unit * (sizes[0] + (sizes[1] - sizes[0]) * rng.random() ** 3)
        spot = _dot(max(size, 0.6))
        x, y = int(rng.random() * canvas.width), int(rng.random() * canvas.height)
        canvas.stamp(colour, spot, x, y)


def _dot(radius: float) -> Field:
    reach = int(radius) + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    return np.asarray(np.clip(radius - np.hypot(x, y) + 0.5, 0, 1), np.float32)


def fireflies(view: SceneView) -> None:
    """Warm points with a halo of grain, near the ground."""
    canvas, rng = view.canvas, view.rng("fireflies")
    lamp = mix(view.inks.lamp, ink("f4f08a"), 0.4)
    for _ in range(int(42 * canvas.width / view.unit)):
        x = int(rng.random() * canvas.width)
        y = int(view.horizon * 0.8 + (canvas.height - view.horizon * 0.8) * rng.random() ** 0.8)
        size = view.unit * rng.uniform(0.002, 0.0045)
        reach = int(size * 5) + 2
        yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
        far = np.hypot(xx, yy)
        halo = canvas.stipple_at(0.6 * (1 - far / reach), x - reach, y - reach) * (far < reach)
        canvas.stamp(lamp, (halo * 0.6).astype(np.float32), x - reach, y - reach)
        canvas.stamp(
            mix(lamp, WARM_WHITE, 0.6), np.clip(size - far + 0.5, 0, 1), x - reach, y - reach
        )

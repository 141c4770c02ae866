"""Where the films of answers come from: a slow pan over one picture, and a voice."""

import io
from dataclasses import dataclass

from mediatoolkit.simulator.mp4 import movie
from mediatoolkit.simulator.sounds import RATE, Line, speak

_FPS = 24
_STILL = 6  # frames that show the same picture: four moves a second are enough to see
_ZOOM = 1.25
_QUALITY = 60


@dataclass(frozen=True, slots=True)
class Scene:
    """One film to make; equal scenes give equal bytes.

    Attributes:
        text: What is heard.
        picture: What is seen, a PNG, JPEG or WebP.
        width: Pixels.
        height: Pixels.
        seconds: Duration.
    """

    text: str
    picture: bytes
    width: int
    height: int
    seconds: float


def shoot(scene: Scene) -> bytes:
    """Make the film: MP4, 24 frames a second, with sound of the same length."""
    frames = round(scene.seconds * _FPS)
    views = _views(scene, -(-frames // _STILL))
    shown = [frame // _STILL for frame in range(frames)]
    sound = speak([Line(scene.text, "film")])
    length = round(frames / _FPS * RATE) * 2
    sound = sound[:length].ljust(length, b"\0")
    return movie(views, shown, (scene.width, scene.height), fps=_FPS, sound=sound)


def _views(scene: Scene, count: int) -> list[bytes]:
    """The picture from left to right, as JPEGs."""
    from PIL import Image, ImageOps

    size = (round(scene.width * _ZOOM), round(scene.height * _ZOOM))
    with Image.open(io.BytesIO(scene.picture)) as picture:
        wide = ImageOps.fit(picture.convert("RGB"), size)
    views = []
    for index in range(count):
        left = (size[0] - scene.width) * index // max(1, count - 1)
        top = (size[1] - scene.height) // 2
        file = io.BytesIO()
        view = wide.crop((left, top, left + scene.width, top + scene.height))
        view.save(file, "JPEG", quality=_QUALITY)
        views.append(file.getvalue())
    return views

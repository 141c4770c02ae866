"""The frames of a film: shots of pictures, each fading into the next."""

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image as Pillow

from mediatoolkit.media import Image, pixels
from mediatoolkit.synthesis.filming.camera import Shot
from mediatoolkit.synthesis.filming.plates import Planes, Plate, make_plate


class Montage:
    """Gives the frame of any moment; holds only the pictures that are seen then.

    Args:
        pictures: `Image`, Pillow images or arrays, one for each shot.
        shots: When and how each is seen.
        size: Width and height of the frames, even numbers of pixels.
        tick: Called while a picture is made ready, with its number from 1.
    """

    def __init__(
        self,
        pictures: Sequence[Any],
        shots: Sequence[Shot],
        size: tuple[int, int],
        tick: Callable[[int], None],
    ) -> None:
        """Open nothing yet."""
        self._pictures, self._shots, self._size, self._tick = pictures, shots, size, tick
        self._plates: dict[int, Plate] = {}

    def frame(self, time: float) -> Planes:
        """What is seen at a time, in seconds: shots over those before, as far as they appeared."""
        first, *others = self._seen(time)
        mixed = self._shown(first, time)
        for index in others:
            above, share = self._shown(index, time), self._shots[index].presence(time)
            pairs = zip(mixed, above, strict=True)
            mixed = Planes(*(Pillow.blend(under, over, share) for under, over in pairs))
        return mixed

    def _seen(self, time: float) -> list[int]:
        seen = [n for n, shot in enumerate(self._shots) if shot.start <= time < shot.end]
        for gone in self._plates.keys() - set(seen):
            del self._plates[gone]
        return seen

    def _shown(self, index: int, time: float) -> Planes:
        if index not in self._plates:
            self._plates[index] = self._plate(index)
        plate = self._plates[index]
        return plate.seen(self._shots[index].view(time, fills=plate.fills), self._size)

    def _plate(self, index: int) -> Plate:
        self._tick(index + 1)
        picture = self._pictures[index]
        opened = picture.to_pil() if isinstance(picture, Image) else pixels.pillow_of(picture)
        return make_plate(opened, self._size, lambda: self._tick(index + 1))

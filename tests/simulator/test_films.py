"""The films that the simulator makes without a codec."""

import io

import av
import pytest
from PIL import Image

from mediatoolkit.simulator.films import FilmOrder, is_mp4, shoot
from tests.simulator.bodies import png


@pytest.mark.parametrize(("size", "seconds"), [((640, 360), 3.0), ((360, 640), 4.5)])
def test_every_frame_and_sample_decodes(size: tuple[int, int], seconds: float) -> None:
    data = shoot(FilmOrder("a red fox runs. " * 9, png("teal", (300, 200)), *size, seconds))

    assert is_mp4(data)
    with av.open(io.BytesIO(data), "r") as film:
        picture, sound = film.streams.video[0], film.streams.audio[0]
        assert (picture.width, picture.height) == size
        assert picture.average_rate == 24
        assert sound.rate == 24_000
        times = [frame.time for frame in film.decode(picture)]
        film.seek(0)
        samples = sum(int(frame.samples) for frame in film.decode(sound))

    assert times == pytest.approx([number / 24 for number in range(round(seconds * 24))])
    assert samples == seconds * 24_000


def test_the_same_scene_gives_the_same_film() -> None:
    scene = FilmOrder("a fox", png("teal", (300, 200)), 64, 36, 3)

    assert shoot(scene) == shoot(scene)


def test_the_film_moves_over_the_picture() -> None:
    half = Image.new("RGB", (200, 100), "black")
    half.paste("white", (100, 0, 200, 100))
    file = io.BytesIO()
    half.save(file, "PNG")
    with av.open(io.BytesIO(shoot(FilmOrder("a fox", file.getvalue(), 64, 36, 3))), "r") as film:
        light = [float(frame.to_ndarray(format="gray").mean()) for frame in film.decode(video=0)]

    assert light == sorted(light)
    assert light[-1] > light[0] + 20


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[20:],
        lambda _: b"",
        lambda _: b"\0\0\0\0ftyp",
        lambda data: data[:20],
    ],
)
def test_other_bytes_are_no_film(spoil: object) -> None:
    data = shoot(FilmOrder("a fox", png(), 64, 36, 3))
    assert callable(spoil)
    assert not is_mp4(spoil(data))

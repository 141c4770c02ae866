"""Films of pictures: length, sound, words, shapes, cancel; all of it small."""

import io
import itertools
import math
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.media.captions import Caption
from mediatoolkit.media.containers.mp4 import boxes
from mediatoolkit.synthesis.filming import montage, shots
from mediatoolkit.synthesis.filming.film import compose
from mediatoolkit.synthesis.filming.montage import fit
from mediatoolkit.synthesis.filming.shots import WHOLE, Viewport, lengths, plan, with_the_words
from mediatoolkit.synthesis.filming.subtitles import Titles

SIZE = (160, 90)
RATE = 24_000
Pixels = npt.NDArray[np.uint8]


def plain(colour: tuple[int, int, int] = (30, 90, 150), size: tuple[int, int] = SIZE) -> Pixels:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def tone(seconds: float, channels: int = 1) -> Audio:
    wave = 0.5 * np.sin(np.arange(round(seconds * RATE)) * 2 * math.pi * 440 / RATE)
    return Audio.from_samples(np.repeat(wave[:, None].astype(np.float32), channels, 1), RATE)


@dataclass(frozen=True)
class Track:
    kind: str
    codec: str
    start: float
    seconds: float


def opened(film: bytes) -> Any:
    return av.open(io.BytesIO(film))


def tracks(film: bytes) -> dict[str, Track]:
    with opened(film) as container:
        return {
            stream.type: Track(
                stream.type,
                stream.codec_context.name,
                float(stream.start_time * stream.time_base),
                float(stream.duration * stream.time_base),
            )
            for stream in container.streams
        }


def heard(film: bytes) -> npt.NDArray[np.float32]:
    """The sound of a film, mono, at 48 kHz."""
    with opened(film) as container:
        return np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])


@cache
def spoken_film() -> bytes:
    return compose([plain(), plain((200, 60, 20))], seconds=2, size=SIZE, narration=tone(1))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.97])
def test_a_film_is_as_long_as_was_asked(seconds: float) -> None:
    video = Video(compose([plain(), plain()], seconds=seconds, size=SIZE))
    assert video.seconds == pytest.approx(seconds, abs=0.1)
    assert len(list(video.frames())) == round(seconds * 24)
    assert (video.width, video.height, video.fps) == (*SIZE, 24)


def test_sound_and_picture_end_together() -> None:
    streams = tracks(spoken_film())
    assert streams["video"].codec == "h264"
    assert streams["audio"].codec == "aac"
    assert streams["audio"].seconds == pytest.approx(streams["video"].seconds, abs=0.05)
    assert len(heard(spoken_film())) / 48_000 == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("rate", [1, 99])
def test_a_narration_that_cannot_be_heard_is_told(rate: int) -> None:
    """FFmpeg would leave it out."""
    with pytest.raises(PromptError, match=f"{rate} samples a second cannot be heard; 100 are"):
        compose([plain()], size=SIZE, narration=Audio.from_samples(np.ones(9) / 2, rate))


def test_the_index_stands_before_the_film() -> None:
    """A browser can begin before it has the whole file."""
    film = spoken_film()
    kinds = [box.kind for box in boxes(film, 0, len(film))]
    assert kinds.index(b"moov") < kinds.index(b"mdat")


def test_a_browser_can_show_the_pixels() -> None:
    with opened(spoken_film()) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.pix_fmt, codec.profile) == ("yuv420p", "High")
        assert (codec.colorspace, codec.color_range) == (1, 1)


def test_colours_are_kept() -> None:
    for colour in ((30, 90, 150), (200, 60, 20), (0, 0, 0), (255, 255, 255)):
        picture = next(Video(compose([plain(colour)], seconds=0.2, size=SIZE)).frames())
        assert picture[45, 80] == pytest.approx(colour, abs=6)


def test_the_same_film_is_the_same_bytes() -> None:
    again = compose([plain(), plain((200, 60, 20))], seconds=2, size=SIZE, narration=tone(1))
    assert again == spoken_film()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_voice_is_heard_after_a_moment_of_quiet(channels: int) -> None:
    film = compose([plain()], seconds=2, size=SIZE, narration=tone(1, channels))
    loud = np.abs(heard(film)) > 0.1
    first, last = np.flatnonzero(loud)[[0, -1]] / 48_000
    assert 0.2 < first < 0.5
    assert last - first == pytest.approx(1, abs=0.05)


def test_a_long_narration_makes_a_longer_film() -> None:
    video = Video(compose([plain()], size=SIZE, narration=tone(4.5)))
    assert video.seconds == pytest.approx(4.5 + 1.2, abs=0.05)


def test_a_narration_longer_than_was_asked_is_refused_before_any_work() -> None:
    seen: list[str] = []
    with pytest.raises(PromptError, match=r"takes 3\.0 s and the film 2\.0 s"):
        compose(
            [plain()],
            seconds=2,
            size=SIZE,
            narration=tone(3),
            progress=lambda what, _: seen.append(what),
        )
    assert not seen


def test_each_picture_can_have_its_own_time() -> None:
    film = compose([plain((0, 0, 0)), plain((255, 255, 255))], seconds=[0.5, 1.5], size=SIZE)
    light = [float(picture.mean()) for picture in Video(film).frames()]
    assert len(light) == 48
    assert light[12] == pytest.approx(127, abs=40), "the fade is half-way where one picture ends"
    assert light[5] < 8
    assert light[20] > 247


def test_pictures_fade_evenly_into_each_other() -> None:
    film = compose([plain((0, 0, 0)), plain((255, 255, 255))], seconds=2, size=SIZE)
    light = [float(picture.mean()) for picture in Video(film).frames()]
    steps = np.diff(light)
    assert (steps > -2).all(), "it never gets darker"
    assert steps.max() < 64, "there is no cut"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pictures": []}, "at least one picture"),
        ({"seconds": 0}, "above 0"),
        ({"seconds": -1}, "above 0"),
        ({"seconds": float("nan")}, "above 0"),
        ({"seconds": True}, "above 0"),
        ({"seconds": 601}, "up to 600 s"),
        ({"seconds": float("inf")}, "up to 600 s"),
        ({"seconds": [1.0, 2.0]}, "2 lengths for 1 pictures"),
        ({"size": (161, 90)}, "even number"),
        ({"size": (16, 16)}, "64 to 1920"),
        ({"size": (4000, 90)}, "64 to 1920"),
        ({"pictures": [plain()] * 30, "seconds": 0.5}, "do not fit"),
    ],
)
def test_what_gives_no_film_is_refused(arguments: dict[str, object], words: str) -> None:
    options = {"pictures": [plain()], "seconds": 1.0, "size": SIZE, **arguments}
    with pytest.raises(PromptError, match=words):
        compose(options.pop("pictures"), **options)  # type: ignore[arg-type]


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(MediaError):
        compose([object()], seconds=1, size=SIZE)


def circle(size: tuple[int, int]) -> Pillow.Image:
    """A white disc in the middle, half as high as the shorter side."""
    picture = Pillow.new("RGB", size, (0, 60, 0))
    middle, radius = (size[0] / 2, size[1] / 2), min(size) / 4
    ImageDraw.Draw(picture).ellipse(
        [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius], "white"
    )
    return picture


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (200, 200), (600, 100), (900, 800)])
@pytest.mark.parametrize("film", [(160, 90), (90, 160), (120, 120)])
def test_a_circle_stays_a_circle(size: tuple[int, int], film: tuple[int, int]) -> None:
    whole = fit(circle(size), film).seen(Viewport(0, 0, 1, 1), film)
    disc = np.asarray(whole.y) > 160
    wide, high = disc.any(0).sum(), disc.any(1).sum()
    assert high > 6
    assert abs(int(wide) - int(high)) <= 2


def test_a_picture_of_another_shape_is_seen_whole() -> None:
    picture = Pillow.new("RGB", (100, 300), (0, 0, 0))
    ImageDraw.Draw(picture).rectangle([0, 0, 99, 299], outline="white", width=10)
    plate = fit(picture, SIZE)
    assert not plate.fills
    rows = np.asarray(plate.planes.y)[:, plate.planes.y.width // 2]
    bright = np.flatnonzero(rows > 200)
    assert bright[0] > 0
    assert bright[-1] < len(rows) - 1
    assert bright[-1] - bright[0] > 0.85 * len(rows)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_pictures_of_every_mode_are_taken(mode: str) -> None:
    film = compose([Pillow.new(mode, (50, 40))], seconds=0.1, size=SIZE)
    assert len(list(Video(film).frames())) == 2


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_camera_moves_evenly_and_stays_on_the_picture(count: int) -> None:
    for shot in plan([4.0] * count):
        times = np.arange(shot.start, shot.end, 1 / 24)
        for fills in (True, False):
            views = np.array([shot.view(float(time), fills=fills) for time in times])
            assert views.min() >= -1e-9
            assert views.max() <= 1 + 1e-9
            steps = np.diff(views, axis=0)
            assert ((steps >= -1e-9).all(0) | (steps <= 1e-9).all(0)).all(), "it never turns round"
            assert np.abs(np.diff(steps, axis=0)).max() < 2e-4, "it never jerks"


def test_a_film_begins_and_ends_with_a_whole_picture() -> None:
    first, *_, last = plan([4.0, 4.0, 4.0])
    assert first.move[0] == last.move[1] == WHOLE
    assert plan([6.0])[0].move[0] == WHOLE


def test_there_is_always_something_to_see() -> None:
    shots = plan([0.1, 3.0, 0.4, 2.0])
    for time in np.arange(0, shots[-1].end, 1 / 24):
        seen = [shot for shot in shots if shot.start <= time < shot.end]
        assert 1 <= len(seen) <= 2
        assert seen[0].presence(float(time)) == 1


SAID = [Caption(0.1, 0.9, "Hello fox")]


def foot(film: bytes, at: float) -> float:
    """How bright the brightest point in the lower third is at a moment."""
    picture = np.asarray(Video(film).poster(at))
    return float(picture[2 * picture.shape[0] // 3 :].max())


def test_captions_are_drawn_when_they_are_said() -> None:
    film = compose(
        [plain((20, 20, 60))], seconds=2, size=(320, 180), narration=tone(1), captions=SAID
    )
    begins = np.flatnonzero(np.abs(heard(film)) > 0.1)[0] / 48_000
    assert foot(film, begins + 0.02) < 120
    assert foot(film, begins + 0.5) > 220
    assert foot(film, begins + 1.0) < 120
    assert set(tracks(film)) == {"video", "audio"}


def test_soft_captions_are_a_track_of_their_own() -> None:
    film = compose(
        [plain((20, 20, 60))],
        seconds=2,
        size=(320, 180),
        captions=[Caption(0.25, 0.75, "Hello {fox}"), Caption(1.0, 1.5, "狐")],
        words="track",
    )
    assert foot(film, 0.5) < 120, "nothing is drawn"
    with opened(film) as container:
        assert container.streams.subtitles[0].codec_context.name == "mov_text"
        cues = [
            (float(packet.pts * packet.time_base), bytes(packet)[2:].decode())
            for packet in container.demux(subtitles=0)
            if packet.size > 2
        ]
    assert [text[:9] for _, text in cues] == ["Hello (fo", "狐"]
    assert [time for time, _ in cues] == pytest.approx([0.25, 1.0], abs=0.01)
    assert tracks(film)["video"].seconds == pytest.approx(2, abs=0.05)


def test_long_captions_are_shown_in_parts_that_fit() -> None:
    words = " ".join(f"word{number}" for number in range(60))
    titles = Titles([Caption(0.0, 12.0, words)], (640, 360))
    parts = titles._cues
    assert len(parts) > 2
    assert " ".join(part.text.replace("\n", " ") for part in parts) == words
    assert parts[0].start == 0.0
    assert parts[-1].end == pytest.approx(12.0)
    assert all(part.end == after.start for part, after in itertools.pairwise(parts))
    for part in parts:
        rows = part.text.split("\n")
        assert len(rows) <= 2
        assert max(map(titles._font.getlength, rows)) <= 640 * 0.9


def test_a_word_wider_than_the_film_is_no_harm() -> None:
    long = [Caption(0, 1, "a" * 300), Caption(0, 1, " ")]
    compose([plain()], seconds=0.2, size=SIZE, captions=long)


def test_progress_never_falls_and_comes_with_every_frame() -> None:
    calls: list[tuple[str, float]] = []
    compose(
        [plain(), plain()],
        seconds=1,
        size=SIZE,
        progress=lambda what, fraction: calls.append((what, fraction)),
    )
    fractions = [fraction for _, fraction in calls]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert [what for what, _ in calls].count("film") == 25
    assert {"picture 1", "picture 2"} <= {what for what, _ in calls}


class Enough(Exception):  # noqa: N818 - no fault
    pass


@pytest.mark.parametrize("after", [0, 1, 20])
def test_a_film_that_is_given_up_leaves_no_thread(after: int) -> None:
    threads = threading.active_count()
    counter = iter(range(1000))

    def progress(_what: str, _fraction: float) -> None:
        if next(counter) >= after:
            raise Enough

    with pytest.raises(Enough):
        compose([plain()] * 2, seconds=2, size=SIZE, narration=tone(1), progress=progress)
    assert threading.active_count() == threads


def test_only_pictures_that_are_seen_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    real = montage.Montage.frame

    def counted(self: montage.Montage, time: float) -> object:
        frame = real(self, time)
        held.append(len(self._fitted))
        return frame

    monkeypatch.setattr(montage.Montage, "frame", counted)
    pictures = [Image.of(plain((10 * n, 0, 0))) for n in range(6)]
    compose(pictures, seconds=3, size=SIZE)
    assert set(held) == {1, 2}


@pytest.mark.parametrize("count", [1, 3])
def test_lengths_follow_the_narration_or_the_wish(count: int) -> None:
    assert lengths(count) == [4.0] * count
    assert sum(lengths(count, 7)) == pytest.approx(7)
    assert sum(lengths(count, None, 30)) == pytest.approx(31.2)


def test_pictures_change_when_a_sentence_begins() -> None:
    assert with_the_words([4.0, 4.0], [0.4, 2.9]) == pytest.approx([2.9, 5.1])
    assert with_the_words([4.0, 4.0], [0.4, 2.0, 5.0, 6.0]) == pytest.approx([5.0, 3.0])
    assert with_the_words([4.0, 4.0], [0.4]) == [4.0, 4.0], "too few sentences"
    assert with_the_words([4.0, 4.0], [0.4, 0.9]) == [4.0, 4.0], "too brief"


def test_words_can_pace_a_film_unseen() -> None:
    film = compose(
        [plain((0, 0, 0)), plain((0, 0, 60))],
        seconds=4,
        size=SIZE,
        captions=[Caption(0, 1, "one"), Caption(2.5, 3.5, "two")],
        words="unseen",
    )
    blue = [float(picture[..., 2].mean()) for picture in Video(film).frames()]
    assert blue[48] < 8
    assert blue[-1] > 50
    assert foot(film, 0.5) < 60
    assert set(tracks(film)) == {"video"}


def test_a_film_ends_with_its_narration() -> None:
    """A little quiet after the last word, however few seconds each picture then has."""
    assert sum(shots.lengths(3, spoken=5.2)) == pytest.approx(5.2 + shots.BEFORE + shots.AFTER)
    assert sum(shots.lengths(3, spoken=0.5)) == pytest.approx(3 * 1.5)
    assert sum(shots.lengths(3)) == pytest.approx(3 * shots.PER_PICTURE)

"""What can be asked of a film."""

import io
from typing import Any

import pytest
from PIL import Image as Pillow

from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image, Video
from mediatoolkit.prompts import VideoPrompt
from tests.media.clips import clip


def picture() -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (64, 48), (200, 80, 20)).save(file, "PNG")
    return file.getvalue()


def test_everything_is_brought_into_one_form() -> None:
    prompt = VideoPrompt(
        "the fox looks up",
        image=picture(),
        last=Pillow.new("RGB", (64, 48)),
        references=[picture()],
        seconds=6,
        aspect="16:9",
        resolution="720P",
        seed=7,
    )
    assert isinstance(prompt.image, Image)
    assert isinstance(prompt.last, Image)
    assert isinstance(prompt.references[0], Image)
    assert (prompt.seconds, prompt.resolution) == (6.0, "720p")
    assert isinstance(VideoPrompt("on", previous=clip()).previous, Video)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"text": ""}, "empty"),
        ({"text": 3}, "text"),
        ({"seconds": 0}, "above 0"),
        ({"seconds": -1}, "above 0"),
        ({"seconds": 601}, "up to 600"),
        ({"seconds": float("nan")}, "above 0"),
        ({"seconds": "six"}, "not a number"),
        ({"seconds": True}, "not a number"),
        ({"aspect": "wide"}, "16:9"),
        ({"resolution": "8k"}, "720p"),
        ({"resolution": 720}, "720p"),
        ({"seed": -1}, "seed"),
        ({"references": b"123"}, "list"),
        ({"last": picture()}, "needs a first one"),
        ({"previous": clip(), "image": picture()}, "no other pictures"),
    ],
)
def test_what_cannot_be_a_film_is_refused(options: dict[str, Any], words: str) -> None:
    given = {"text": "a fox", **options}
    with pytest.raises(PromptError, match=words):
        VideoPrompt(given.pop("text"), **given)


@pytest.mark.parametrize(
    ("name", "thing", "words"),
    [
        ("image", b"<svg/>", "first picture"),
        ("image", picture()[:-9], "first picture"),
        ("references", [picture(), b"no"], "reference 2"),
        ("previous", picture(), "previous film"),
        ("previous", clip()[:-9], "previous film"),
    ],
)
def test_what_is_no_picture_or_film_is_named(name: str, thing: object, words: str) -> None:
    given: dict[str, Any] = {name: thing}
    with pytest.raises(MediaError, match=words):
        VideoPrompt("a fox", **given)


async def test_a_record_of_origin_names_pictures_by_their_digest() -> None:
    prompt = VideoPrompt.of("a fox", image=picture(), seconds=6, narration="Hello.")
    assert await prompt.plain_options() == {
        "image": Image(picture()).digest()[:16],
        "seconds": 6.0,
        "narration": "Hello.",
    }

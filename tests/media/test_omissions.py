"""What a picture, a sound or a film lacks is said wherever the media is shown or named."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from tests.media.clips import clip
from tests.media.test_image import encoded

MAKERS: dict[str, Callable[[Provenance], Media]] = {
    "picture": lambda provenance: Image(encoded("PNG"), provenance),
    "sound": lambda provenance: Audio.from_samples(np.zeros(800), 8_000, provenance=provenance),
    "film": lambda provenance: Video(clip(), provenance),
}


def _record(**notes: object) -> Provenance:
    return Provenance(model="local/x", prompt="a map of Europe", engine="local", notes=notes)


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_not_drawn_stands_under_the_media_and_in_its_line(kind: str) -> None:
    media = MAKERS[kind](_record(not_drawn=["map", "<b>Europe"]))
    shown = media._repr_mimebundle_()[0]  # type: ignore[attr-defined]

    assert media.omissions == "not drawn: map, <b>Europe"
    assert "<div>not drawn: map, &lt;b&gt;Europe</div></figcaption>" in shown["text/html"]
    assert repr(media).endswith(", local/x, not drawn: map, <b>Europe>")
    assert shown["text/plain"] == repr(media)


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({}, ""),
        ({"not_drawn": []}, ""),
        ({"not_understood": ["map"]}, "not drawn: map"),
        ({"not_understood": ["map"], "not_drawn": ["Europe"]}, "not drawn: Europe"),
        ({"not_drawn": ["map"], "not_spoken": ["☃"]}, "not drawn: map; not spoken: ☃"),
        (
            {"not_drawn": [str(n) for n in range(20)]},
            "not drawn: 0, 1, 2, 3, 4, 5, 6, 7, … and 12 more",
        ),
        ({"not_drawn": "map", "not_spoken": [1, {}, None]}, ""),
        ({"not_drawn": ["a\x1b[31m\n\u202eb"]}, "not drawn: a[31m b"),
    ],
)
def test_the_list_is_short_and_plain_whatever_a_file_says(
    notes: dict[str, object], said: str
) -> None:
    assert MAKERS["picture"](_record(**notes)).omissions == said


async def test_the_end_of_a_job_names_it() -> None:
    async def draw(_context: CallContext) -> Media:
        await asyncio.sleep(0)
        return MAKERS["picture"](_record(not_drawn=["map", "Europe"]))

    job = Job(draw, CallContext(5), label="a map of Europe")
    assert repr(job) == "<Job running: 'a map of Europe'>"
    await job
    assert repr(job) == "<Job done: 'a map of Europe', not drawn: map, Europe>"

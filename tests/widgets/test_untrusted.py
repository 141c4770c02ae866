"""What a file says of itself is anybody's word: nothing that it says breaks a cell or a gallery."""

import ast
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mediatoolkit.media import Audio, Entry, Image, Media, Provenance, Video
from mediatoolkit.store import Store
from mediatoolkit.widgets import viewer
from mediatoolkit.widgets.buttons import Buttons
from mediatoolkit.widgets.compare import differences
from mediatoolkit.widgets.gallery import Gallery
from mediatoolkit.widgets.media_facts import facts_of, to_code
from mediatoolkit.widgets.media_source import row
from mediatoolkit.widgets.results import media_bundle
from mediatoolkit.widgets.studio import result_entry
from tests.media.clips import clip
from tests.test_prompts import picture

RECORD: dict[str, Any] = {
    "model": "a/b",
    "prompt": "a fox",
    "engine": "a",
    "seed": 7,
    "options": {"strength": 0.5, "references": ["0123456789abcdef"], "pictures": 3, "captions": 1},
    "created": "2026-01-01T00:00:00+00:00",
    "request_id": "r",
    "usage": {"tokens": 7},
    "notes": {"seconds_into_film": 0.5, "captions": [[0, 1, "words"]], "not_spoken": ["x"]},
    "version": "1",
}
NUMBERS = st.sampled_from([0, -1, 2**40, 10**19, 1e300, float("nan"), float("inf"), -0.0, True])
NONSENSE = st.recursive(
    st.none()
    | NUMBERS
    | st.text(max_size=20)
    | st.sampled_from(["\x00\x1b[31m\u202e", "x" * 9_000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
PLACES = [(name,) for name in RECORD] + [
    (name, inner) for name in ("options", "usage", "notes") for inner in RECORD[name]
]


def looked_at(media: Media) -> None:
    """All that a cell, a gallery and the studio do with what a record says."""
    media_bundle(media)
    json.dumps(viewer._described(media)[0])
    json.dumps(facts_of(media))
    code = to_code(media, store=Store("."))
    names = {part.id for part in ast.walk(ast.parse(code)) if isinstance(part, ast.Name)}
    assert names == {"mt"}, "no number is named nan or inf"
    json.dumps(result_entry(media, {"kind": "image", "prompt": "", "settings": {}}))
    json.dumps(row(0, Entry.of(media)))
    b"".join(media.serialize())
    if isinstance(media, Image):
        differences(media, Image(picture()))


@pytest.mark.parametrize("name", ["picture", "sound", "film"])
@given(place=st.sampled_from(PLACES), value=NONSENSE)
@example(place=("notes", "seconds_into_film"), value="x")
@example(place=("notes", "seconds_into_film"), value=[1])
@example(place=("notes", "seconds_into_film"), value=float("nan"))
@example(place=("options", "strength"), value=float("inf"))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_record_says_it_can_be_shown(
    name: str, place: tuple[str, ...], value: object
) -> None:
    record = json.loads(json.dumps(RECORD))
    inside = record
    for part in place[:-1]:
        inside = inside[part]
    inside[place[-1]] = value
    provenance = Provenance.from_json(json.dumps(record))
    if provenance is not None:
        looked_at(_MADE[name](provenance))


def _tone(provenance: Provenance) -> Media:
    return Audio.from_samples(np.zeros(800, np.float32), 8_000, provenance=provenance)


_MADE: dict[str, Callable[[Provenance], Media]] = {
    "picture": lambda provenance: Image(picture(), provenance),
    "sound": _tone,
    "film": lambda provenance: Video(clip(frames=2), provenance),
}


@pytest.mark.parametrize("name", _MADE)
def test_a_record_made_here_may_hold_anything(name: str) -> None:
    """A person's own is not read from a file, and so not checked."""
    deep: list[Any] = []
    for _ in range(600):
        deep = [deep]
    options: dict[Any, Any] = {"deep": deep, "strength": float("nan"), 5: {1}, "raw": b"\0"}
    options |= {f"option {number}": number for number in range(2_000)}
    notes = {"seconds_into_film": float("inf"), "captions": [[0, 1, "word"]] * 50_000}
    provenance = Provenance(
        model="a/b", prompt="a fox", engine="a", options=options, notes=notes, usage={"deep": deep}
    )
    media = _MADE[name](provenance)
    looked_at(media)
    assert len(facts_of(media)) < 500
    assert len(to_code(media)) < 20_000
    assert len(media_bundle(media)[0]["text/html"]) < 150_000


@pytest.mark.parametrize("moment", ["x", [0.5], None, True, -1, {"a": 1}, float("nan"), 1e300])
def test_a_moment_that_is_none_makes_a_picture_no_part_of_a_film(moment: object) -> None:
    provenance = Provenance(
        model="a/b", prompt="a fox", engine="a", notes={"seconds_into_film": moment}
    )
    assert to_code(Image(picture(), provenance)) == 'await mt.image("a fox", model="a/b")'


async def test_a_gallery_opens_a_file_whatever_its_record_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = {"seconds_into_film": "x", "captions": 5}
    provenance = Provenance(model="a/b", prompt="a fox", engine="a", notes=notes)
    Image(picture(), provenance).save(tmp_path / "fox.png")
    opened = asyncio.get_running_loop().create_future()
    page = Buttons(asyncio.get_running_loop())
    monkeypatch.setattr(page, "tell", lambda message, _pictures: opened.set_result(message))
    monkeypatch.setattr("mediatoolkit.widgets.viewer.of_kernel", lambda: page)
    gallery = Gallery(tmp_path)
    assert len(gallery.media) == 1

    gallery._hear(gallery, {"do": "open", "ids": [0], "page": "a"}, [])
    async with asyncio.timeout(60):
        message = await opened

    assert message["view"]["recall"] == 'await mt.image("a fox", model="a/b")'
    gallery.close()

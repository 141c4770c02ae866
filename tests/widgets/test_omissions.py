"""What a picture lacks of its prompt is said in every place of a page that shows it."""

import asyncio
from html import unescape

import numpy as np

from mediatoolkit.media import Entry, Image, Provenance
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import viewer
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.media_source import row
from mediatoolkit.widgets.results import contact_sheet, media_bundle, prepare
from mediatoolkit.widgets.studio import result_entry
from mediatoolkit.widgets.text_board import TextBoard

NOTES = {"not_drawn": ["map", "<i>Europe"]}
SAID = "not drawn: map, <i>Europe"
MAP = Image(
    Image.of(np.zeros((8, 8, 3), np.uint8)).data,
    Provenance(model="local/painter", prompt="a map", engine="local", notes=NOTES),
)


async def _done(result: Image) -> JobRow:
    job = Job(lambda _: asyncio.sleep(0, result), CallContext(30), label="a map")
    await job
    row = JobRow(job)
    prepare(row, result)
    return row


async def test_a_sheet_says_it_below_each_picture() -> None:
    for count in (1, 6, 12, 40):
        data, _ = contact_sheet([await _done(MAP) for _ in range(count)])
        assert unescape(data["text/html"]).count(f"<div>{SAID}</div>") == count
        assert data["text/plain"].count(SAID) == count
        assert "<i>" not in data["text/html"]


async def test_a_row_that_is_done_among_others_says_it() -> None:
    rows = {name: (await _done(MAP)).words() for name in "ab"}
    rows["b"]["state"] = "running"
    assert rows["a"]["omissions"] == SAID

    alone = TextBoard({"a": rows["a"]})
    assert repr(alone).endswith(f"done, {SAID}")


def test_cell_viewer_studio_and_gallery_say_it() -> None:
    form = {"kind": "image", "prompt": "a map", "settings": {}}
    assert SAID in unescape(media_bundle(MAP)[0]["text/html"])
    assert viewer._described(MAP)[0]["omissions"] == SAID
    assert result_entry(MAP, form)["omissions"] == SAID
    assert row(0, Entry.of(MAP))["omissions"] == SAID

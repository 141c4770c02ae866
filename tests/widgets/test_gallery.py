"""A gallery without a page: what it lists, filters, selects, and answers to one."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets

from mediatoolkit.errors import MediaError, PromptError, StorageError
from mediatoolkit.media import Audio, Entry, Image, Media, Provenance, Video
from mediatoolkit.store import Store
from mediatoolkit.widgets import gallery as gallery_module
from mediatoolkit.widgets.gallery import Gallery
from mediatoolkit.widgets.media_source import thumb_of
from tests.media.clips import clip
from tests.test_prompts import picture

PAINTER, GEMINI = "local/painter", "gemini/gemini-3.1-flash-image"


def record(prompt: str, model: str = PAINTER) -> Provenance:
    return Provenance(model=model, prompt=prompt, engine="local", seed=7)


def tone(prompt: str) -> Audio:
    return Audio.from_samples(
        np.zeros(2_400, np.float32), 24_000, provenance=record(prompt, "local/hibari")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pieces; the owl is the newest."""
    pieces: list[Media] = [
        Image(picture(), record("an OWL at night")),
        Image(picture((9, 9)), record("a red fox")),
        Image(picture((99, 99)), record("a blue fox", GEMINI)),
        tone("A fox looks up."),
        Video(clip("mp4"), record("the fox walks", "local/camera")),
    ]
    for age, piece in enumerate(pieces):
        os.utime(piece.save(tmp_path / f"{age}"), (1_000 - age, 1_000 - age))
    return tmp_path


class Page:
    """The browser's end of a gallery."""

    def __init__(self, gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hear what *gallery* sends."""
        self.gallery = gallery
        self.heard: asyncio.Queue[tuple[Any, list[bytes]]] = asyncio.Queue()
        monkeypatch.setattr(
            gallery,
            "send",
            lambda message, buffers=(): self.heard.put_nowait((message, list(buffers))),
        )

    async def ask(self, content: object) -> tuple[Any, list[bytes]]:
        self.gallery._hear(self.gallery, content, [])
        return await asyncio.wait_for(self.heard.get(), 60)


def prompts(gallery: Gallery) -> list[str]:
    return [media.provenance.prompt for media in gallery.media if media.provenance]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "an OWL at night|a red fox|a blue fox|A fox looks up.|the fox walks"),
        ({"word": "owl"}, "an OWL at night"),
        ({"word": " Fox  a "}, "a red fox|a blue fox|A fox looks up.|the fox walks"),
        ({"word": "fox", "kind": "image", "model": PAINTER}, "a red fox"),
        ({"kind": "audio"}, "A fox looks up."),
        ({"kind": "video"}, "the fox walks"),
        ({"word": "zebra"}, ""),
        ({"kind": "image", "sort": "oldest"}, "a blue fox|a red fox|an OWL at night"),
        ({"kind": "image", "sort": "prompt"}, "a blue fox|a red fox|an OWL at night"),
        ({"kind": "image", "sort": "model"}, "a blue fox|an OWL at night|a red fox"),
        ({"sort": "size", "kind": "image"}, "a blue fox|an OWL at night|a red fox"),
    ],
)
async def test_a_query_keeps_what_it_asks_for(
    folder: Path, query: dict[str, str], expected: str
) -> None:
    gallery = Gallery(folder, **query)

    assert "|".join(prompts(gallery)) == expected


def test_a_gallery_works_without_a_loop(folder: Path) -> None:
    gallery = Gallery(folder, kind="image")
    gallery.word = "fox"

    assert prompts(gallery) == ["a red fox", "a blue fox"]
    assert repr(gallery) == "<Gallery of 2 pictures>"


async def test_a_list_keeps_its_order_and_gives_back_its_own_media(folder: Path) -> None:
    fox, voice = Image(picture(), record("a fox")), tone("hello")

    gallery = Gallery([voice, fox, folder / "0.png"])

    assert gallery.media[0] is voice
    assert gallery.media[1:2] == [fox]
    assert prompts(gallery) == ["hello", "a fox", "an OWL at night"]
    assert repr(gallery.media) == "<2 pictures, 1 sound>"


async def test_the_selection_comes_in_the_order_shown(folder: Path) -> None:
    gallery = Gallery(Store(folder))
    owl, fox = gallery.media[:2]
    numbers = gallery.shown

    gallery.chosen = [numbers[1], numbers[0], 99]
    assert gallery.selected == [owl, fox]

    gallery.sort = "oldest"
    assert gallery.selected == [fox, owl]
    gallery.word = "owl"
    assert gallery.selected == [owl]


async def test_the_selection_is_a_trait_that_reads_nothing(folder: Path) -> None:
    gallery, other = Gallery(folder), Gallery(folder)
    assert len(gallery.media) == len(other.media) == 5
    heard: list[Any] = []
    gallery.observe(heard.append, "selected")
    link = traitlets.link((gallery, "selected"), (other, "selected"))
    (folder / "0.png").unlink()

    gallery.chosen = gallery.shown[:2]
    assert repr(heard[0].new) == "<2 pictures>"
    assert other.chosen == other.shown[:2]

    other.selected = other.media[1:3]
    assert gallery.selected == gallery.media[1:3]
    assert [len(change.new) for change in heard] == [2, 2]
    gallery.chosen = []
    assert other.selected == []
    with pytest.raises(PromptError, match="media that this gallery shows"):
        gallery.selected = [tone("not here")]
    link.unlink()


async def test_a_page_that_selects_is_heard_on_the_loop_of_the_cells(folder: Path) -> None:
    """Its messages may arrive in a thread with a loop of its own."""
    gallery = Gallery(folder)
    assert len(gallery.media) == 5
    thread: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    gallery.observe(lambda _: thread.set_result(threading.current_thread().name), "selected")

    await asyncio.to_thread(gallery.set_state, {"chosen": gallery.shown[:1]})

    assert await asyncio.wait_for(thread, 60) == threading.main_thread().name


async def test_what_is_selected_is_deleted_where_it_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, other = Gallery(folder), Gallery(folder)
    page = Page(gallery, monkeypatch)
    assert len(gallery.media) == 5
    owl, fox = gallery.shown[:2]

    message, _ = await page.ask({"do": "delete", "ids": [owl, fox, 99], "page": "a"})

    assert message == {"said": "2 files deleted.", "ok": True}
    assert prompts(gallery) == prompts(other) == ["a blue fox", "A fox looks up.", "the fox walks"]


async def test_what_cannot_be_deleted_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = Entry.of(Image.open(folder / "0.png"))
    for gallery in (Gallery([folder / "0.png"]), Gallery(folder / ".." / folder.name)):
        page = Page(gallery, monkeypatch)
        assert len(gallery.media)
        gallery._entries[0] = replace(outside, path=folder.parent / "0.png", media=None)
        message, _ = await page.ask({"do": "delete", "ids": [0], "page": "a"})
        assert message["said"].startswith("0 files deleted. ")
        assert not message["ok"]
    assert (folder / "0.png").exists()


async def test_two_pictures_are_compared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = Gallery(folder)
    page = Page(gallery, monkeypatch)
    assert len(gallery.media) == 5

    message, buffers = await page.ask({"do": "compare", "ids": gallery.shown[:2], "page": "a"})

    assert message["page"] == "a"
    assert message["compare"]["names"] == ["an OWL at night", "a red fox"]
    assert [Image(data).mime_type for data in buffers] == message["types"]


async def test_what_a_store_keeps_later_is_listed(folder: Path) -> None:
    store = Store(folder)
    gallery = Gallery(store)
    before = list(gallery.media)
    gallery.chosen = gallery.shown[:1]

    await Store(folder).put(Image(picture((7, 7)), record("a new fox")))
    await asyncio.sleep(0)

    assert gallery.stale
    assert len(gallery.media) == len(before) + 1
    assert prompts(gallery)[0] == "a new fox"
    assert gallery.media[1] is before[0], "what was there keeps its number and its object"
    assert gallery.selected == before[:1]
    gallery.close()
    await store.put(Image(picture((6, 6))))


async def test_what_is_kept_during_a_look_is_not_missed(folder: Path) -> None:
    gallery = Gallery(folder)
    entries = gallery._source.look()
    assert len(gallery.media) == 5
    gallery.stale = True

    gallery._list(entries)

    assert gallery.stale
    Image(picture((5, 5)), record("a late fox")).save(folder / "late")
    assert "a late fox" in prompts(gallery)
    assert not gallery.stale


async def test_a_closed_gallery_is_empty(folder: Path) -> None:
    gallery = Gallery(folder)
    assert len(gallery.media) == 5

    gallery.close()
    gallery.close()

    assert gallery.selected == []
    assert len(gallery.media) == 0


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no/such/folder", StorageError, "There is no folder"),
        (["no/such/file.png"], MediaError, "is not a picture, a sound or a film"),
        (7, PromptError, "not int"),
        (b"bytes", PromptError, "not bytes"),
        ([None], PromptError, "await a job"),
        ("\0", StorageError, "cannot be a path"),
    ],
)
def test_what_cannot_be_shown_is_refused_at_once(
    source: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Gallery(source)


@pytest.mark.parametrize(
    "query", [{"kind": "pictures"}, {"sort": "newst"}, {"word": 7}, {"model": None}]
)
def test_a_query_that_means_nothing_is_refused(folder: Path, query: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        Gallery(folder, **query)


def test_a_trait_that_means_nothing_is_refused(folder: Path) -> None:
    gallery = Gallery(folder)
    with pytest.raises(PromptError, match="use one of 'image', 'audio', 'video'"):
        gallery.kind = "pictures"
    assert gallery.kind == ""


async def test_a_page_gets_lines_and_thumbnails_of_what_it_asks_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(folder)
    page = Page(gallery, monkeypatch)
    assert len(gallery.media) == 5
    owl, *_, voice, film = gallery.shown

    message, _ = await page.ask({"rows": [owl, voice, 99, "x", None, []]})
    assert message["rows"][0] == {
        "id": owl,
        "kind": "image",
        "prompt": "an OWL at night",
        "model": PAINTER,
        "omissions": "",
    }
    assert [row["id"] for row in message["rows"]] == [owl, voice]

    message, buffers = await page.ask({"thumbs": [owl, voice, film]})
    types = [thumb["type"] for thumb in message["thumbs"]]
    assert types == ["image/jpeg", "image/png", "image/jpeg"]
    assert [thumb["note"] for thumb in message["thumbs"]] == ["8×8", "0.1 s", "1.0 s"]
    assert [Image(data).mime_type for data in buffers] == types


async def test_a_file_that_is_gone_is_a_thumbnail_that_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(folder)
    page = Page(gallery, monkeypatch)
    first = gallery.shown[0] if len(gallery.media) else -1
    (folder / "0.png").unlink()

    message, buffers = await page.ask({"thumbs": [first]})

    assert buffers == [b""]
    assert "Could not read" in message["thumbs"][0]["note"]
    with pytest.raises(StorageError):
        gallery.media[0]


async def test_a_page_that_talks_nonsense_is_not_heard(folder: Path) -> None:
    gallery = Gallery(folder)
    for nonsense in (
        None,
        "rows",
        {"rows": 7},
        {"do": "open", "ids": [10**9], "page": "a"},
        {"do": "delete", "ids": "x", "page": 7},
        {"refresh": 1.5},
    ):
        gallery._hear(gallery, nonsense, [])
    await asyncio.sleep(0)
    assert len(gallery.media) == 5


async def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    empty = Gallery(Store(tmp_path / "new", create=True))
    assert repr(empty) == "<Gallery of nothing>"
    assert "mt.image(" in empty.note

    foreign = Gallery(tmp_path)
    assert len(foreign.media) == 0
    assert "no pictures" in foreign.note


async def test_only_the_newest_are_listed_and_it_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatoolkit.widgets.media_source.MOST", 2)
    monkeypatch.setattr(gallery_module, "MOST", 2)
    gallery = Gallery(folder)

    assert prompts(gallery) == ["an OWL at night", "a red fox"]
    assert gallery.note == "Only the newest 2 are listed."


async def test_a_notebook_without_widgets_has_words(folder: Path) -> None:
    data, _ = Gallery(folder)._repr_mimebundle_()

    assert data["text/plain"] == "<Gallery of 3 pictures, 1 sound, 1 film>"
    assert "A gallery of 3 pictures, 1 sound, 1 film." in data["text/html"]
    assert data["text/html"].count("<img") == 4


def test_a_file_of_gigabytes_is_not_read_for_its_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    path.write_bytes(clip()[:32])
    os.truncate(path, 2 << 30)

    thumb = thumb_of(Entry(Video, 2 << 30, 0.0, None, path))

    assert (thumb.data, thumb.note) == (b"", "2,147 MB; open it to see it")

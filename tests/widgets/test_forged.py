"""A page may send anything: the kernel's side stays whole and says nothing to the log."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import traitlets as t
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import mediatoolkit as mt
from mediatoolkit.media import Image, Provenance
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.transport.session import sessions
from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.buttons import Buttons
from mediatoolkit.widgets.compare import compare
from mediatoolkit.widgets.gallery import Gallery
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.sessions import SessionPanel
from mediatoolkit.widgets.studio import StudioForm
from tests.test_prompts import picture

FOX = Image(picture(), Provenance(model="a/b", prompt="a fox", engine="a"))
WORDS = [
    "act",
    "cancel",
    "chosen",
    "close",
    "do",
    "draft",
    "ending",
    "entries",
    "extend",
    "facts",
    "fetch",
    "generate",
    "here",
    "id",
    "image",
    "is_list",
    "kernel",
    "kind",
    "leave",
    "look",
    "model",
    "models",
    "names",
    "news",
    "note",
    "now",
    "number",
    "offers",
    "open",
    "page",
    "picture",
    "pictures",
    "prompt",
    "refresh",
    "retry",
    "row",
    "rows",
    "running",
    "seed",
    "seen",
    "settings",
    "shapes",
    "show",
    "shown",
    "size",
    "sort",
    "speech",
    "stale",
    "status",
    "take",
    "thumbs",
    "ticket",
    "timeout",
    "total",
    "video",
    "whole",
    "wish",
    "word",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 99, 2**70, 0.5, float("nan"), float("inf"), "\ud800", "x" * 5_000])
    | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=10,
)


def refuse(kind: str, prompt: str, **_keywords: object) -> Any:
    raise mt.PromptError(f"Nothing is started here, no {kind!r} either: {prompt!r}"[:300])


def _gallery() -> Any:
    return Gallery([FOX])


def _studio() -> Any:
    return StudioForm(refuse, asyncio.get_running_loop())


def _board() -> Any:
    job = Job(lambda _call: asyncio.sleep(0), CallContext(30), label="a fox")
    job.cancel()
    return Board(lambda _action, _row: None, {"1": JobRow(job).words()})


def _comparison() -> Any:
    return compare(FOX, FOX)


def _panel() -> Any:
    return SessionPanel(sessions)


def _buttons() -> Any:
    return Buttons(asyncio.get_running_loop())


WIDGETS = [_gallery, _studio, _board, _comparison, _panel, _buttons]


@contextlib.asynccontextmanager
async def unlogged() -> AsyncIterator[None]:
    """Whatever a callback or a task has failed with is an error here."""
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, fault: faults.append(fault))
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait(others, timeout=60) if others else None
    assert not faults


def _as_sent(message: object) -> bytes:
    """As Jupyter makes bytes of it."""
    return json.dumps(message, default=str, ensure_ascii=False).encode()


async def _sent(make: Callable[[], Any], content: object, state: object, data: bytes) -> None:
    async with unlogged():
        widget = make()
        widget.send = lambda content, **_buffers: _as_sent(content)
        widget._hear(widget, content, [memoryview(data)] if data else [])
        with contextlib.suppress(t.TraitError):  # the comm's own handler tells it
            widget.set_state(state)
        await asyncio.sleep(0)
        assert len(repr(widget)) < 500
        widget._hear(widget, content, [])
        await asyncio.sleep(0)
        assert repr(widget)
        _as_sent(widget.get_state())
    widget.close()


@pytest.mark.parametrize("make", WIDGETS, ids=lambda make: make.__name__.strip("_"))
@given(content=VALUES, state=VALUES, data=st.binary(max_size=30))
@example(content={"open": 0}, state={"kind": "os"}, data=b"")
@example(content={"open": True}, state={"kind": ["image"], "rows": {"1": 5}}, data=b"")
@example(content="show", state={"sort": "\ud800" * 9, "seen": 99, "total": -5}, data=b"")
@example(content={"thumbs": [0, [0], "0", 2**70]}, state={"word": "x" * 100_000}, data=b"")
@example(content={"do": "take", "ticket": "7"}, state={"shown": [7], "chosen": [2**70]}, data=b"x")
@example(content={"act": "\ud800", "page": "\ud800"}, state=[1], data=b"")
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_widget_outlives_what_a_page_sends(
    make: Callable[[], Any], content: object, state: object, data: bytes
) -> None:
    asyncio.run(_sent(make, content, state, data))


@pytest.mark.parametrize("pictures", [5, [[1]], None, "x", {"a": 1}, [{"a": 1}], [None], "\ud800"])
@pytest.mark.parametrize("prompt", ["a fox", "\ud800", "x" * 1_000_000])
def test_a_form_may_hold_anything(pictures: object, prompt: str) -> None:
    form = {"do": "generate", "kind": "image", "prompt": prompt}
    asyncio.run(_sent(_studio, {**form, "settings": {"pictures": pictures}}, {}, b""))


async def test_a_query_that_is_none_leaves_the_one_before() -> None:
    gallery = Gallery([FOX], kind="image")
    with pytest.raises(mt.PromptError, match="use one of"):
        gallery.set_state({"kind": "os"})
    assert (gallery.kind, len(gallery.media)) == ("image", 1)
    with pytest.raises(t.TraitError, match="use one of"):
        gallery.sort = "x" * 1_000_000
    assert repr(gallery) == "<Gallery of 1 picture>"
    gallery.close()


async def test_what_only_the_kernel_may_say_is_not_taken_from_a_page() -> None:
    gallery = Gallery([FOX])
    assert len(gallery.media) == 1
    gallery.set_state({"shown": [], "note": "x", "total": 7, "models": ["y"], "word": "fox"})
    assert (gallery.shown, gallery.note, gallery.total) == ([0], "", 1)
    assert gallery.word == "fox"
    gallery.close()

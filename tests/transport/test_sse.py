"""Server-sent events: any line end, any cut."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import TooLargeError
from mediatoolkit.transport import sse as module
from mediatoolkit.transport.sse import EventReader, EventSplitter

BODY = "data: one\n\n: comment\nevent: x\ndata: two\ndata:lines\n\ndata: \u2028 three\n\ndata: last"
EVENTS = [b"one", b"two\nlines", "\u2028 three".encode(), b"last"]


def whole(parts: Iterable[bytes | None]) -> list[bytes]:
    """The events that *parts* make; each is ended by None."""
    events = [b""]
    for part in parts:
        if part is None:
            events.append(b"")
        else:
            events[-1] += part
    assert events.pop() == b""
    return events


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(cuts=st.lists(st.integers(0, 80)))
def test_events_are_the_same_however_the_body_is_cut(end: str, cuts: list[int]) -> None:
    body = BODY.replace("\n", end).encode()
    splitter = EventSplitter()
    parts: list[bytes | None] = []
    edges = [0, *sorted(cuts), len(body)]
    for start, stop in itertools.pairwise(edges):
        parts += splitter.feed(body[start:stop])
    assert whole([*parts, *splitter.end()]) == EVENTS


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    """And its data as it comes, so that a large one is never held."""
    splitter = EventSplitter()
    assert list(splitter.feed(b"data: {")) == [b"{"]
    assert list(splitter.feed(b"}\n\nda")) == [b"}", None]
    assert whole(splitter.feed(b"ta: 2\r\n\r\n")) == [b"2"]
    assert whole(splitter.feed(b"data: 3\r\r")) == [b"3"]
    assert whole(splitter.feed(b"\ndata: 4\r\n\r")) == [b"4"]
    assert list(splitter.end()) == []


def read(*pieces: bytes) -> list[object]:
    documents: list[object] = []
    reader = EventReader(("data",), lambda document, _media, _name: documents.append(document))
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    return documents


def test_an_event_without_data_is_none() -> None:
    assert read(b"data: 1\n\ndata:\n\ndata\n\ndata: 2\n\n") == [1, 2]


def test_done_is_no_event_and_ends_the_stream() -> None:
    documents: list[object] = []
    reader = EventReader((), lambda document, _media, _name: documents.append(document))
    with pytest.raises(module.StreamEnded):
        reader.feed(b"data: 1\n\ndata: [DONE]\n\ndata: 2\n\n")
    assert documents == [1]


@pytest.mark.parametrize(
    "line", [b"\n", b": \n", b"event: x\n", b"data:\n\n", b"data: 1\n\n"], ids=repr
)
def test_a_stream_of_too_many_lines_or_events_is_cut(line: bytes) -> None:
    with pytest.raises(TooLargeError, match="more than"):
        read(line * (module.MOST_LINES + 1))


def test_a_line_that_does_not_end_is_cut_where_it_is_kept() -> None:
    with pytest.raises(TooLargeError, match="4 MiB of text"):
        read(*[b"data: "] * 1_000_000)
    assert read(b"data: 1\n\n:", *[b"x" * 1000] * 10_000) == [1]


def test_the_text_of_all_events_has_a_cap() -> None:
    event = b'data: ["' + b". " * 1_000_000 + b'"]\n\n'
    assert len(read(*[event] * 8)) == 8
    with pytest.raises(TooLargeError, match="16 MiB of text"):
        read(*[event] * 9)


def test_the_values_of_all_events_have_a_cap() -> None:
    event = b"data: [" + b"1," * 99_999 + b"1]\n\n"
    assert len(read(*[event] * 5)) == 5
    with pytest.raises(TooLargeError, match="500,000 values"):
        read(*[event] * 6)

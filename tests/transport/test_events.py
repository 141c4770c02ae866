"""Server-sent events: any line end, any cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.transport.events import EventSplitter

BODY = "data: one\n\n: comment\nevent: x\ndata: two\ndata:lines\n\ndata: \u2028 three\n\ndata: last"
EVENTS = [b"one", b"two\nlines", "\u2028 three".encode(), b"last"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(cuts=st.lists(st.integers(0, 80)))
def test_events_are_the_same_however_the_body_is_cut(end: str, cuts: list[int]) -> None:
    body = BODY.replace("\n", end).encode()
    splitter = EventSplitter()
    events: list[bytes] = []
    edges = [0, *sorted(cuts), len(body)]
    for start, stop in itertools.pairwise(edges):
        events += splitter.feed(body[start:stop])
    assert events + splitter.end() == EVENTS


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: {") == []
    assert splitter.feed(b"}\n\nda") == [b"{}"]
    assert splitter.feed(b"ta: 2\r\n\r\n") == [b"2"]
    assert splitter.feed(b"data: 3\r\r") == [b"3"]
    assert splitter.feed(b"\ndata: 4\r\n\r") == [b"4"]
    assert splitter.end() == []

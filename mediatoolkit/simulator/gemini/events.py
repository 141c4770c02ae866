"""Streams of events."""

import json
from collections.abc import Iterable
from typing import Any

from mediatoolkit.simulator.http import HttpResponse


def stream(chunks: Iterable[Any], newline: str) -> HttpResponse:
    """Events without a name, one for each of *chunks*."""
    return _sent([f"data: {json.dumps(chunk)}{newline * 2}" for chunk in chunks])


def named(events: Iterable[dict[str, Any]], newline: str) -> HttpResponse:
    """Events under the name that each carries as `event_type`, and the end mark."""
    texts = [
        f"event: {event['event_type']}{newline}data: {json.dumps(event)}{newline * 2}"
        for event in events
    ]
    return _sent([*texts, f"event: done{newline}data: [DONE]{newline * 2}"])


def _sent(texts: list[str]) -> HttpResponse:
    pieces = [text.encode() for text in texts]
    cuts = tuple(map(len, pieces))
    return HttpResponse(b"".join(pieces), 200, {"Content-Type": "text/event-stream"}, cuts)

"""Requests that a vendor's SDK was recorded to send, and those that came in, in one shape."""

import json
from pathlib import Path
from typing import Any

from mediatoolkit.simulator.http import Request

WIRE = Path(__file__).parent.parent / "wire"


def recorded(name: str, *fields: str) -> list[dict[str, Any]]:
    """The requests of a recording in `tests/wire`, with the header *fields* that are compared."""
    requests = json.loads((WIRE / f"{name}.json").read_text())["requests"]
    return [
        each | {"headers": {field: each["headers"].get(field) for field in fields}}
        for each in requests
    ]


def shape(request: Request, *fields: str) -> dict[str, Any]:
    """*request* as a recording has it."""
    return {
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": {field: request.headers.get(field) for field in fields},
        "body": "<binary>" if isinstance(request.body, bytes) else request.body,
    }

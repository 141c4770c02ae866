"""Which path leads where."""

import re

from mediatoolkit.simulator.http import Request

VERSION = r"/(?P<version>v1|v1beta)"
MODELS = re.compile(VERSION + r"/models(?:/(?P<model>[^/:]+)(?::(?P<verb>\w+))?)?")
VOICES = re.compile(VERSION + r"/voices(?:/(?P<voice>[^/:]+))?")
FILES = re.compile(VERSION + r"/files/(?P<file>[^/:]+)(?P<download>:download)?")
INTERACTIONS = re.compile(VERSION + r"/interactions(?:/(?P<id>[^/:]+)(?P<cancel>/cancel)?)?")


def model_id(request: Request) -> str:
    """The model that *request* names, or an empty string."""
    place = MODELS.fullmatch(request.path)
    if place:
        return place["model"] or ""
    named = request.body.get("model") if isinstance(request.body, dict) else None
    return named if isinstance(named, str) else ""

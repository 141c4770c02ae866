"""The Python call that made a piece of media, as its record of origin tells it."""

import math
import re
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from typing import Any

from mediatoolkit.checks import is_number
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from mediatoolkit.media.containers.base import MAX_SECONDS
from mediatoolkit.media.provenance import DEEPEST
from mediatoolkit.store import Store

_VERBS: dict[type[Media], str] = {Image: "image", Audio: "speech", Video: "video"}
_FILES = frozenset({"image", "last", "mask", "narration", "pictures", "previous", "references"})
"""Options in which media stands by the first digits of its digest."""

_MARK = re.compile(r"[0-9a-f]{16}")
_WIDTH = 88
MOST = 200
"""Options that a call names; no model takes as many."""

_KEPT_BACK = frozenset({"agent", "images", "model", "prompt", "seed", "text", "timeout"})


def call_of(media: Media, *, store: Store | None = None) -> str:
    """Python that makes *media* again, such as `await mt.image("a red fox", seed=7)`.

    Args:
        media: Says itself what it was made of.
        store: Where the pictures it started from are looked for; left out, the default store. One
            that is not there becomes None, and a comment says which it was.

    Raises:
        MediaToolkitError: Nobody knows what made it.

    Reads the names in the store's folder.
    """
    provenance = media.provenance
    if provenance is None:
        raise MediaToolkitError(f"This {media.noun} does not say what made it.")
    frame = _moment(provenance) if isinstance(media, Image) else None
    verb = "video" if frame is not None else _VERBS[type(media)]
    missing: list[str] = []
    given = dict(_options(provenance, store or Store.default(), missing))
    if "pictures" in given:
        call = _written("film", [given.pop("pictures")], given)
    else:
        call = _written(verb, [quoted(provenance.prompt)], _known(provenance, verb) | given)
    if frame is not None:
        call = f"({call}).poster({frame!r})"
    return "".join(f"# {line}\n" for line in missing) + call


def quoted(text: str) -> str:
    """A string literal of *text*, in double quotes and on one line."""
    literal = repr(text)
    if literal[0] == '"':
        return literal
    return '"{}"'.format(literal[1:-1].replace("\\'", "'").replace('"', '\\"'))


def _moment(provenance: Provenance) -> float | None:
    """Seconds into the film that a picture was taken from; None where the record names none."""
    seconds: Any = provenance.notes.get("seconds_into_film")
    if not is_number(seconds) or not 0 <= seconds <= MAX_SECONDS:
        return None
    return float(seconds)


def _known(provenance: Provenance, verb: str) -> dict[str, str]:
    """What the record names beside the options; a voice takes no seed."""
    seeded = provenance.seed is not None and verb != "speech"
    return {"model": quoted(provenance.model)} | ({"seed": repr(provenance.seed)} if seeded else {})


def _options(provenance: Provenance, store: Store, missing: list[str]) -> Iterator[tuple[str, str]]:
    """Keywords and their values as Python; *missing* gets a line for each file not found."""
    options = [(str(name), value) for name, value in provenance.options.items()]
    if len(options) > MOST:
        missing.append(f"{len(options) - MOST:,} more options are left out")
    for name, value in options[:MOST]:
        if name in _KEPT_BACK or value is None or (name == "captions" and value is True):
            continue
        if isinstance(value, float) and not math.isfinite(value):
            continue
        if name in _FILES:
            yield name, _found(name, value, store, missing)
        else:
            yield name, _python(value)


def _found(name: str, value: Any, store: Store, missing: list[str]) -> str:
    """The file with that digest, or the files."""
    if isinstance(value, list):
        return f"[{', '.join(_found(name, one, store, missing) for one in value)}]"
    if not isinstance(value, str) or not _MARK.fullmatch(value):
        return _python(value)
    files = sorted(store.folder.glob(f"{value}.*"))
    if files:
        return quoted(str(files[0]))
    missing.append(f"{name}: {value}… is not in the store; put the file in the place of None")
    return "None"


def _written(verb: str, first: list[str], named: Mapping[str, str]) -> str:
    plain = {name: value for name, value in named.items() if _is_name(name)}
    odd = {name: value for name, value in named.items() if name not in plain}
    parts = [*first, *(f"{name}={value}" for name, value in plain.items())]
    if odd:
        entries = ", ".join(f"{quoted(name)}: {value}" for name, value in odd.items())
        parts.append(f"**{{{entries}}}")
    line = f"await mt.{verb}({', '.join(parts)})"
    if len(line) <= _WIDTH:
        return line
    return f"await mt.{verb}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _is_name(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not iskeyword(name)


def _python(value: Any, level: int = 1) -> str:
    match value:
        case str():
            return quoted(value)
        case list() | tuple() | Mapping() if level > DEEPEST:
            return "None"
        case list() | tuple():
            return f"[{', '.join(_python(part, level + 1) for part in value)}]"
        case Mapping():
            entries = (
                f"{quoted(str(name))}: {_python(part, level + 1)}" for name, part in value.items()
            )
            return f"{{{', '.join(entries)}}}"
        case float() if not math.isfinite(value):
            return "None"
    return repr(value) if isinstance(value, (bool, int, float)) else quoted(str(value))

"""What is known of a piece of media: its facts, a file name, and the Python that makes it again."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from keyword import iskeyword
from typing import Any

from mediatoolkit.checks import is_number, visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video, contact_sheet
from mediatoolkit.media.provenance import DEEPEST
from mediatoolkit.store import Store
from mediatoolkit.widgets.prices import Paid

MOST = 200
"""Options that are shown of a record, or that a call names; no model takes as many."""

_VERBS: dict[type[Media], str] = {Image: "image", Audio: "speech", Video: "video"}
_FILES = frozenset({"image", "last", "mask", "narration", "pictures", "previous", "references"})
"""Options in which media stands by the first digits of its digest."""

_DIGEST = re.compile(r"[0-9a-f]{16}")
_LATEST_MOMENT = 1e9  # seconds into a film; a record that names a later one says nonsense
_WIDTH = 88  # characters of a line of code
_LONGEST_NAME = 60
_LONGEST_FACT = 2_000  # characters; a prompt is shown whole
_LEFT_OUT = frozenset({"agent", "images", "model", "prompt", "seed", "text", "timeout"})


def measures(media: Media) -> str:
    """Say how large or long *media* is, such as `6.0 s, 1280×720`."""
    if isinstance(media, Video):
        size = f"{media.width}×{media.height}"
        return f"{media.facts.seconds:.1f} s, {size}" if media.facts.seconds else size
    if isinstance(media, Audio):
        return f"{media.seconds:.1f} s"
    return f"{media.width}×{media.height}" if isinstance(media, Image) else media.noun


def counted(number: int, noun: str) -> str:
    """Such as `2,000 pictures` or `1 picture`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def facts_of(media: Media) -> list[tuple[str, str]]:
    """What is known of *media*, as pairs of plain text; at most `MOST` of a kind, each cut."""
    facts: dict[str, Any] = {}
    provenance = media.provenance
    if provenance is not None:
        facts = {
            "prompt": provenance.prompt,
            "model": provenance.model,
            "seed": provenance.seed,
            **dict(islice(provenance.options.items(), MOST)),
            "engine": provenance.engine,
            "created": provenance.created.replace("T", " ").replace("+00:00", " UTC"),
            "request id": provenance.request_id,
            "usage": provenance.usage,
            **{
                name: value
                for name, value in islice(provenance.notes.items(), MOST)
                if name != "captions"
            },
        }
    if media.cost is not None:
        basis = f" ({media.cost.basis})" if media.cost.basis else ""
        facts |= {"cost": f"{media.cost}{basis}"}
    paid = Paid.of(media)
    facts |= {"cache": str(paid) if paid.day else ""}
    hertz = f", {media.sample_rate} Hz" if isinstance(media, Audio) else ""
    size = f"{len(media.data) / 1e6:.1f} MB"
    if len(media.data) < 1e6:
        size = f"{len(media.data) / 1e3:.1f} kB"
    facts |= {"file": f"{measures(media)}{hertz}, {media.mime_type}, {size}"}
    facts |= {"kept in": str(media.path or "")}
    pairs = (
        (
            visible(str(name), _LONGEST_NAME).replace("_", " "),
            visible(_in_words(value), None if name == "prompt" else _LONGEST_FACT),
        )
        for name, value in facts.items()
    )
    return [(name, value) for name, value in pairs if value]


def to_code(media: Media, *, store: Store | None = None) -> str:
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
    if provenance.model == contact_sheet.MODEL:
        return "# a contact sheet: await run.sheet(…) draws it"
    frame = _moment(provenance) if isinstance(media, Image) else None
    verb = "video" if frame is not None else _VERBS[type(media)]
    missing: list[str] = []
    options = dict(_options(provenance, store or Store.default(), missing))
    if "pictures" in options:
        code = _call("film", [options.pop("pictures")], options)
    else:
        code = _call(verb, [quoted(provenance.prompt)], _recorded(provenance, verb) | options)
    if frame is not None:
        code = f"({code}).poster({frame!r})"
    return "".join(f"# {line}\n" for line in missing) + code


def quoted(text: str) -> str:
    """A string literal of *text*, in double quotes and on one line."""
    literal = repr(text)
    if literal[0] == '"':
        return literal
    return '"{}"'.format(literal[1:-1].replace("\\'", "'").replace('"', '\\"'))


def _moment(provenance: Provenance) -> float | None:
    """Seconds into the film that a picture was taken from; None where the record names none."""
    seconds: Any = provenance.notes.get("seconds_into_film")
    if not is_number(seconds) or not 0 <= seconds <= _LATEST_MOMENT:
        return None
    return float(seconds)


def _recorded(provenance: Provenance, verb: str) -> dict[str, str]:
    """What the record names beside the options; a voice takes no seed."""
    seeded = provenance.seed is not None and verb != "speech"
    return {"model": quoted(provenance.model)} | ({"seed": repr(provenance.seed)} if seeded else {})


def _options(provenance: Provenance, store: Store, missing: list[str]) -> Iterator[tuple[str, str]]:
    """Keywords and their values as Python; *missing* gets a line for each file not found."""
    options = [(str(name), value) for name, value in provenance.options.items()]
    if len(options) > MOST:
        missing.append(f"{len(options) - MOST:,} more options are left out")
    for name, value in options[:MOST]:
        if name in _LEFT_OUT or value is None or (name == "captions" and value is True):
            continue
        if isinstance(value, float) and not math.isfinite(value):
            continue
        if name in _FILES:
            yield name, _file(name, value, store, missing)
        else:
            yield name, _python(value)


def _file(name: str, value: Any, store: Store, missing: list[str]) -> str:
    """The file with that digest, or the files."""
    if isinstance(value, list):
        return f"[{', '.join(_file(name, part, store, missing) for part in value)}]"
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        return _python(value)
    files = sorted(store.folder.glob(f"{value}.*"))
    if files:
        return quoted(str(files[0]))
    missing.append(f"{name}: {value}… is not in the store; put the file in the place of None")
    return "None"


def _call(verb: str, first: list[str], keywords: Mapping[str, str]) -> str:
    plain = {name: value for name, value in keywords.items() if _is_name(name)}
    odd = {name: value for name, value in keywords.items() if name not in plain}
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


def _in_words(value: Any, level: int = 1) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping() | list() | tuple() if level > DEEPEST:
            return "…"
        case Mapping():
            entries = islice(value.items(), _LONGEST_FACT)
            return ", ".join(f"{name}: {_in_words(part, level + 1)}" for name, part in entries)
        case list() | tuple():
            return ", ".join(_in_words(part, level + 1) for part in value[:_LONGEST_FACT])
    return str(value)

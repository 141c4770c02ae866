"""Where a piece of media comes from, as a value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any

from mediatoolkit.version import VERSION

LARGEST_RECORD = 64 << 10
"""Bytes of a record as JSON, when it is read and when it is written."""

DEEPEST = 50
"""Lists and mappings inside each other in a record."""

_LONGEST_PROMPT = 8_000
_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a piece of media was made.

    Attributes:
        model: Model id, `vendor/model`.
        prompt: The text that was asked for.
        engine: What did the work: `"local"` for the embedded engine, else the vendor's name.
        seed: The seed that was used, or None when the vendor chose.
        options: Every other option of the prompt, as plain JSON.
        created: UTC time, ISO 8601.
        request_id: The vendor's name for the call, or None.
        usage: What was used up, as the vendor counts it, such as tokens per modality.
        notes: What else is worth knowing, such as words the local painter did not understand.
        version: Version of this package.
    """

    model: str
    prompt: str
    engine: str
    seed: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
    request_id: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    version: str = VERSION

    def to_json(self, *, room: int | None = None) -> str:
        """One line of JSON that can be encoded, whatever the record holds.

        A very long prompt is cut to 8,000 characters; what JSON does not know becomes text.

        Args:
            room: Bytes of UTF-8 that it may take once it is escaped for XML, from 1,000; texts
                and lists are shortened until it fits.
        """
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        known["prompt"] = self.prompt[:_LONGEST_PROMPT]
        line = _line(known, None)
        longest = _LONGEST_PROMPT
        while room is not None and len(escape(line).encode()) > room:
            line = _line(known, longest)
            longest //= 2
        return line

    @classmethod
    def from_json(cls, text: str | bytes) -> "Provenance | None":
        """Read what `to_json` wrote; None when it is something else.

        Entries of another type are left out, and of the model's name all that does not print.
        """
        try:
            known = json.loads(text)
            json.dumps(known, ensure_ascii=False).encode()  # half a character fits into no page
        except (ValueError, RecursionError):
            return None
        if not isinstance(known, dict):
            return None
        sound = {name: known[name] for name in _TYPES if type(known.get(name)) is _TYPES[name]}
        if not {"model", "prompt", "engine"} <= sound.keys():
            return None
        sound["model"] = "".join(filter(str.isprintable, sound["model"]))[:_LONGEST_NAME]
        return cls(**sound)


_TYPES: dict[str, type] = {
    "model": str,
    "prompt": str,
    "engine": str,
    "seed": int,
    "options": dict,
    "created": str,
    "request_id": str,
    "usage": dict,
    "notes": dict,
    "version": str,
}


def _line(known: Mapping[str, Any], longest: int | None) -> str:
    plain = {name: _plain(value, longest) for name, value in known.items()}
    kept = {name: value for name, value in plain.items() if value not in (None, "", {})}
    line = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    return line.encode(errors="replace").decode()


def _plain(value: object, longest: int | None) -> Any:
    """As JSON can say it, with at most *longest* characters or entries in each part."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        entries = list(value.items())[:longest]
        return {str(name)[:longest]: _plain(one, longest) for name, one in entries}
    if isinstance(value, (list, tuple)):
        return [_plain(one, longest) for one in value[:longest]]
    return str(value)[:longest]

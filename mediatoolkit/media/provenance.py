"""Where a piece of media comes from, as a value."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any

from mediatoolkit.checks import quoted, visible
from mediatoolkit.version import VERSION

LARGEST_RECORD = 64 << 10
"""Bytes of a record as JSON, when it is read and when it is written."""

DEEPEST = 50
"""Lists and mappings inside each other in a record."""

_OMISSIONS = {"not_understood": "not drawn", "not_drawn": "not drawn", "not_spoken": "not spoken"}
_MOST_OMISSIONS = 8  # words of each kind
_LONGEST_OMISSION = 40  # characters
_LONGEST_PROMPT = 8_000
_LONGEST_NAME = 300
_LONGEST_NUMBER = 20  # digits


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
        cost: What it cost, as `Cost.to_record` has it.
        notes: What else is worth knowing, such as the words that the local painter did not draw.
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
    cost: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    version: str = VERSION

    @property
    def omissions(self) -> str:
        """What the prompt asks for and the media lacks, such as `not drawn: map`; else ""."""
        notes = self.notes
        listed = {_OMISSIONS[name]: notes[name] for name in _OMISSIONS if notes.get(name)}
        return "; ".join(filter(None, (_omission(verb, words) for verb, words in listed.items())))

    def to_json(self, *, room: int | None = None) -> str:
        """Return one line of JSON that can be encoded and read again, whatever the record holds.

        A very long prompt is cut to 8,000 characters; what JSON does not know becomes text. Texts
        and lists are shortened until the line fits into 64 KiB, and nothing lies deeper than 50
        lists in it.

        Args:
            room: Bytes of UTF-8 that it may take once it is escaped for XML, from 1,000; left out,
                64 KiB as it is.
        """
        record = {each.name: getattr(self, each.name) for each in fields(self)}
        record["prompt"] = self.prompt[:_LONGEST_PROMPT]
        longest = _LONGEST_PROMPT
        line = _line(record, None)
        while not _fits(line, room):
            line = _line(record, longest)
            longest //= 2
        return line

    @classmethod
    def from_json(cls, text: str | bytes) -> "Provenance | None":
        """Read what `to_json` wrote; None when it is something else, larger, or deeper.

        Entries of another type are left out, and of the model's name all that does not print.
        A number that is not finite becomes None.
        """
        if len(text) > LARGEST_RECORD:
            return None
        try:
            record = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_finite)
            json.dumps(record, ensure_ascii=False).encode()  # half a character fits into no page
        except (ValueError, RecursionError):
            return None
        if not isinstance(record, dict) or _is_deep(record):
            return None
        fitting = {name: record[name] for name in _TYPES if type(record.get(name)) is _TYPES[name]}
        if not {"model", "prompt", "engine"} <= fitting.keys():
            return None
        fitting["model"] = "".join(filter(str.isprintable, fitting["model"]))[:_LONGEST_NAME]
        return cls(**fitting)


_TYPES: dict[str, type] = {
    "model": str,
    "prompt": str,
    "engine": str,
    "seed": int,
    "options": dict,
    "created": str,
    "request_id": str,
    "usage": dict,
    "cost": dict,
    "notes": dict,
    "version": str,
}


def _omission(verb: str, words: object) -> str:
    """Such as `not drawn: map, Europe, … and 12 more`; a file may say anything."""
    listed = words if isinstance(words, (list, tuple)) else ()
    texts = [word for word in listed if isinstance(word, str)]
    shown = [visible(word, _LONGEST_OMISSION, one_line=True) for word in texts[:_MOST_OMISSIONS]]
    more = len(texts) - len(shown)
    return f"{verb}: {', '.join(shown)}{f', … and {more} more' if more else ''}" if shown else ""


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole(text: str) -> int | None:
    """Read an integer; None where it has more digits than any count or seed of 64 bits."""
    return int(text) if len(text) <= _LONGEST_NUMBER else None


def _is_deep(record: object) -> bool:
    """Return whether lists and mappings lie deeper than `DEEPEST` in each other."""
    level = [record]
    for _ in range(DEEPEST):
        lists = [part for part in level if isinstance(part, (dict, list))]
        level = [
            inner for part in lists for inner in (part.values() if isinstance(part, dict) else part)
        ]
    return any(isinstance(part, (dict, list)) for part in level)


def _fits(line: str, room: int | None) -> bool:
    if room is None:
        return len(line.encode()) <= LARGEST_RECORD
    return len(escape(line).encode()) <= room


def _line(record: Mapping[str, Any], longest: int | None) -> str:
    plain = {name: _plain(value, longest, 2) for name, value in record.items()}
    filled = {name: value for name, value in plain.items() if value not in (None, "", {})}
    line = json.dumps(filled, ensure_ascii=False, sort_keys=True)
    return line.encode(errors="replace").decode()


def _plain(value: object, longest: int | None, level: int) -> Any:
    """Make it plain JSON, with at most *longest* characters or entries in each part."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if _is_plain(value) else quoted(value)
    if isinstance(value, (Mapping, list, tuple)) and level > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        entries = list(value.items())[:longest]
        return {str(name)[:longest]: _plain(part, longest, level + 1) for name, part in entries}
    if isinstance(value, (list, tuple)):
        return [_plain(part, longest, level + 1) for part in value[:longest]]
    return str(value)[:longest]


def _is_plain(number: float) -> bool:
    """Return whether JSON can hold the number, and readers take it."""
    return number.bit_length() <= 64 if isinstance(number, int) else math.isfinite(number)

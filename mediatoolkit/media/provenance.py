"""Where a piece of media comes from, as a value."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

_LONGEST_PROMPT = 8_000  # a JPEG segment holds 64 kB; escaping takes up to six bytes a character


@functools.cache  # looking it up reads files of the installation
def _our_version() -> str:
    from importlib.metadata import version

    return version("mediatoolkit")


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
    version: str = field(default_factory=_our_version)

    def to_json(self) -> str:
        """One line of JSON; a very long prompt is cut to 8,000 characters."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        known["prompt"] = self.prompt[:_LONGEST_PROMPT]
        kept = {name: value for name, value in known.items() if value not in (None, "", {})}
        return json.dumps(kept, ensure_ascii=False, sort_keys=True, default=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Provenance | None":
        """Read what `to_json` wrote; None when it is something else."""
        try:
            known = json.loads(text)
            names = {one.name for one in fields(cls)}
            return cls(**{name: value for name, value in known.items() if name in names})
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None

"""One interaction: what it is like now, and how the vendor tells it."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mediatoolkit.simulator.api_faults import ApiFault
from mediatoolkit.simulator.gemini.faults import Stumbles
from mediatoolkit.simulator.gemini.output import Output, tokens_in
from mediatoolkit.simulator.gemini.speaker import cut
from mediatoolkit.simulator.gemini.wanted import Wanted


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(eq=False, slots=True)
class Interaction:
    """One interaction, which lives as long as the simulator.

    Attributes:
        wanted: What was asked.
        given: The input as it came.
        looks: How many more polls find it unfinished.
        fate: The fault that decides its end, or None.
        id: Its name.
        status: The vendor's word.
        content: What the model said and made, in the vendor's words.
        errors: Why it failed.
        tokens: What the result costs.
        stumbles: How many more polls do not find it.
        created: UTC.
        updated: UTC.
    """

    wanted: Wanted
    given: Any
    looks: int
    fate: ApiFault | None
    id: str = field(default_factory=lambda: f"v1_{secrets.token_urlsafe(12)}")
    status: str = "in_progress"
    content: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    tokens: int = 0
    stumbles: int = field(init=False)
    created: str = field(default_factory=_now)
    updated: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        """Its fate decides how its first polls go."""
        self.stumbles = self.fate.times if isinstance(self.fate, Stumbles) else 0

    @property
    def runs(self) -> bool:
        """Whether it is unfinished."""
        return self.status == "in_progress"

    def end(
        self, status: str, content: dict[str, Any] | None = None, output: Output | None = None
    ) -> None:
        """It has come to an end, with this result if any."""
        self.status = status
        self.content = [content] if content else []
        self.tokens = output.tokens if output else 0
        self.updated = _now()

    def fail(self, status: str, code: str, message: str | None) -> None:
        """It has come to an end without a result."""
        self.end(status)
        self.errors = [{"code": code, "message": message}] if message else []

    def body(self, *, include_input: bool = False) -> dict[str, Any]:
        """What the vendor tells of it."""
        body = self._head() | {"created": self.created, "updated": self.updated}
        steps = [{"type": "model_output", "content": self.content}] if self.content else []
        if include_input:
            steps.insert(0, {"type": "user_input", "content": _contents(self.given)})
        if steps:
            body["steps"] = steps
        if self.errors:
            body["errors"] = self.errors
        return body | ({} if self.runs else {"usage": self._usage()})

    def events(self) -> list[dict[str, Any]]:
        """What a stream tells of it, from the beginning."""
        told = [{"event_id": f"e{number}", **event} for number, event in enumerate(self._told(), 1)]
        return [{"event_type": event.pop("event_type"), **event} for event in told]

    def _told(self) -> Iterator[dict[str, Any]]:
        running = self._head() | {"status": "in_progress"}
        yield {"event_type": "interaction.created", "interaction": running}
        yield {
            "event_type": "interaction.status_update",
            "interaction_id": self.id,
            "status": "in_progress",
        }
        if self.content:
            yield {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}
            for delta in _deltas(self.content):
                yield {"event_type": "step.delta", "index": 0, "delta": delta}
            yield {"event_type": "step.stop", "index": 0}
        ended = self._head() | {"usage": self._usage()}
        yield {"event_type": "interaction.completed", "interaction": ended}

    def _head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "interaction",
            "status": self.status,
            "model": self.wanted.model.id,
        }

    def _usage(self) -> dict[str, Any]:
        incoming = tokens_in(self.wanted)
        modality = self.wanted.model.makes.lower()
        spent = [{"modality": modality, "tokens": self.tokens}] if self.tokens else []
        return {
            "total_input_tokens": incoming,
            "total_output_tokens": self.tokens,
            "total_tokens": incoming + self.tokens,
            "output_tokens_by_modality": spent,
        }


def _contents(given: Any) -> list[Any]:
    """The input as contents of one step."""
    if isinstance(given, str):
        return [{"type": "text", "text": given}]
    contents: list[Any] = []
    for item in given:
        contents += item.get("content", []) if item["type"] == "user_input" else [item]
    return contents


def _deltas(contents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Contents as a stream brings them: sound in pieces, everything else whole."""
    for content in contents:
        if content["type"] != "audio" or "data" not in content:
            yield content
            continue
        for piece in cut(base64.b64decode(content["data"])):
            yield {**content, "data": base64.b64encode(piece).decode()}

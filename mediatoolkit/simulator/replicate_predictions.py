"""A prediction of Replicate's, and what the service says of it."""

from dataclasses import dataclass, field
from typing import Any

from mediatoolkit.simulator.api_faults import EndsAs, PromptBlocked
from mediatoolkit.simulator.queued_jobs import InputError, QueuedJob
from mediatoolkit.simulator.replicate_files import stamp

_BLOCKED = "NSFW content detected. Try running it again, or try a different prompt."


@dataclass(eq=False, slots=True, kw_only=True)
class Prediction(QueuedJob):
    """A prediction.

    Attributes:
        version: Of the model, or `hidden`.
        url: Where it is polled.
        lists: Whether its output is a list.
        created: When it was created.
        ends_after: Seconds of work after which the vendor ends it, or None.
    """

    version: str
    url: str
    lists: bool
    created: str = field(default_factory=stamp)
    ends_after: int | None

    @property
    def status(self) -> str:
        """The vendor's word."""
        match self.end:
            case EndsAs(status=status):
                return status
            case None if self.made is not None:
                return "succeeded"
            case None:
                return "starting" if self.waits else "processing"
            case _:
                return "failed"

    @property
    def error(self) -> str | None:
        """Why it failed."""
        match self.end:
            case PromptBlocked(message=message):
                return message or _BLOCKED
            case EndsAs(status="failed", message=message):
                return message or "Prediction failed."
            case InputError() as error:
                return str(error)
            case _:
                return None

    @property
    def output(self) -> Any:
        """One URL, or a list of them."""
        urls = [each.url for each in self.made or ()]
        if not urls:
            return None
        return urls if self.lists else urls[0]

    def document(self) -> dict[str, Any]:
        """What the service says of it."""
        document = {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "input": self.inputs,
            "logs": "".join(f"{_bar(step)}\n" for step in self.steps),
            "output": self.output,
            "data_removed": False,
            "error": self.error,
            "status": self.status,
            "created_at": self.created,
            "urls": {"get": self.url, "cancel": f"{self.url}/cancel", "web": f"{self.url}?web"},
        }
        if not self.waits:
            document["started_at"] = self.created
        if not self.runs:
            document["completed_at"] = stamp()
        if self.made is not None:
            document["metrics"] = {"predict_time": 1.1, "total_time": 1.2}
        return document


def _bar(step: str) -> str:
    """`step 1/2` as a bar of tqdm writes it."""
    done, total = map(int, step.removeprefix("step ").split("/"))
    filled = "#" * (10 * done // total)
    return f"{100 * done // total:3d}%|{filled:<10}| {done}/{total}"

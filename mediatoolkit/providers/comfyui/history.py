"""What ComfyUI's history tells of a job that has ended."""

from mediatoolkit.errors import ProviderError
from mediatoolkit.providers.comfyui.workflow import Workflow
from mediatoolkit.providers.documents import at, objects_at, text_at
from mediatoolkit.providers.http import facts_of, sentence
from mediatoolkit.transport import Response


def is_failed(entry: object) -> bool:
    """Whether the job ended with an error."""
    return text_at(entry, "status", "status_str") == "error"


def failure(entry: object, response: Response, workflow: Workflow) -> ProviderError | None:
    """The error that a job ended with, or None."""
    if not is_failed(entry):
        return None
    messages = at(entry, "status", "messages")
    last = {
        str(at(message, 0)): at(message, 1)
        for message in (messages if isinstance(messages, list) else [])
    }
    if "execution_interrupted" in last:
        text = "ComfyUI was told to interrupt this job; ask again."
    else:
        data = last.get("execution_error")
        node = at(data, "node_id")
        label = workflow.label_of(str(node)) if node is not None else "a node"
        kind = text_at(data, "exception_type").rpartition(".")[2]
        words = ": ".join(filter(None, (kind, text_at(data, "exception_message").strip())))
        text = f"ComfyUI stopped at {label}: {sentence(response.safe_text(words) or 'no reason')}"
    return ProviderError(text, family="operation", **facts_of(response) | {"status": None})


def file_of(entry: object, suffixes: tuple[str, ...]) -> dict[str, str] | None:
    """The first file of the wanted kind, one that is to be kept before one that is not."""
    outputs = at(entry, "outputs")
    files = [
        {name: text_at(file, name) for name in ("filename", "subfolder", "type")}
        for output in (outputs.values() if isinstance(outputs, dict) else ())
        for each in (output if isinstance(output, dict) else ())
        for file in objects_at(output, each)
    ]
    wanted = [file for file in files if file["filename"].lower().endswith(suffixes)]
    return min(wanted, key=lambda file: file["type"] != "output", default=None)


def seed_of(entry: object, workflow: Workflow) -> int | None:
    """The seed in the graph that ran, as the server tells it."""
    parts = at(entry, "prompt")
    for part in parts if isinstance(parts, list) else ():
        for node, name in workflow.places.get("seed", ()):
            seed = at(part, node, "inputs", name)
            if isinstance(seed, int):
                return seed
    return None

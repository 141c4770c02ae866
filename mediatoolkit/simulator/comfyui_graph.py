"""ComfyUI's graphs: what is wrong with one, and what its nodes make.

The words of the errors are those of the server's own `execution.py` (2026-10).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]
Nodes = Mapping[str, Mapping[str, Any]]  # as `/object_info` describes them
_TYPES = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


class GraphError(Exception):
    """A graph that cannot run.

    Attributes:
        error: Of the whole graph.
        node_errors: Of its nodes, by their ids.
    """

    def __init__(self, error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> None:
        """Keep both."""
        super().__init__(error["message"])
        self.error = error
        self.node_errors = node_errors or {}


@dataclass(frozen=True, slots=True)
class Sketch:
    """What stands in for latents, pictures and films on their way through a graph.

    Attributes:
        width: Pixels.
        height: Pixels.
        count: How many pictures, or films.
        frames: Of a film; 0 of a picture.
        text: What is shown.
        seed: Of the sampler, or None before it.
        references: Encoded pictures that shine through.
        fps: Frames a second of a film.
        loaded: The bytes of a picture that is as it was loaded.
    """

    width: int
    height: int
    count: int = 1
    frames: int = 0
    text: str = ""
    seed: int | None = None
    references: tuple[bytes, ...] = ()
    fps: float = 0.0
    loaded: bytes | None = None


def problem(kind: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    """One error, as it stands in `error` and in `node_errors`."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def check(
    graph: Graph, nodes: Nodes, targets: Sequence[str] | None = None
) -> tuple[list[str], dict[str, Any]]:
    """Find what is wrong with *graph*.

    Args:
        graph: Nodes by id.
        nodes: What `/object_info` says of every class.
        targets: The outputs that are wanted; None wants all.

    Returns:
        The ids of the outputs that can be made, and the errors of the other nodes.

    Raises:
        GraphError: None can be made.
    """
    outputs = []
    for name, node in graph.items():
        kind = str(node.get("class_type"))
        if kind not in nodes:
            raise GraphError(_missing(name, node))
        if nodes[kind]["output_node"] and (targets is None or name in targets):
            outputs.append(name)
    if not outputs:
        raise GraphError(problem("prompt_no_outputs", "Prompt has no outputs"))
    node_errors: dict[str, Any] = {}
    good, details = [], []
    for output in outputs:
        wrong = _wrong_nodes(graph, nodes, output)
        if not wrong:
            good.append(output)
        for name, errors in wrong.items():
            entry = {
                "errors": errors,
                "dependent_outputs": [],
                "class_type": graph[name]["class_type"],
            }
            node_errors.setdefault(name, entry)["dependent_outputs"].append(output)
        details += [f"{each['message']}: {each['details']}" for each in wrong.get(output, ())]
    if not good:
        message = "Prompt outputs failed validation"
        kind = "prompt_outputs_failed_validation"
        raise GraphError(problem(kind, message, "\n".join(details)), node_errors)
    return good, node_errors


def order(graph: Graph, outputs: Sequence[str]) -> list[str]:
    """The nodes that *outputs* need, each after those that it needs."""
    names: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in names:
            for link in _links(graph[name]):
                visit(link[0])
            names[name] = None

    for output in outputs:
        visit(output)
    return list(names)


def inputs_of(node: Mapping[str, Any], made: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The inputs of *node*, every link replaced by what the other node has *made*."""
    return {
        name: made[value[0]][value[1]] if isinstance(value, list) else value
        for name, value in node.get("inputs", {}).items()
    }


def evaluate(kind: str, values: Mapping[str, Any]) -> Sequence[Any]:
    """The outputs of a node of class *kind*; models, for which nothing stands in, are None."""
    maker = _MAKERS.get(kind)
    return (None, None, None) if maker is None else maker(values)


def _empty(values: Mapping[str, Any]) -> Sketch:
    width, height, number = (int(values[name]) for name in ("width", "height", "batch_size"))
    return Sketch(width, height, number, int(values.get("length", 0)))


def _loaded(values: Mapping[str, Any]) -> Sequence[Any]:
    picture = Sketch(values["width"], values["height"], loaded=values["image"])
    return (picture, picture)


def _encoded(values: Mapping[str, Any]) -> Sequence[Any]:
    pixels = values["pixels"]
    return (replace(pixels, references=_seen(pixels), loaded=None),)


def _sampled(values: Mapping[str, Any]) -> Sequence[Any]:
    latent = values["latent_image"]
    return (replace(latent, text=values["positive"], seed=int(values["seed"])),)


def _begun(values: Mapping[str, Any]) -> Sequence[Any]:
    """A film that may begin with a picture."""
    start = values.get("start_image")
    latent = replace(_empty(values), references=_seen(start) if start else ())
    return (values["positive"], values["negative"], latent)


def _seen(picture: Sketch) -> tuple[bytes, ...]:
    return picture.references if picture.loaded is None else (picture.loaded,)


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Sequence[Any]]] = {
    "CLIPTextEncode": lambda values: (values["text"],),
    "EmptyLatentImage": lambda values: (_empty(values),),
    "EmptySD3LatentImage": lambda values: (_empty(values),),
    "EmptyHunyuanLatentVideo": lambda values: (_empty(values),),
    "WanImageToVideo": _begun,
    "LoadImage": _loaded,
    "VAEEncode": _encoded,
    "VAEEncodeForInpaint": _encoded,
    "KSampler": _sampled,
    "VAEDecode": lambda values: (values["samples"],),
    "CreateVideo": lambda values: (replace(values["images"], fps=float(values["fps"])),),
}


def _missing(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    kind = node.get("class_type")
    title = node.get("_meta", {}).get("title", kind)
    if kind is None:
        shown = title or f"ID #{name}"
        reason = "The workflow may be corrupted or a custom node is missing."
        message = f"Node '{shown}' has no class_type. {reason}"
    else:
        message = f"Node '{title}' not found. The custom node may not be installed."
    extra = {"node_id": name, "class_type": kind, "node_title": title}
    return problem("missing_node_type", message, f"Node ID '#{name}'", **extra)


def _links(node: Mapping[str, Any]) -> Iterator[list[Any]]:
    for value in node.get("inputs", {}).values():
        if isinstance(value, list):
            yield value


def _wrong_nodes(graph: Graph, nodes: Nodes, output: str) -> dict[str, list[dict[str, Any]]]:
    """The errors of every node that *output* needs."""
    wrong: dict[str, list[dict[str, Any]]] = {}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            path = [*way[way.index(name) :], name]
            shown = " -> ".join(f"{each} ({graph[each]['class_type']})" for each in path)
            extra = {"node_id": name, "cycle_nodes": path[:-1]}
            error = problem("dependency_cycle", "Dependency cycle detected", shown, **extra)
            wrong.setdefault(name, []).append(error)
        elif name not in done:
            done.add(name)
            errors = [] if "inputs" in graph[name] else [_exception("'inputs'")]
            errors += _wrong_inputs(graph, nodes, name)
            wrong.setdefault(name, []).extend(errors)
            for link in _links(graph[name]):
                if len(link) == 2 and link[0] in list(graph):
                    visit(link[0], (*way, name))

    visit(output, ())
    return {name: errors for name, errors in wrong.items() if errors}


def _wrong_inputs(graph: Graph, nodes: Nodes, name: str) -> Iterator[dict[str, Any]]:
    values = graph[name].get("inputs", {})
    described = nodes[graph[name]["class_type"]]["input"]
    for category in ("required", "optional"):
        for key, config in described.get(category, {}).items():
            if key in values:
                yield from _wrong_input(graph, nodes, key, config, values[key])
            elif category == "required":
                message = "Required input is missing"
                yield problem("required_input_missing", message, key, input_name=key)


def _wrong_input(
    graph: Graph, nodes: Nodes, key: str, config: Sequence[Any], value: Any
) -> Iterator[dict[str, Any]]:
    facts: dict[str, Any] = config[1] if len(config) > 1 else {}
    extra = {"input_name": key, "input_config": [config[0], facts]}
    if isinstance(value, list):
        yield from _wrong_link(graph, nodes, extra, value)
        return
    kind = config[0] if isinstance(config[0], str) else ""
    try:
        value = _TYPES.get(kind, lambda same: same)(value)
    except (TypeError, ValueError) as error:
        message = f"Failed to convert an input value to a {kind} value"
        extra |= {"received_value": value, "exception_message": str(error)}
        yield problem("invalid_input_type", message, f"{key}, {value}, {error}", **extra)
        return
    extra["received_value"] = value
    if "min" in facts and value < facts["min"]:
        message = f"Value {value} smaller than min of {facts['min']}"
        yield problem("value_smaller_than_min", message, key, **extra)
    elif "max" in facts and value > facts["max"]:
        message = f"Value {value} bigger than max of {facts['max']}"
        yield problem("value_bigger_than_max", message, key, **extra)
    elif facts.get("image_upload"):
        if value not in config[0]:
            details = f"{key} - Invalid image file: {value}"
            message = "Custom validation failed for node"
            yield problem("custom_validation_failed", message, details, input_name=key)
    elif not kind or kind == "COMBO":
        choices = facts["options"] if kind else config[0]
        if value not in choices:
            details = f"{key}: {value!r} not in {choices}"
            yield problem("value_not_in_list", "Value not in list", details, **extra)


def _wrong_link(
    graph: Graph, nodes: Nodes, extra: Mapping[str, Any], link: list[Any]
) -> Iterator[dict[str, Any]]:
    key, kind = extra["input_name"], extra["input_config"][0]
    if len(link) != 2:
        message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
        yield problem("bad_linked_input", message, key, **extra, received_value=link)
        return
    try:
        received = nodes[graph[link[0]]["class_type"]]["output"][link[1]]
    except (LookupError, TypeError) as error:
        yield _exception(str(error))
        return
    if received != kind:
        details = f"{key}, received_type({received}) mismatch input_type({kind})"
        facts = {**extra, "received_type": received, "linked_node": link}
        message = "Return type mismatch between linked nodes"
        yield problem("return_type_mismatch", message, details, **facts)


def _exception(details: str) -> dict[str, Any]:
    message = "Exception when validating node"
    facts = {"exception_type": "KeyError", "traceback": []}
    return problem("exception_during_validation", message, details, **facts)

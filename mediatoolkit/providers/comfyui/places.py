"""Where in a graph of nodes the words, the seed, the size and the pictures go."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mediatoolkit.providers.documents import at

Place = tuple[str, str]
"""A node's id and the name of one of its inputs."""

Graph = Mapping[str, Any]
"""Nodes by their ids, as `{"class_type", "inputs"}`."""

_TEXTS = ("text", "prompt", "text_g", "text_l", "clip_l", "t5xxl", "string", "value")
_SEEDS = ("seed", "noise_seed")
_SETTINGS = ("steps", "cfg", "guidance", "sampler_name", "scheduler", "denoise")
_LATENTS = ("latent_image", "latent", "samples")


def found_places(graph: Graph) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """The places that the graph itself tells."""
    samplers = _with(graph, "positive") + [
        node for node in _with(graph, "conditioning") if "Guider" in graph[node]["class_type"]
    ]
    seeded = [node for name in _SEEDS for node in _with(graph, name)]
    latent = _latent_of(graph, [*samplers, *_with(graph, "latent_image")])
    pictures = _of_class(graph, "LoadImage")
    positive = _texts(graph, samplers, "positive")
    found: dict[str, Iterable[Place]] = {
        "prompt": positive,
        "negative_prompt": [
            place for place in _texts(graph, samplers, "negative") if place not in positive
        ],
        "seed": [place for node in seeded for place in _numbers(graph, node, _SEEDS)],
        **{name: _numbers(graph, latent, (name,)) for name in ("width", "height")},
        "frames": _numbers(graph, latent, ("length",)),
        "fps": [place for name in ("fps", "frame_rate") for place in _numbers_of_all(graph, name)],
        **{name: _plain(graph, name) for name in _SETTINGS},
        "references": [(node, "image") for node in pictures],
        "mask": [(node, "image") for node in _of_class(graph, "LoadImageMask")],
    }
    for name, places in found.items():
        unique = tuple(dict.fromkeys(places))
        if unique:
            yield name, unique


def linked_node(value: object) -> str | None:
    """The id of the node that *value* is a link to, or None where it is none."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        return str(value[0])
    return None


def _with(graph: Graph, field: str) -> list[str]:
    return [node for node, content in graph.items() if field in content["inputs"]]


def _of_class(graph: Graph, name: str) -> list[str]:
    return [node for node, content in graph.items() if content["class_type"] == name]


def _plain(graph: Graph, field: str) -> list[Place]:
    """All places of a setting that is no link."""
    nodes = _with(graph, field)
    return [(node, field) for node in nodes if not linked_node(graph[node]["inputs"][field])]


def _numbers_of_all(graph: Graph, field: str) -> list[Place]:
    return [place for node in _with(graph, field) for place in _numbers(graph, node, (field,))]


def _numbers(graph: Graph, node: str, fields: Iterable[str]) -> list[Place]:
    """The places of numbers in the *fields* of a node, also of those that another node holds."""
    places = []
    for field in fields:
        value = at(graph, node, "inputs", field)
        holder, name = (linked_node(value), "value") if linked_node(value) else (node, field)
        number = at(graph, holder or "", "inputs", name)
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            places.append((holder or "", name))
    return places


def _latent_of(graph: Graph, samplers: Iterable[str]) -> str:
    """The node that says how large the picture is, or empty."""
    seen: set[str] = set()
    waiting = list(samplers)
    while waiting:
        node = waiting.pop(0)
        inputs = at(graph, node, "inputs") or {}
        if node in seen:
            continue
        seen.add(node)
        if {"width", "height"} <= inputs.keys():
            return node
        waiting += [link for name in _LATENTS if (link := linked_node(inputs.get(name)))]
    return ""


def _texts(graph: Graph, samplers: Iterable[str], role: str) -> list[Place]:
    """The places of the words that lead to *role* of a sampler, from the sampler backwards."""
    waiting = [(node, False) for node in samplers]
    seen: set[str] = set()
    places: list[Place] = []
    while waiting:
        node, is_behind = waiting.pop(0)
        if node in seen:
            continue
        seen.add(node)
        inputs = at(graph, node, "inputs") or {}
        texts = [name for name in _TEXTS if is_behind and name in inputs]
        places += [(node, name) for name in texts if isinstance(inputs[name], str)]
        roles = [role, *(name for name in inputs if name.startswith("conditioning"))]
        if role == "negative" and not is_behind:
            roles = [role]
        links = [
            linked_node(inputs.get(name)) for name in ([*roles, *texts] if is_behind else roles)
        ]
        waiting += [(link, True) for link in links if link]
    return places

"""ComfyUI's workflows: a graph of nodes, and where in it the words of a prompt go."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers.base import pictures_of
from mediatoolkit.providers.capabilities import Capabilities, Rule
from mediatoolkit.providers.comfyui.places import Graph, Place, found_places, linked_node
from mediatoolkit.providers.documents import at, text_at
from mediatoolkit.runtime import files

WorkflowLike = str | os.PathLike[str] | Mapping[str, Any]
InputsLike = Mapping[str, str | Sequence[str]]

SIDES = {"512": 512, "1K": 1024, "2K": 2048}
SIZE = rules.Size(tuple(SIDES), smallest=(64, 64), largest=(4096, 4096), step=8)

_RULES: Mapping[str, Rule] = {
    "steps": rules.Number(1, 10_000, whole=True),
    "cfg": rules.Number(0, 100),
    "denoise": rules.Number(0, 1),
}
_EXAMPLES = {
    "prompt": "6.text",
    "seed": "3.seed",
    "references": "10.image",
    "image": "10.image",
    "mask": "12.image",
    "size": "5.width",
}
_OF_PROMPT = frozenset({"prompt", "seed", "references", "mask", "image", "last"})


_GRAPH: Mapping[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 0,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ""}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 1024, "height": 1024, "batch_size": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {
        "class_type": "SaveImage",
        "inputs": {"filename_prefix": "mediatoolkit", "images": ["8", 0]},
    },
}


@dataclass(frozen=True, slots=True)
class Workflow:
    """A graph that a server runs, and the places in it that a prompt fills.

    Attributes:
        graph: Nodes by their ids, as `{"class_type", "inputs"}`.
        places: Where each input goes, by its name.
        name: What it is called, which no other workflow is.
    """

    graph: Graph
    places: Mapping[str, tuple[Place, ...]]
    name: str

    @classmethod
    def of(cls, source: WorkflowLike, inputs: InputsLike | None, name: str | None) -> "Workflow":
        """Read a workflow; blocks where it is a file.

        Args:
            source: Path of a JSON file in the API's format, or what stands in it.
            inputs: Places by name, such as `{"prompt": "6.text"}`; they count more than what is
                found in the graph.
            name: What to call it; left out, as the file.

        Raises:
            PromptError: It is no such workflow, or has no such place, or none for the prompt.
            StorageError: The file cannot be read.
        """
        if not isinstance(source, (str, os.PathLike, Mapping)):
            raise PromptError(
                f"workflow= takes a path, or nodes by their ids, not {type(source).__name__}."
            )
        usual = "workflow" if isinstance(source, Mapping) else Path(source).stem
        graph = _checked_graph(source)
        places = {**dict(found_places(graph)), **dict(_named(graph, inputs or {}))}
        if "prompt" not in places:
            raise PromptError(
                "The workflow does not show where the words go, since no node with positive= leads "
                f'to a text; name the place: inputs={{"prompt": "{_EXAMPLES["prompt"]}"}}.'
            )
        written = json.dumps([graph, places], sort_keys=True)
        digest = hashlib.sha256(written.encode()).hexdigest()[:8]
        label = re.sub(r"[^A-Za-z0-9._-]+", "-", (name or usual).removesuffix(f"-{digest}"))
        return cls(graph, places, f"{label.strip('-.') or 'workflow'}-{digest}")

    @property
    def inputs(self) -> dict[str, list[str]]:
        """The places as `of` takes them."""
        return {name: [".".join(place) for place in each] for name, each in self.places.items()}

    def label_of(self, node: object) -> str:
        """What a person calls a node: its title, its class, or its id."""
        found = self.graph.get(node) if isinstance(node, str) else None
        title = text_at(found, "_meta", "title") or text_at(found, "class_type")
        return title or f"node {node}"

    def with_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The graph with *values* in their places; of several, each goes to a place of its own."""
        graph: dict[str, Any] = json.loads(json.dumps(self.graph))
        for name, value in values.items():
            places = self.places[name]
            each = value if isinstance(value, list) else [value] * len(places)
            for (node, field), item in zip(places, each, strict=False):
                graph[node]["inputs"][field] = item
                if graph[node]["class_type"] == "LoadImageMask":
                    graph[node]["inputs"]["channel"] = "red"  # a mask of ours is grey
        return graph

    def image_capabilities(self) -> Capabilities:
        """What a picture by it takes."""
        has_size = {"width", "height"} <= self.places.keys()
        pictures = len(self.places.get("references", ()))
        return Capabilities(
            size=SIZE if has_size else None,
            aspect=rules.OneOf(rules.COMMON_ASPECTS) if has_size else None,
            seed=self._seed_rule(),
            references=rules.Pictures(most=pictures, largest=50_000_000) if pictures else None,
            previous=rules.Taken() if pictures else None,
            mask=rules.Taken() if "mask" in self.places else None,
            options=self._option_rules({"width", "height"} if has_size else set()),
            advice=_advice("size", "seed", "references", "previous", "mask"),
            together=(partial(_check_count, pictures),),
            streams=True,
        )

    def video_capabilities(self) -> Capabilities:
        """What a film by it takes."""
        pictures = len(self.places.get("references", ()))
        is_timed = {"frames", "fps"} <= self.places.keys()
        return Capabilities(
            seconds=rules.Number(0.1, 600, unit="seconds") if is_timed else None,
            seed=self._seed_rule(),
            image=rules.Taken() if "image" in self.places else None,
            last=rules.Taken() if "last" in self.places else None,
            references=rules.Pictures(most=pictures, largest=50_000_000) if pictures else None,
            options=self._option_rules(set()),
            advice=_advice("seed", "image", "last", "references")
            | {
                "aspect": "give width= and height= in pixels.",
                "resolution": "give width= and height= in pixels.",
                "seconds": 'name frames and fps: inputs={"frames": "5.length", "fps": "9.fps"}.',
            },
            streams=True,
        )

    def value_at(self, name: str) -> Any:
        """What stands in the first place of *name*, or None."""
        node, field = next(iter(self.places.get(name, ())), ("", ""))
        return at(self.graph, node, "inputs", field)

    def _seed_rule(self) -> Rule | None:
        return rules.Number(0, LARGEST_SEED, whole=True) if "seed" in self.places else None

    def _option_rules(self, taken: set[str]) -> dict[str, Rule]:
        names = self.places.keys() - _OF_PROMPT - taken
        return {name: _RULES.get(name) or _rule_like(self.value_at(name)) for name in sorted(names)}


def _check_count(places: int, prompt: ImagePrompt) -> None:
    if len(pictures_of(prompt)) > places:
        raise PromptError(f"The workflow has {places} places for pictures, previous= among them.")


def _rule_like(value: object) -> Rule:
    """A rule for what takes the place of *value*."""
    if isinstance(value, bool):
        return rules.Flag()
    if isinstance(value, (int, float)):
        return rules.Number(-1e12, 1e12, whole=isinstance(value, int))
    return rules.Text()


def _advice(*names: str) -> dict[str, str]:
    """What to do where no place was found for a keyword."""
    return {
        name: "no place for it was found in the workflow; name it, as in "
        f'inputs={{"{"width" if name == "size" else name}": "{_EXAMPLES.get(name, "10.image")}"}}.'
        for name in names
    }


def _checked_graph(source: WorkflowLike) -> Graph:
    graph: Any = source
    if not isinstance(source, Mapping):
        data = files.read_file(files.path_of(source))
        try:
            graph = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise PromptError(f"{quoted(str(source))} is not JSON.") from error
    try:
        graph = json.loads(json.dumps(graph, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise PromptError(f"workflow= cannot be written as JSON: {error}.") from error
    if isinstance(at(graph, "nodes"), list):
        raise PromptError(
            "This workflow is in the editor's format; export it there in the API's format, which "
            "has nodes by their ids."
        )
    is_graph = isinstance(graph, dict) and graph
    if not is_graph or not all(
        text_at(node, "class_type") and isinstance(at(node, "inputs"), dict)
        for node in graph.values()
    ):
        raise PromptError(
            'workflow= takes nodes by their ids, each as {"class_type": …, "inputs": {…}}.'
        )
    return dict(graph)


def _named(graph: Graph, inputs: InputsLike) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """The places that *inputs* names.

    Raises:
        PromptError: One does not exist; names those that do.
    """
    if not isinstance(inputs, Mapping):
        raise PromptError('inputs= takes places by name, as in inputs={"prompt": "6.text"}.')
    for name, paths in inputs.items():
        places = []
        several = [paths] if isinstance(paths, str) else paths
        if not isinstance(name, str) or not isinstance(several, (list, tuple)) or not several:
            raise PromptError(
                f"inputs={{{quoted(name)}: {quoted(several)}}} names no place, as "
                f'inputs={{"prompt": "{_EXAMPLES["prompt"]}"}} does.'
            )
        for path in several:
            node, _, field = str(path).partition(".")
            if field not in (at(graph, node, "inputs") or {}):
                raise PromptError(
                    f"inputs={{{quoted(name)}: {quoted(path)}}} is not in the workflow, which has "
                    f"{', '.join(_values(graph))[:400]}."
                )
            places.append((node, field))
        yield name, tuple(places)


def _values(graph: Graph) -> Iterator[str]:
    for node, content in graph.items():
        yield from (
            f"{node}.{field}"
            for field, value in content["inputs"].items()
            if not linked_node(value)
        )


TEXT_TO_IMAGE = Workflow.of(_GRAPH, None, None)
"""A small workflow from a checkpoint and words to a picture."""

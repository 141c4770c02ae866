"""The pipeline that this process holds: what it is called, how it is loaded and let go."""

import gc
import hashlib
import inspect
import os
import secrets
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    ModelNotFoundError,
    PromptError,
    visible,
)
from mediatoolkit.providers.http import NAMESPACED, sentence
from mediatoolkit.runtime.events import Loading
from mediatoolkit.runtime.workers import Tell

_INDEX = "model_index.json"


@dataclass(frozen=True, slots=True)
class PipelineSource:
    """What a pipeline is loaded from, and how.

    Attributes:
        name: What it is called; a folder that was written anew has another name.
        place: A folder, from its root on, or an id at the Hub.
        dtype: Of its numbers, or None.
        device: Where it works, or None.
        offload: What stays in main memory, or None.
    """

    name: str
    place: str
    dtype: str | None
    device: str | None
    offload: str | None

    def load(self) -> Any:
        """Load it; takes seconds, or minutes where it is fetched."""
        torch, diffusers = import_module("torch"), import_module("diffusers")
        device = self.device or _device(torch)
        if self.offload and device == "cpu":
            raise PromptError("offload= needs a GPU, and there is none here; leave it out.")
        dtype = getattr(torch, self.dtype) if self.dtype else _dtype(torch, device)
        release = tuple(map(int, diffusers.__version__.split(".")[:2]))
        name = "dtype" if release >= (0, 40) else "torch_dtype"
        pipeline = diffusers.DiffusionPipeline.from_pretrained(self.place, **{name: dtype})
        pipeline.set_progress_bar_config(disable=True)
        if self.offload is None:
            return pipeline.to(device)
        getattr(pipeline, f"enable_{self.offload}_cpu_offload")(device=device)
        return pipeline


class Memory:
    """The one pipeline that this process holds; only the worker's thread loads into it."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._held: tuple[Hashable, Any] | None = None

    def pipeline(self, source: PipelineSource, tell: Tell) -> Any:
        """The pipeline of *source*, which takes the place of another.

        Raises:
            ModelNotFoundError: It cannot be loaded.
        """
        held = self._held
        if held is not None and held[0] == source:
            return held[1]
        del held
        self.free(None)
        tell(Loading("torch"))
        import_module("torch")
        import_module("diffusers")
        tell(Loading(visible(source.name, 60, one_line=True)))
        problem: Exception | None = None
        try:
            pipeline = _quietly(source.load)
        except PromptError:
            raise
        except Exception as error:  # noqa: BLE001 - what reads the folder may raise anything
            problem = error
        if problem is not None:
            raise ModelNotFoundError(
                f"diffusers cannot load {source.name}: {words_of(problem)}", provider="diffusers"
            ) from problem
        self._held = (source, pipeline)
        return pipeline

    def free(self, source: PipelineSource | None) -> None:
        """Let go of the pipeline of *source*, or of any."""
        if self._held is None or source not in (None, self._held[0]):
            return
        self._held = None
        gc.collect()
        torch = import_module("torch")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


memory = Memory()


def parameters(pipeline: Any) -> Mapping[str, inspect.Parameter]:
    """What *pipeline* can be called with, by name."""
    return inspect.signature(pipeline.__call__).parameters


def place_of(model: str) -> str:
    """Where *model* is: a folder of a pipeline from its root on, so that it can be found later."""
    folder = Path(os.path.expanduser(model))  # noqa: PTH111 - which leaves a strange user be
    is_folder = os.path.isfile(folder / _INDEX)  # noqa: PTH113 - False for what no file can have
    return str(folder.resolve()) if is_folder else model


def name_of(pipeline: Any, place: str) -> str:
    """A name under which nothing of another model is kept.

    Raises:
        PromptError: *place* is no folder of a pipeline, and no id of one.
    """
    if pipeline is not None:
        if not callable(pipeline):
            raise PromptError(
                f"pipeline= takes a pipeline of diffusers, not {type(pipeline).__name__}; give the "
                "folder or id of one as model=."
            )
        return place or f"{type(pipeline).__name__}-{secrets.token_hex(4)}"
    folder = Path(place)
    index = folder / _INDEX
    if os.path.isfile(index):  # noqa: PTH113 - which is False for a name that no file can have
        facts = f"{folder}\n{index.stat().st_mtime_ns}"
        return f"{folder.name}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}"
    if NAMESPACED.fullmatch(place) and place.count("/") <= 1 and not folder.exists():
        return place
    raise PromptError(
        f"model={quoted(place)} is neither a folder with a {_INDEX} nor an id at the Hub."
    )


def words_of(error: Exception) -> str:
    """What *error* says, as a sentence of one line that is safe to show."""
    return sentence(visible(" ".join(str(error).split()), 300, one_line=True) or "no reason given")


def _device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _dtype(torch: Any, device: str) -> Any:
    if device == "cpu":
        return torch.float32
    has_bfloat16 = device.startswith("cuda") and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has_bfloat16 else torch.float16


def _quietly(load: Callable[[], Any]) -> Any:
    """What *load* returns, without bars in a cell's output."""
    names = ("diffusers.utils.logging", "transformers.utils.logging")
    shown = [each for each in map(import_module, names) if each.is_progress_bar_enabled()]
    for logging in shown:
        logging.disable_progress_bar()
    try:
        return load()
    finally:
        for logging in shown:
            logging.enable_progress_bar()

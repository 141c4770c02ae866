"""Pictures by a pipeline: what it is called with, and what its failures mean."""

import asyncio
import os
import secrets
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    ClosedError,
    MissingExtraError,
    PromptError,
    ProviderError,
    RefusalError,
)
from mediatoolkit.media import Image
from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt
from mediatoolkit.providers import capabilities as rules
from mediatoolkit.providers.base import ImageClient, pictures_of
from mediatoolkit.providers.capabilities import Capabilities
from mediatoolkit.providers.diffusers.pipelines import (
    PipelineSource,
    memory,
    name_of,
    parameters,
    place_of,
    words_of,
)
from mediatoolkit.providers.diffusers.steps import Steps
from mediatoolkit.providers.recipe import ClientRecipe
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.runtime.events import Decoding, Drawing
from mediatoolkit.runtime.workers import Tell, Workers

_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = rules.Size(tuple(_SIDES), smallest=(16, 16), largest=(4096, 4096), step=8)
_DTYPES = ("bfloat16", "float16", "float32")
_OFFLOADS = ("model", "sequential")
_TAKES = Capabilities(
    size=_SIZE,
    aspect=rules.OneOf(rules.COMMON_ASPECTS),
    seed=rules.Number(0, LARGEST_SEED, whole=True),
    references=rules.Pictures(most=16, largest=50_000_000),
    previous=rules.Taken(),
    mask=rules.Taken(),
    options={
        "negative_prompt": rules.Text(),
        "num_inference_steps": rules.Number(1, 1000, whole=True),
        "guidance_scale": rules.Number(0, 100),
        "true_cfg_scale": rules.Number(0, 100),
        "strength": rules.Number(0, 1),
    },
    streams=True,
)


class DiffusersImageClient(ImageClient):
    """Draws pictures with a pipeline of diffusers: on the GPU if there is one, else slowly.

    Args:
        pipeline: A ready pipeline, which is used as it is, wherever it lies.
        model: Without one, the folder of a pipeline, or its id at the Hugging Face Hub, from where
            it is fetched when it is first used. With one, a name for it.
        dtype: `"bfloat16"`, `"float16"` or `"float32"`; left out, the first that the device has.
        device: Such as `"cuda:1"`; left out, the first GPU, then the processor.
        offload: `"model"` or `"sequential"` keeps the parts of the pipeline in main memory, and
            takes each to the GPU when its turn comes.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.

    `references=` or `previous=` are what to start from, where `mask=` is white if there is one; of
    one picture, `strength` says how much may change. Further `options` are `negative_prompt`,
    `num_inference_steps`, `guidance_scale` and `true_cfg_scale`. Each pipeline takes some of these.

    One picture is drawn at a time in this process, and one model is in memory: another takes its
    place, and `close` frees it. Without a seed, one is chosen; the provenance says which. The same
    seed gives the same picture on the same kind of device.

    Raises:
        MissingExtraError: diffusers or torch is not installed.
        PromptError: There is no such folder and the name cannot be an id, or another value is
            unknown.
    """

    provider = "diffusers"
    is_free = True
    unlisted = _TAKES
    default_timeout = Timeout(total=1800)
    workers = Workers("diffusers", 1)

    def __init__(
        self,
        pipeline: Any = None,
        *,
        model: str | os.PathLike[str] | None = None,
        dtype: str | None = None,
        device: str | None = None,
        offload: str | None = None,
        timeout: float | Timeout | None = None,
    ) -> None:
        """Check everything; nothing is loaded."""
        problem = self.missing(str(model or "")) if pipeline is None else ""
        if problem:
            raise (MissingExtraError if self.missing("any") else PromptError)(problem)
        for name, value, known in (("dtype", dtype, _DTYPES), ("offload", offload, _OFFLOADS)):
            if value is not None and value not in known:
                raise PromptError(f"{name} is one of {', '.join(known)}, not {quoted(value)}.")
        self._pipeline = pipeline
        place = "" if model is None else str(model)
        place = place_of(place) if pipeline is None else place
        self.model = name_of(pipeline, place)
        self._source = PipelineSource(self.model, place, dtype, device, offload)
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._closed = False

    @classmethod
    def missing(cls, model: str, /) -> str:
        """Which packages are to be installed, or that a pipeline is to be named; else empty."""
        if not all(map(find_spec, ("diffusers", "torch", "transformers"))):
            return (
                "Pictures by diffusers need packages that are not installed: "
                'pip install "mediatoolkit[diffusers]".'
            )
        return "" if model else 'Name a pipeline: model="diffusers/<folder or id at the Hub>".'

    def recipe(self) -> ClientRecipe:
        """From which another process makes an equal client.

        Raises:
            PromptError: The client has a ready pipeline.
        """
        if self._pipeline is not None:
            raise PromptError(
                "This client has a pipeline of yours, which stays in its process; for workers, "
                "give model= a folder or an id."
            )
        source = self._source
        options = {
            "model": source.place,
            "dtype": source.dtype,
            "device": source.device,
            "offload": source.offload,
            "timeout": self.timeout,
        }
        return ClientRecipe(type(self), options)

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Draw in the thread; a stop or the deadline ends it at the next step."""
        if self._closed:
            raise ClosedError("This client is closed; make a new one.", provider=self.provider)
        context.provider = self.provider
        seed = secrets.randbelow(LARGEST_SEED + 1) if prompt.seed is None else prompt.seed
        work = partial(self._draw, prompt, seed)
        data, name = await self.workers.do(work, context)
        context.report(Decoding())
        provenance = await self.provenance(prompt, seed=seed, notes={"pipeline": name})
        return await self.load_media(data, provenance=provenance)

    async def close(self) -> None:
        """Refuse later use, and free the memory; what is under way ends as its callers do."""
        self._closed = True
        if self._pipeline is None:
            await asyncio.to_thread(memory.free, self._source)

    def _draw(self, prompt: ImagePrompt, seed: int, tell: Tell) -> tuple[bytes, str]:
        """A picture file and the name of the pipeline that drew it; in the worker's thread."""
        pipeline = self._pipeline
        if pipeline is None:
            pipeline = memory.pipeline(self._source, tell)
        else:
            memory.free(None)
        tell(Drawing("starting", 0.0))
        pipeline = _fitting(pipeline, prompt)
        steps = Steps(tell, has_previews=self._source.offload is None)
        arguments = _arguments(pipeline, prompt, seed)
        problem: Exception | None = None
        try:
            output = pipeline(**arguments, **steps.arguments(pipeline))
            picture = output.images[0]
            flags = getattr(output, "nsfw_content_detected", None)
            is_refused = flags is not None and len(flags) > 0 and bool(flags[0])
        except Exception as error:  # noqa: BLE001 - a pipeline may raise anything
            problem = error
        if problem is not None:
            raise _failure(problem) from problem
        if is_refused:
            raise RefusalError(
                "The pipeline's safety checker refused the picture. Say it differently.",
                reason="NSFW",
                provider=self.provider,
            )
        return Image.of(picture).data, type(pipeline).__name__


def _fitting(pipeline: Any, prompt: ImagePrompt) -> Any:
    """*pipeline*, or one of the same parts that starts from pictures, where the prompt has some.

    Raises:
        PromptError: There is none.
    """
    wanted = {"image"} if pictures_of(prompt) else set()
    wanted |= {"mask_image"} if prompt.mask else set()
    if wanted <= parameters(pipeline).keys():
        return pipeline
    diffusers = import_module("diffusers")
    kind = "Inpainting" if prompt.mask else "Image2Image"
    problem: Exception | None = None
    try:
        return getattr(diffusers, f"AutoPipelineFor{kind}").from_pipe(pipeline)
    except Exception as error:  # noqa: BLE001 - the pipeline is foreign code
        problem = error
    raise PromptError(
        f"{type(pipeline).__name__} takes no {'mask' if prompt.mask else 'pictures to start from'}."
    ) from problem


def _arguments(pipeline: Any, prompt: ImagePrompt, seed: int) -> dict[str, Any]:
    """What *pipeline* is called with.

    Raises:
        PromptError: It does not take one of the options.
    """
    taken = parameters(pipeline)
    for name in prompt.options:
        if name not in taken:
            raise PromptError(f"{type(pipeline).__name__} takes no {name}=.")
    pictures = [picture.to_pil().convert("RGB") for picture in pictures_of(prompt)]
    pixels = _SIZE.pixels_of(prompt, _SIDES)
    if pictures and pixels is None:
        pixels = pictures[0].width // 8 * 8, pictures[0].height // 8 * 8
    elif pixels:
        pictures = [picture.resize(pixels) for picture in pictures]
    torch = import_module("torch")
    arguments: dict[str, Any] = {
        "prompt": prompt.text,
        "image": pictures[0] if len(pictures) == 1 else pictures or None,
        "mask_image": prompt.mask and prompt.mask.to_pil().convert("L"),
        "width": pixels and pixels[0],
        "height": pixels and pixels[1],
        # Numbers of the processor's are the same on every device.
        "generator": torch.Generator("cpu").manual_seed(seed),
        **prompt.options,
    }
    return {name: value for name, value in arguments.items() if value is not None and name in taken}


def _failure(error: Exception) -> ProviderError:
    """The error that a pipeline's own means."""
    kind = type(error).__name__
    advice = "check what it takes"
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        advice = 'draw a smaller picture, or give offload="model"'
    return ProviderError(
        f"The pipeline failed ({kind}): {words_of(error)} If it fails again, {advice}.",
        provider="diffusers",
        family="operation",
    )

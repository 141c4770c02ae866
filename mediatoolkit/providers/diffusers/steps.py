"""What a pipeline tells while it draws: its steps, and small pictures of what is to come."""

import time
from importlib import import_module
from typing import Any

from mediatoolkit.media import Image
from mediatoolkit.providers.diffusers.pipelines import parameters
from mediatoolkit.runtime.events import Drawing, Partial
from mediatoolkit.runtime.workers import Tell

_PREVIEW_SIDE = 32
"""Latent pixels, each of which becomes some eight."""
_PREVIEW_EVERY = 1.0  # seconds, and at most a fifth of the time goes into previews


class Steps:
    """Reports each step of a pipeline, and now and then what the picture is like."""

    def __init__(self, tell: Tell, *, has_previews: bool) -> None:
        """Report to *tell*; previews only where the decoder stays on the device."""
        self._tell = tell
        self._has_previews = has_previews
        self._due = 0.0

    def arguments(self, pipeline: Any) -> dict[str, Any]:
        """What the pipeline is called with, where it tells of its steps."""
        name = "callback_on_step_end"
        return {name: self._after} if name in parameters(pipeline) else {}

    def _after(
        self, pipeline: Any, step: int, _time: object, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        steps = getattr(pipeline, "num_timesteps", None) or step + 1
        fraction = min(1.0, (step + 1) / steps)
        self._tell(Drawing(f"step {step + 1} of {steps}", fraction))
        began = time.monotonic()
        if self._has_previews and began >= self._due and step + 1 < steps:
            preview = _preview(pipeline, tensors.get("latents"))
            if preview is not None:
                self._tell(Partial(preview.data, preview.mime_type, fraction))
            ended = time.monotonic()
            self._due = ended + max(_PREVIEW_EVERY, 4 * (ended - began))
        return tensors


def _preview(pipeline: Any, latents: Any) -> Any:
    """A small picture of *latents*, or None where the pipeline's own decoder makes none of them."""
    vae: Any = getattr(pipeline, "vae", None)
    config = getattr(vae, "config", None)
    factor = getattr(config, "scaling_factor", None)
    torch = import_module("torch")
    is_plain = latents is not None and latents.ndim == 4 and isinstance(factor, float)
    # In half precision, decoders that ask for more return nothing but black.
    if not is_plain or (getattr(config, "force_upcast", False) and vae.dtype == torch.float16):
        return None
    shrink = min(1.0, _PREVIEW_SIDE / max(latents.shape[2:]))
    try:
        small = torch.nn.functional.interpolate(latents[:1], scale_factor=shrink, mode="area")
        small = small / factor + (getattr(config, "shift_factor", None) or 0.0)
        pixels = vae.decode(small.to(vae.dtype), return_dict=False)[0]
        picture = pipeline.image_processor.postprocess(pixels, output_type="pil")[0]
        return Image.of(picture).preview()
    except Exception:  # noqa: BLE001 - the finished picture alone counts
        return None

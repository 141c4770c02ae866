"""Pictures and films by a workflow, whose places a prompt fills."""

from dataclasses import replace
from typing import Any, ClassVar

from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image, Video
from mediatoolkit.prompts import ImagePrompt, VideoPrompt
from mediatoolkit.providers.base import ImageClient, VideoClient, pictures_of
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo
from mediatoolkit.providers.comfyui.queue import DEFAULT_MODEL, ComfyUIClient
from mediatoolkit.providers.comfyui.workflow import (
    SIDES,
    SIZE,
    TEXT_TO_IMAGE,
    InputsLike,
    Workflow,
    WorkflowLike,
)
from mediatoolkit.runtime.context import Timeout

_FRAMES_STEP = 4  # models of films make 4n + 1 pictures

_SMALL_TAKES = TEXT_TO_IMAGE.image_capabilities()


class ComfyUIImageClient(ComfyUIClient[ImagePrompt, Image], ImageClient):
    """Draws pictures with ComfyUI, by any workflow.

    Args:
        api_key: Sent as a bearer's token, where something before the server wants one.
        workflow: A workflow in the API's format: path of a JSON file, or what stands in it. Left
            out, a small one draws from words with a checkpoint.
        inputs: Where in the workflow each input goes, as `{"prompt": "6.text", "seed": "3.seed"}`,
            several places as a list. What is left out is found in the graph: `prompt`,
            `negative_prompt`, `seed`, `width`, `height`, `references` (nodes that load a picture),
            `mask`, `steps`, `cfg`, `guidance`, `sampler_name`, `scheduler`, `denoise`. Any other
            name becomes an option of the prompt.
        model: File name of a checkpoint, for the small workflow; left out, the first that the
            server has. With `workflow=`, a name for it.
        options: As for each client: `base_url` (left out, `COMFYUI_BASE_URL`, then
            `http://127.0.0.1:8188`), `session`, `timeout`, `retry`, `limits`, `trusted_origins`.

    Raises:
        PromptError: The workflow is none, has no place for the words, or not one that is named.
        StorageError: The workflow's file cannot be read.
    """

    default_timeout = Timeout(total=900)
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo(f"comfyui/{DEFAULT_MODEL}", _SMALL_TAKES),
    )
    unlisted = _SMALL_TAKES
    suffixes = (".png", ".jpg", ".jpeg", ".webp")

    @property
    def capabilities(self) -> Capabilities:
        """What the workflow takes."""
        return _SMALL_TAKES if self._own is None else self._own.image_capabilities()

    def _values_of(self, prompt: ImagePrompt) -> dict[str, Any]:
        width, height = SIZE.pixels_of(prompt, SIDES) or (None, None)
        values = {
            "width": width,
            "height": height,
            "references": pictures_of(prompt),
            "mask": prompt.mask,
        }
        return {name: value for name, value in values.items() if value}


class ComfyUIVideoClient(ComfyUIClient[VideoPrompt, Video], VideoClient):
    """Films with ComfyUI, by a workflow of yours.

    Args:
        api_key: As of `ComfyUIImageClient`.
        workflow: As there; there is none of our own.
        inputs: As there. The first node that loads a picture is `image`, further ones are
            `references`; name `last` yourself. `frames` and `fps`, which are found where there is
            a length, make `seconds=` work.
        model: A name for the workflow. With a name alone, it only waits for a film that was begun
            with that workflow earlier.
        options: As there.

    Raises:
        PromptError: There is neither a workflow nor a name; else as there.
    """

    default_timeout = Timeout(total=3600)
    unlisted = Capabilities()
    suffixes = (".mp4", ".webm", ".mov")

    def __init__(
        self,
        api_key: str | None = None,
        *,
        workflow: WorkflowLike | None = None,
        inputs: InputsLike | None = None,
        model: str | None = None,
        **options: Any,
    ) -> None:
        """Read the workflow and check everything; nothing is opened or sent."""
        if workflow is None and model is None:
            raise PromptError(self.missing(""))
        super().__init__(api_key, workflow=workflow, inputs=inputs, model=model, **options)
        self._workflow = _with_first_picture(self._workflow)

    @classmethod
    def has_key(cls) -> bool:
        """No: without a workflow, nothing can be made."""
        return False

    @classmethod
    def missing(cls, _model: str, /) -> str:
        """What is to be given."""
        return 'Films need a workflow: mt.ComfyUIVideoClient(workflow="film.json").'

    def check(self, prompt: VideoPrompt) -> None:
        """As for each client; without a workflow, nothing can be made."""
        if self._own is None:
            raise PromptError(self.missing(""))
        super().check(prompt)

    @property
    def capabilities(self) -> Capabilities:
        """What the workflow takes."""
        return self._workflow.video_capabilities()

    def _values_of(self, prompt: VideoPrompt) -> dict[str, Any]:
        frames = None
        if prompt.seconds is not None:
            fps = prompt.options.get("fps") or self._workflow.value_at("fps")
            frames = round(prompt.seconds * fps / _FRAMES_STEP) * _FRAMES_STEP + 1
        values = {
            "frames": frames,
            "image": prompt.image,
            "last": prompt.last,
            "references": list(prompt.references),
        }
        return {name: value for name, value in values.items() if value}


def _with_first_picture(workflow: Workflow) -> Workflow:
    """*workflow*, whose first place for a picture is that of the film's first picture."""
    first, *others = workflow.places.get("references", ()) or (None,)
    if first is None or "image" in workflow.places:
        return workflow
    places = {**workflow.places, "image": (first,), "references": tuple(others)}
    return replace(workflow, places={name: each for name, each in places.items() if each})

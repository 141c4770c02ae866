"""Servers of one's own that speak as OpenAI does, such as LocalAI or vLLM-omni.

Each deviates in its own way: the picture comes as base64 or at an address, which may be relative;
fields of OpenAI's are missing, others are added; bad input may be answered with status 500.
"""

from typing import Any, ClassVar

from mediatoolkit.prompts import LARGEST_SEED, ImagePrompt
from mediatoolkit.providers.capabilities import (
    Capabilities,
    ModelInfo,
    Number,
    OneOf,
    Pictures,
    Size,
    Taken,
    Text,
)
from mediatoolkit.providers.http import NAMESPACED
from mediatoolkit.providers.openai_like import M, OpenAILike, OpenAILikeImageClient, P
from mediatoolkit.transport import Dialect

_DEFAULT = "default"
_SIDES = {"512": 512, "1K": 1024, "2K": 2048}
_SIZE = Size(tuple(_SIDES), smallest=(8, 8), largest=(8192, 8192), step=8)
_STEPS = Number(1, 1000, whole=True)
_PICTURES = Capabilities(
    size=_SIZE,
    aspect=Taken(),
    seed=Number(0, LARGEST_SEED, whole=True),
    references=Pictures(16, 50_000_000),
    mask=Taken(),
    previous=Taken(),
    options={
        "negative_prompt": Text(),
        "step": _STEPS,
        "num_inference_steps": _STEPS,
        "guidance_scale": Number(0, 100),
        "true_cfg_scale": Number(0, 100),
        "flow_shift": Number(0, 100),
        "quality": OneOf(("auto", "low", "medium", "high"), others=True),
        "output_format": OneOf(("png", "jpeg", "webp")),
        "output_compression": Number(0, 100, whole=True),
    },
)


class OwnServer(OpenAILike[P, M]):
    """What clients of all kinds of media have in common here: the address, and no need of a key."""

    provider = "openai-compatible"
    label = "The OpenAI-compatible server"
    is_own_server = True
    key_names = ("OPENAI_COMPATIBLE_API_KEY",)
    default_base_url = "http://127.0.0.1:8080/v1"
    base_url_names = ("OPENAI_COMPATIBLE_BASE_URL",)
    model_names = NAMESPACED
    dialect = Dialect(retryable=frozenset({408, 429, 502, 503, 504}))  # 500 may be bad input

    @property
    def served_model(self) -> str | None:
        """The model to ask for; None lets the server choose, where it takes requests without."""
        return None if self.model == _DEFAULT else self.model


class OpenAICompatibleImageClient(OwnServer[ImagePrompt, Any], OpenAILikeImageClient):
    """Draws pictures with a server of your own that speaks as OpenAI does.

    Args:
        api_key: Where the server wants one; left out, `OPENAI_COMPATIBLE_API_KEY` is read.
        base_url: Such as `"http://127.0.0.1:8000/v1"`; left out, `OPENAI_COMPATIBLE_BASE_URL`,
            then port 8080 of this machine.
        model: The server's name of the model; left out, the server chooses.
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call: seconds, or an `mt.Timeout`.
        retry: When a failed call is sent again.
        limits: How much at a time, and the caps on what is read.
        trusted_origins: Further origins that pictures may be fetched from even when they are
            private; the key goes to none of them.

    `references=` and `previous=` are sent to `/images/edits` as a form, with `mask=`, as OpenAI has
    it. A prompt's `options` may be what servers add: `negative_prompt` (LocalAI takes it in the
    text, behind a `|`), `step` (LocalAI), `num_inference_steps`, `guidance_scale`,
    `true_cfg_scale`, `flow_shift` (vLLM-omni), `quality`, `output_format`,
    `output_compression`. A server ignores or refuses what it does not know.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (ModelInfo("openai-compatible/default", _PICTURES),)
    unlisted = _PICTURES
    edits_by_form = True

    def fields(self, prompt: ImagePrompt) -> dict[str, Any]:
        """The body for *prompt*."""
        pixels = _SIZE.pixels_of(prompt, _SIDES)
        return {
            **super().fields(prompt),
            "model": self.served_model,
            "size": pixels and "{}x{}".format(*pixels),
            "seed": prompt.seed,
            "response_format": "b64_json",
        }

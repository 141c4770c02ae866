"""Pictures by `models/{model}:generateContent`."""

import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mediatoolkit.call import Call, Decoding
from mediatoolkit.errors import AuthenticationError, PromptError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.gemini import options
from mediatoolkit.providers.gemini.models import DEFAULT, check_shape, live_models
from mediatoolkit.providers.gemini.refusals import read_block, read_refusal
from mediatoolkit.transport import Answer, Limits, Retry, Secret, Timeout, Transport

if TYPE_CHECKING:
    import aiohttp

BASE_URL = "https://generativelanguage.googleapis.com"
_KEY_NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}")
_LARGEST_SEED = 2**31 - 1  # int32 in the vendor's schema
_CONTINUATIONS = 8

_log = logging.getLogger("mediatoolkit")


@dataclass(frozen=True, slots=True)
class _Turns:
    """All that was said so far, as the wire has it; pictures stay bytes."""

    contents: tuple[Mapping[str, Any], ...]


class GeminiImageClient(ImageClient):
    """Draws pictures with Google's Gemini image models.

    Args:
        api_key: Left out, `GOOGLE_API_KEY` then `GEMINI_API_KEY` are read.
        base_url: Left out, `GOOGLE_GEMINI_BASE_URL`, then Google's own.
        model: Such as `"gemini-3.1-flash-image"`; one that is newer than this package is fine.
        api_version: `"v1"` or `"v1beta"` (needed for `gemini-*-latest`).
        session: A ready `aiohttp.ClientSession` to use and never close.
        timeout: One deadline over the whole call.
        retry: When a failed call is sent again; never when it may have been billed.
        limits: How much at a time, and the caps on what is read.

    A prompt's `options` may be: `temperature` (0 to 2), `top_p` (0 to 1), `top_k`, `thinking`
    (`"minimal"` to `"xhigh"`), `thinking_budget` (tokens), `include_thoughts` (the vendor then
    also draws interim pictures; they are skipped), `system` (an instruction), `safety` (such as
    `{"harassment": "block_only_high"}`), `media_resolution` (`"low"`, `"medium"`, `"high"`),
    `service_tier` (`"flex"`, `"standard"`, `"priority"`).

    Raises:
        AuthenticationError: There is no key, or it cannot be one.
        PromptError: The model's name cannot be one.
        UnsafeURLError: *base_url* is not an http(s) address.
    """

    provider = "gemini"
    option_names = options.NAMES

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        model: str = DEFAULT,
        api_version: str = "v1",
        session: "aiohttp.ClientSession | None" = None,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Check everything; nothing is opened or sent."""
        self.model = _checked_model(model)
        self.timeout = timeout or Timeout()
        self._path = f"/{_checked_version(api_version)}/models/{quote(self.model)}:generateContent"
        self._transport = Transport(
            base_url or os.environ.get("GOOGLE_GEMINI_BASE_URL") or BASE_URL,
            provider=self.provider,
            secret=_key(api_key),
            auth_header="x-goog-api-key",
            session=session,
            timeout=self.timeout,
            retry=retry,
            limits=limits,
            refusal=read_refusal,
        )

    @classmethod
    def credentials(cls) -> Secret | None:
        """The key in the environment, or None."""
        for name in _KEY_NAMES:
            if os.environ.get(name):
                return Secret(os.environ[name], name)
        return None

    def check(self, prompt: ImagePrompt) -> None:
        """Refuse what this model does not take.

        Raises:
            PromptError: Names what it takes.
        """
        self.check_options(prompt)
        options.check(prompt.options)
        check_shape(self.model, prompt)
        if prompt.mask is not None:
            raise PromptError(
                "Gemini takes no mask; say in the prompt which part of the picture changes."
            )
        if prompt.seed is not None and prompt.seed > _LARGEST_SEED:
            raise PromptError(f"Gemini takes seeds up to {_LARGEST_SEED:,}, not {prompt.seed:,}.")

    async def make(self, prompt: ImagePrompt, call: Call) -> Image:
        """Send *prompt* and read the picture; several posts only where the vendor asks for it."""
        document = _to_wire(prompt)
        parts: list[dict[str, Any]] = []
        for _ in range(_CONTINUATIONS):
            headers = {"x-server-timeout": str(math.ceil(call.left()))}
            answer = await self._transport.post(self._path, document, call, headers=headers)
            candidate = _candidate(answer)
            parts += _parts(candidate, answer)
            token = candidate.get("continuationToken")
            if candidate.get("finishReason") != "CONTINUATION" or not isinstance(token, str):
                break
            document = {**document, "continuationToken": token}
        call.report(Decoding())
        data = _picture(parts)
        if data is None:
            raise read_block(answer)
        said = {"role": "model", "parts": parts}
        return await self.received(
            data,
            provenance=await _provenance(prompt, answer, self.model_id),
            conversation=_Turns((*document["contents"], said)),
        )

    async def close(self) -> None:
        """Refuse later use, fail what is in flight."""
        await self._transport.close()


def _to_wire(prompt: ImagePrompt) -> dict[str, Any]:
    previous = prompt.previous
    earlier = previous.conversation if previous else None
    contents: tuple[Mapping[str, Any], ...] = ()
    references = tuple(prompt.references)
    if isinstance(earlier, _Turns):
        contents = earlier.contents
    elif previous is not None:  # read from a file, or drawn elsewhere: its pixels still speak
        references = (previous, *references)
    pictures = [_inline(reference) for reference in references]
    asked = {"role": "user", "parts": [*pictures, {"text": prompt.text}]}
    shape = {"aspectRatio": prompt.aspect, "imageSize": prompt.tier}
    config = {
        "responseModalities": ["IMAGE"],
        "imageConfig": {name: value for name, value in shape.items() if value} or None,
        "seed": prompt.seed,
        **options.generation_config(prompt.options),
    }
    return {
        "contents": [*contents, asked],
        "generationConfig": {name: value for name, value in config.items() if value is not None},
        **options.top_level(prompt.options),
    }


def _inline(image: Image) -> dict[str, Any]:
    return {"inlineData": {"mimeType": image.mime_type, "data": image.data}}


def _candidate(answer: Answer) -> dict[str, Any]:
    document = answer.document
    candidates = document.get("candidates") if isinstance(document, dict) else None
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        return candidates[0]
    raise read_block(answer)


def _parts(candidate: dict[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """The parts as the model gave them, with bytes where the wire has base64."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return []
    return [_with_bytes(part, answer) for part in parts if isinstance(part, dict)]


def _with_bytes(part: dict[str, Any], answer: Answer) -> dict[str, Any]:
    inline = part.get("inlineData")
    if not isinstance(inline, dict) or "data" not in inline:
        return part
    return {**part, "inlineData": {**inline, "data": answer.blob(inline["data"])}}


def _picture(parts: list[dict[str, Any]]) -> bytes | None:
    """The first picture that is not a thought."""
    for part in parts:
        inline = part.get("inlineData")
        if isinstance(inline, dict) and not part.get("thought") and inline.get("data"):
            return bytes(inline["data"])
    return None


async def _provenance(prompt: ImagePrompt, answer: Answer, model_id: str) -> Provenance:
    response_id = answer.document.get("responseId")
    return Provenance(
        model=model_id,
        prompt=prompt.text,
        engine="gemini",
        seed=prompt.seed,
        options=await prompt.plain_options(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        request_id=response_id if isinstance(response_id, str) else answer.request_id,
        usage=_usage(answer.document.get("usageMetadata")),
    )


def _usage(usage: object) -> dict[str, Any]:
    """Tokens per modality, in and out; and the vendor's totals."""
    if not isinstance(usage, dict):
        return {}
    counted = {
        "input": _by_modality(usage.get("promptTokensDetails")),
        "output": _by_modality(usage.get("candidatesTokensDetails")),
        "thoughts": usage.get("thoughtsTokenCount"),
        "total": usage.get("totalTokenCount"),
    }
    return {name: count for name, count in counted.items() if isinstance(count, int) or count}


def _by_modality(details: object) -> dict[str, int]:
    if not isinstance(details, list):
        return {}
    return {
        str(one["modality"]): one["tokenCount"]
        for one in details
        if isinstance(one, dict) and isinstance(one.get("tokenCount"), int) and "modality" in one
    }


def _key(api_key: str | None) -> Secret:
    if api_key is not None:
        return Secret(api_key, "api_key")
    if all(os.environ.get(name) for name in _KEY_NAMES):
        _log.warning("Both GOOGLE_API_KEY and GEMINI_API_KEY are set; GOOGLE_API_KEY is used.")
    found = GeminiImageClient.credentials()
    if found is None:
        raise AuthenticationError(
            "There is no key for Gemini: not in api_key=, GOOGLE_API_KEY or GEMINI_API_KEY. "
            'Set one, or draw without a key: model="local/painter".',
            provider="gemini",
        )
    return found


def _checked_model(model: object) -> str:
    if isinstance(model, str):
        name = model.removeprefix("models/").removeprefix("gemini/")
        if _MODEL.fullmatch(name):
            return name
    raise PromptError(f"model={model!r} is no name of a model; live ones: {live_models()}.")


def _checked_version(version: str) -> str:
    if version not in ("v1", "v1beta", "v1alpha"):
        raise PromptError(f'api_version={version!r} is none; use "v1" or "v1beta".')
    return version

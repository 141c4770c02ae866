"""Pictures by `models/{model}:generateContent`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient, ModelInfo
from mediatoolkit.providers.gemini import options
from mediatoolkit.providers.gemini.answers import (
    CONTINUATIONS,
    candidate_of,
    continued,
    parts_of,
    provenance_of,
)
from mediatoolkit.providers.gemini.models import DEFAULT, LIVE, MODELS, check_shape
from mediatoolkit.providers.gemini.refusals import read_block
from mediatoolkit.providers.gemini.service import GeminiService, check_size
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding

if TYPE_CHECKING:
    from mediatoolkit.transport import Response

_LARGEST_SEED = 2**31 - 1  # int32 in the vendor's schema
_SMALLER = (
    "Each turn with previous= sends all earlier ones again: go on from the last picture alone, "
    "references=[picture], or give smaller references."
)


@dataclass(frozen=True, slots=True)
class _Turns:
    """All that was said so far, as the wire has it; pictures stay bytes."""

    contents: tuple[Mapping[str, Any], ...]


class GeminiImageClient(GeminiService, ImageClient):
    """Draws pictures with Google's Gemini image models; made as `GeminiService` says.

    A prompt's `options` may be: `temperature` (0 to 2), `top_p` (0 to 1), `top_k`, `thinking`
    (`"minimal"` to `"xhigh"`), `thinking_budget` (tokens), `include_thoughts` (the vendor then
    also draws interim pictures; they are skipped), `system` (an instruction), `safety` (such as
    `{"harassment": "block_only_high"}`), `media_resolution` (`"low"`, `"medium"`, `"high"`),
    `service_tier` (`"flex"`, `"standard"`, `"priority"`).

    `previous=` goes on from a picture of this session as a chat does: every earlier turn is sent
    again and paid as input, with its pictures and signatures, some 4 MB a turn at `"1K"` and more
    at larger sizes. A request of more than 100 MiB is refused before it is sent; then
    `references=[picture]` goes on from the picture alone.
    """

    local_verb = "draw"

    option_names = options.NAMES
    default_model = DEFAULT
    live = LIVE

    @classmethod
    def models(cls) -> list[ModelInfo]:
        """The live models, the default first, with the sizes and aspects that each draws."""
        takes = frozenset({"previous", "references", "seed"})
        return [
            cls._offer(name, takes, size=MODELS[name].sizes, aspect=MODELS[name].aspects)
            for name in LIVE
        ]

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
        check_size(_to_wire(prompt), _SMALLER)

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt* and read the picture; several posts only where the vendor asks for it."""
        document = asked = _to_wire(prompt)
        parts: list[dict[str, Any]] = []
        answers: list[Response] = []
        for _ in range(CONTINUATIONS):
            try:
                answer = await self._generate(asked, context)
                parts += parts_of(candidate_of(answer), answer)
            except MediaToolkitError as error:
                error.may_have_been_billed |= bool(answers)
                raise
            answers.append(answer)
            rest = continued(document, answer)
            if rest is None:
                break
            asked = rest
        context.report(Decoding())
        data = _picture(parts)
        if data is None:
            failure = read_block(answer)
            failure.may_have_been_billed |= len(answers) > 1
            raise failure
        said = {"role": "model", "parts": parts}
        return await self.load_media(
            data,
            provenance=provenance_of(prompt, await prompt.plain_options(), answers, self.model_id),
            conversation=_Turns((*document["contents"], said)),
        )


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


def _picture(parts: list[dict[str, Any]]) -> bytes | None:
    """The first picture that is not a thought."""
    for part in parts:
        inline = part.get("inlineData")
        if isinstance(inline, dict) and not part.get("thought") and inline.get("data"):
            return bytes(inline["data"])
    return None

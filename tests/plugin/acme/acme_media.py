"""A vendor that a package of its own brings: pictures by one POST."""

from typing import Any, ClassVar

from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, Number, OneOf
from mediatoolkit.providers.documents import at, without_none
from mediatoolkit.providers.http import HttpClient
from mediatoolkit.runtime.context import CallContext


class AcmeImageClient(HttpClient[ImagePrompt, Image], ImageClient):
    """Draws pictures with Acme's models."""

    provider = "acme"
    label = "Acme"
    key_names = ("ACME_API_KEY",)
    default_base_url = "https://acme.invalid/v1"
    media_fields = ("picture",)
    refusal_codes = frozenset({"unsafe"})
    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo(
            "acme/brush-1",
            Capabilities(
                size=OneOf(("512", "1K")),
                seed=Number(0, 9_999, whole=True),
                options={"mood": OneOf(("calm", "wild"))},
            ),
        ),
    )

    async def make(self, prompt: ImagePrompt, context: CallContext) -> Image:
        """Send *prompt*, and read the picture."""
        response = await self._transport.post("/draw", _to_wire(prompt, self.model), context)
        provenance = await self.provenance(
            prompt,
            request_id=response.request_id,
            usage={"cost_usd": at(response.document, "usd")},
        )
        data = response.media_bytes(at(response.document, "picture"))
        return await self.load_media(data, provenance=provenance)


def _to_wire(prompt: ImagePrompt, model: str) -> dict[str, Any]:
    words = {"model": model, "words": prompt.text, "size": prompt.tier, "seed": prompt.seed}
    return without_none({**words, **prompt.options})

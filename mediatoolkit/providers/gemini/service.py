"""What every Gemini client shares: the service, and reading what `generateContent` answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError, ProviderError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.documents import at, objects_at, units_of, usage_record
from mediatoolkit.providers.gemini.errors import read_block, read_error, response_id
from mediatoolkit.providers.http import HttpClient, text_weight
from mediatoolkit.providers.recipe import ClientRecipe
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.transport import ErrorResponse, Limits, Response, Retry
from mediatoolkit.transport.secret import HiddenText

if TYPE_CHECKING:
    import aiohttp

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)

CONTINUATIONS = 8
"""Requests for one answer, at most; the vendor cuts what is too long for one."""

LARGEST_SEED = 2**31 - 1  # int32 in the vendor's schema
_MIB = 1 << 20
LARGEST_REQUEST = 100 * _MIB


class GeminiService(HttpClient[P, M]):
    """The address, the versions and the errors that all Gemini clients have in common."""

    provider = "gemini"
    label = "Gemini"
    key_names = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    default_base_url = "https://generativelanguage.googleapis.com"
    base_url_names = ("GOOGLE_GEMINI_BASE_URL",)
    auth_header = "x-goog-api-key"
    auth_prefix = ""
    local_verb: ClassVar[str] = "work"
    """What the local engine can do instead, for a person without a paid key."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        model: str | None = None,
        api_version: str = "v1",
        session: "aiohttp.ClientSession | None" = None,
        timeout: float | Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        trusted_origins: tuple[str, ...] = (),
    ) -> None:
        """Check everything; nothing is opened or sent."""
        if isinstance(api_key, str):
            api_key = HiddenText(api_key)  # what is raised below shows its locals
        if not isinstance(api_version, str) or api_version not in ("v1", "v1beta", "v1alpha"):
            raise PromptError(f'api_version={quoted(api_version)} is none; use "v1" or "v1beta".')
        self._version = api_version
        super().__init__(
            api_key,
            base_url=base_url,
            model=model,
            session=session,
            timeout=timeout,
            retry=retry,
            limits=limits,
            trusted_origins=trusted_origins,
        )

    def recipe(self) -> ClientRecipe:
        """As for each client, with its version."""
        recipe = super().recipe()
        return replace(recipe, options={**recipe.options, "api_version": self._version})

    def read_error(self, response: ErrorResponse) -> ProviderError:
        """The error that a status other than 200 means."""
        return read_error(
            response, model=self.model, live=self.live_models(), local=self.local_verb
        )

    def _path(self, method: str) -> str:
        return f"/{self._version}/models/{self.model}:{method}"


def check_weight(document: dict[str, Any], advice: str) -> None:
    """Refuse a request that is larger than the vendor reads.

    Args:
        document: What is to be sent.
        advice: Sentence that says what makes it smaller.

    Raises:
        PromptError: Says how large the request is, with *advice*.
    """
    weight = weight_of(document)
    if weight > LARGEST_REQUEST:
        raise PromptError(
            f"The request weighs {weight / _MIB:,.0f} MiB; Gemini takes "
            f"{LARGEST_REQUEST // _MIB}. {advice}"
        )


def weight_of(value: object) -> int:
    """Bytes of *value* on the wire, about; names are not counted.

    Base64 makes four of three. A letter beyond ASCII takes up to twelve, as an escape.
    """
    if isinstance(value, Mapping):
        return sum(map(weight_of, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(weight_of, value))
    if isinstance(value, bytes):
        return 4 * len(value) // 3
    return text_weight(value) if isinstance(value, str) else 0


def candidate_of(response: Response) -> dict[str, Any]:
    """The first candidate.

    Raises:
        RefusalError: There is none, and the vendor says why.
        ProviderError: There is none.
    """
    candidate = at(response.document, "candidates", 0)
    if not isinstance(candidate, dict):
        raise read_block(response)
    return candidate


def parts_of(candidate: dict[str, Any], response: Response) -> list[dict[str, Any]]:
    """The parts as the model gave them, with bytes where the wire has base64."""
    parts = []
    for part in objects_at(candidate, "content", "parts"):
        inline = part.get("inlineData")
        if not isinstance(inline, dict) or "data" not in inline:
            parts.append(part)
            continue
        try:
            data = response.media_bytes(inline["data"])
        except ProviderError as error:
            error.request_id = response_id(response)
            raise
        parts.append({**part, "inlineData": {**inline, "data": data}})
    return parts


def media_of(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every `inlineData` that holds something and is not a thought."""
    inlines = [part.get("inlineData") for part in parts if not part.get("thought")]
    return [inline for inline in inlines if isinstance(inline, dict) and inline.get("data")]


def continued(document: dict[str, Any], response: Response) -> dict[str, Any] | None:
    """*document* as it asks for the rest of what *response* began; None when there is no rest."""
    token = at(response.document, "candidates", 0, "continuationToken")
    reason = at(response.document, "candidates", 0, "finishReason")
    if reason != "CONTINUATION" or not isinstance(token, str):
        return None
    return {**document, "continuationToken": token}


def usage_of(response: Response) -> dict[str, Any]:
    """Tokens per modality, in and out; and the vendor's totals."""
    counts = at(response.document, "usageMetadata")
    sides = (
        units_of(
            by_modality(response, objects_at(counts, f"{side}TokensDetails"), "tokenCount"),
            at(counts, f"{side}TokenCount"),
        )
        for side in ("prompt", "candidates")
    )
    thoughts, total = at(counts, "thoughtsTokenCount"), at(counts, "totalTokenCount")
    return usage_record(*sides, thoughts=thoughts, total=total)


def by_modality(
    response: Response, details: Sequence[dict[str, Any]], count: str
) -> dict[str, object]:
    """Tokens by kind of media; *count* is what the vendor calls their number here."""
    return {
        response.safe_text(detail["modality"], 40).upper(): detail.get(count)
        for detail in details
        if "modality" in detail
    }

"""The vendor's catalogue of voices, `GET /voices`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError, ProviderError
from mediatoolkit.media import Audio
from mediatoolkit.prompts import checked_text
from mediatoolkit.providers.gemini.sounds import sample
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import Response, Transport

_NAMES = """
Achernar Achird Algenib Algieba Alnilam Aoede Autonoe Callirrhoe Charon Despina Enceladus Erinome
Fenrir Gacrux Iapetus Kore Laomedeia Leda Orus Puck Pulcherrima Rasalgethi Sadachbia Sadaltager
Schedar Sulafat Umbriel Vindemiatrix Zephyr Zubenelgenubi
"""
PREBUILT = tuple(_NAMES.split())
"""Voices that every speech model has; the catalogue knows more of them, and further ones."""

FILTERS = frozenset(
    {
        "accent",
        "context",
        "gender",
        "language_code",
        "persona",
        "pitch",
        "region_code",
        "search",
        "type",
    }
)
_PAGE = 200
_PAGES = 50
_FACTS = ("gender", "language_code", "accent", "pitch", "persona", "context", "description")


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice.

    Attributes:
        name: What `voice=` takes.
        kind: `"prebuilt"`, `"prompted"` or `"replicated"`.
        facts: What the vendor says of it: gender, language_code, accent, pitch, persona, …
        sample: Bytes and mime type of how it sounds, or None.
    """

    name: str
    kind: str
    facts: Mapping[str, str]
    sample: tuple[bytes, str] | None = field(default=None, repr=False)

    def preview(self) -> Audio:
        """How it sounds.

        Raises:
            ProviderError: The vendor has no sample of it.
            MediaError: The sample is no sound.
        """
        if self.sample is None:
            raise ProviderError(f"There is no sample of the voice {self.name}.", provider="gemini")
        return sample(*self.sample)


async def read_voices(
    transport: Transport,
    version: str,
    filters: Mapping[str, str | Sequence[str]],
    context: CallContext,
) -> list[Voice]:
    """All pages of the catalogue.

    Raises:
        PromptError: There is no such filter, or its word is none.
    """
    unknown = sorted(set(filters) - FILTERS)
    if unknown:
        raise PromptError(f"Voices have no {unknown[0]}; filter by {', '.join(sorted(FILTERS))}.")
    query: list[tuple[str, str]] = [("page_size", str(_PAGE))]
    for name, words in filters.items():
        several = words if isinstance(words, (list, tuple)) else [words]
        query += [(name, _word(name, word)) for word in several]
    voices: list[Voice] = []
    token: list[tuple[str, str]] = []
    for _ in range(_PAGES):
        answer = await transport.get(f"/{version}/voices", context, query=[*query, *token])
        document = answer.document if isinstance(answer.document, dict) else {}
        voices += _read(document.get("voices"), answer)
        following = document.get("next_page_token")
        if not isinstance(following, str) or not following:
            break
        token = [("page_token", following)]
    return voices


def _word(name: str, word: object) -> str:
    if not isinstance(word, str):
        raise PromptError(f"{name} takes one word or several, not {quoted(word)}.")
    return checked_text(word)


def _read(listed: object, answer: Response) -> list[Voice]:
    voices = []
    for one in listed if isinstance(listed, list) else ():
        name = answer.safe_text(one.get("id")) if isinstance(one, dict) else ""
        if name:
            facts = {fact: said for fact in _FACTS if (said := answer.safe_text(one.get(fact)))}
            kind = answer.safe_text(one.get("type"), 40) or "prebuilt"
            voices.append(Voice(name, kind, facts, _sample(one.get("sample_audio"), answer)))
    return voices


def _sample(found: object, answer: Response) -> tuple[bytes, str] | None:
    if not isinstance(found, dict) or not isinstance(found.get("data"), str):
        return None
    return answer.media_bytes(found["data"]), str(found.get("mime_type", ""))

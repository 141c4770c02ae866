"""Reading what `generateContent` answers, whatever it holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mediatoolkit.errors import ProviderError
from mediatoolkit.media import Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.gemini.refusals import read_block, response_id
from mediatoolkit.transport import Response

CONTINUATIONS = 8
"""Requests for one answer, at most; the vendor cuts what is too long for one."""


def candidate_of(answer: Response) -> dict[str, Any]:
    """The first candidate.

    Raises:
        RefusalError: There is none, and the vendor says why.
        ProviderError: There is none.
    """
    document = answer.document
    candidates = document.get("candidates") if isinstance(document, dict) else None
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        return candidates[0]
    raise read_block(answer)


def parts_of(candidate: dict[str, Any], answer: Response) -> list[dict[str, Any]]:
    """The parts as the model gave them, with bytes where the wire has base64."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return []
    return [_with_bytes(part, answer) for part in parts if isinstance(part, dict)]


def continued(document: dict[str, Any], answer: Response) -> dict[str, Any] | None:
    """*document* as it asks for the rest of what *answer* began, or None when there is no rest."""
    candidate = candidate_of(answer)
    token = candidate.get("continuationToken")
    if candidate.get("finishReason") != "CONTINUATION" or not isinstance(token, str):
        return None
    return {**document, "continuationToken": token}


def _with_bytes(part: dict[str, Any], answer: Response) -> dict[str, Any]:
    inline = part.get("inlineData")
    if not isinstance(inline, dict) or "data" not in inline:
        return part
    try:
        data = answer.media_bytes(inline["data"])
    except ProviderError as error:
        error.request_id = response_id(answer)
        raise
    return {**part, "inlineData": {**inline, "data": data}}


def provenance_of(
    prompt: Prompt, asked: dict[str, Any], answers: Sequence[Response], model_id: str
) -> Provenance:
    """Where the media of *answers* comes from: one, and those that continue it."""
    answer = answers[-1]
    return Provenance(
        model=model_id,
        prompt=prompt.text,
        engine=answer.provider,
        seed=getattr(prompt, "seed", None),
        options=asked,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        request_id=response_id(answer),
        usage=added([_usage(one) for one in answers]),
    )


def _usage(answer: Response) -> dict[str, Any]:
    """Tokens per modality, in and out; and the vendor's totals."""
    usage = answer.document.get("usageMetadata")
    if not isinstance(usage, dict):
        return {}
    counted = {
        "input": _all_counted(usage, "prompt", answer),
        "output": _all_counted(usage, "candidates", answer),
    }
    totals = {"thoughts": usage.get("thoughtsTokenCount"), "total": usage.get("totalTokenCount")}
    return {
        **{name: counts for name, counts in counted.items() if counts},
        **{name: total for name, total in totals.items() if isinstance(total, int)},
    }


def _all_counted(usage: dict[str, Any], side: str, answer: Response) -> dict[str, int]:
    """Tokens by modality that sum to the count; the vendor's details often leave out the text."""
    counts = by_modality(usage.get(f"{side}TokensDetails"), answer, "tokenCount")
    count = usage.get(f"{side}TokenCount")
    rest = count - sum(counts.values()) if isinstance(count, int) else 0
    return {**counts, "TEXT": counts.get("TEXT", 0) + rest} if rest > 0 else counts


def added(usages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several answers cost together, as one of them says it."""
    if len(usages) == 1:
        return usages[0]
    total: dict[str, Any] = {}
    for usage in usages:
        for name, count in usage.items():
            if isinstance(count, dict):
                total[name] = added([total.get(name, {}), count])
            else:
                total[name] = total.get(name, 0) + count
    return total


def by_modality(details: object, answer: Response, count: str) -> dict[str, int]:
    """Tokens by kind of media; *count* is what the vendor calls their number here."""
    if not isinstance(details, list):
        return {}
    return {
        answer.safe_text(one["modality"], 40).upper(): one[count]
        for one in details
        if isinstance(one, dict) and isinstance(one.get(count), int) and "modality" in one
    }

"""Reading what `generateContent` answers, whatever it holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mediatoolkit.media import Provenance
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.gemini.refusals import read_block
from mediatoolkit.transport import Answer

CONTINUATIONS = 8
"""Requests for one answer, at most; the vendor cuts what is too long for one."""


def candidate_of(answer: Answer) -> dict[str, Any]:
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


def parts_of(candidate: dict[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """The parts as the model gave them, with bytes where the wire has base64."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return []
    return [_with_bytes(part, answer) for part in parts if isinstance(part, dict)]


def continued(document: dict[str, Any], answer: Answer) -> dict[str, Any] | None:
    """*document* as it asks for the rest of what *answer* began, or None when there is no rest."""
    candidate = candidate_of(answer)
    token = candidate.get("continuationToken")
    if candidate.get("finishReason") != "CONTINUATION" or not isinstance(token, str):
        return None
    return {**document, "continuationToken": token}


def _with_bytes(part: dict[str, Any], answer: Answer) -> dict[str, Any]:
    inline = part.get("inlineData")
    if not isinstance(inline, dict) or "data" not in inline:
        return part
    return {**part, "inlineData": {**inline, "data": answer.blob(inline["data"])}}


def origin(
    prompt: Prompt, asked: dict[str, Any], answers: Sequence[Answer], model_id: str
) -> Provenance:
    """Where the media of *answers* comes from: one, and those that continue it."""
    answer = answers[-1]
    response_id = answer.document.get("responseId")
    return Provenance(
        model=model_id,
        prompt=prompt.text,
        engine=answer.provider,
        seed=getattr(prompt, "seed", None),
        options=asked,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        request_id=response_id if isinstance(response_id, str) else answer.request_id,
        usage=added([_usage(one.document.get("usageMetadata")) for one in answers]),
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


def _by_modality(details: object) -> dict[str, int]:
    if not isinstance(details, list):
        return {}
    return {
        str(one["modality"]): one["tokenCount"]
        for one in details
        if isinstance(one, dict) and isinstance(one.get("tokenCount"), int) and "modality" in one
    }

"""Reading the ways in which Gemini says no.

Google's envelope is `{"error": {code, message, status, details}}`; front ends wrap it in a list or
answer in HTML. A refusal by policy is a 200 without media.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mediatoolkit.errors import (
    AuthenticationError,
    ModelNotFoundError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.transport import Answer, Refusal, error_by_status

_BAD_KEY = {"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_EXPIRED"}
_SAFETY = re.compile(
    r"safety (?:policy|filter|guideline)|content policy|prohibited content", re.IGNORECASE
)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")

# Reasons that are no judgement of the prompt. Every other word, a new one included, is the policy.
_TECHNICAL = {
    "MAX_TOKENS": "the answer hit its token limit; ask for less, or raise it",
    "MALFORMED_FUNCTION_CALL": "the model called a tool in a wrong way; ask again",
    "MALFORMED_RESPONSE": "the model gave a malformed answer; ask again",
    "UNEXPECTED_TOOL_CALL": "the model called a tool; ask again",
    "TOO_MANY_TOOL_CALLS": "the model called too many tools; ask again",
    "CONTINUATION": "the answer never came to its end; ask for less",
    "NO_END": "the answer was cut off; ask again",
    "MISSING_THOUGHT_SIGNATURE": (
        "the earlier turns lack their thought signatures; go on from a picture of this session "
        "with previous=, or give it as a reference"
    ),
}

_POLICY = frozenset(
    {"BLOCKLIST", "LANGUAGE", "OTHER", "PROHIBITED_CONTENT", "RECITATION", "SAFETY", "SPII"}
)


def broke_off(candidate: Mapping[str, Any], *, streamed: bool) -> bool:
    """Whether it says that it did not come to its end; a word we do not know does not.

    The last event of a stream always has such a word: without one, the stream was cut.
    """
    reason = candidate.get("finishReason")
    if not isinstance(reason, str):
        return streamed
    return reason in _TECHNICAL or reason in _POLICY


def read_refusal(refusal: Refusal, live: str) -> ProviderError:
    """The error that a status other than 200 means; *live* names models to ask instead."""
    error = _envelope(refusal.document)
    details = list(_mappings(error.get("details")))
    said = _sentence(refusal.say(error.get("message")))
    facts: dict[str, Any] = {
        "provider": refusal.provider,
        "status": refusal.status,
        "request_id": refusal.request_id,
    }
    reasons = {detail.get("reason") for detail in details if isinstance(detail.get("reason"), str)}
    if refusal.status in (401, 403) or reasons & _BAD_KEY:
        return AuthenticationError(
            f"Gemini does not accept the key: {said or 'no reason given.'} "
            "Set GEMINI_API_KEY to a valid key, or pass api_key=.",
            **facts,
        )
    if refusal.status == 404:
        return ModelNotFoundError(
            f"Gemini does not serve this model: {said or 'not found.'} Live ones: {live}.",
            **facts,
        )
    if refusal.status == 400 and _SAFETY.search(said):
        return RefusalError(
            f"Gemini refused the prompt: {said} Say it differently.", reason="SAFETY", **facts
        )
    if refusal.status == 429:
        return _rate_limit(refusal, details, said, facts)
    return error_by_status(refusal, f"Gemini answered {refusal.status}: {said}" if said else None)


def read_block(answer: Answer) -> ProviderError:
    """The error that a 200 without media means."""
    document = answer.document if isinstance(answer.document, dict) else {}
    facts: dict[str, Any] = {
        "provider": answer.provider,
        "status": answer.status,
        "request_id": answer.request_id,
    }
    feedback = document.get("promptFeedback")
    if isinstance(feedback, dict) and isinstance(feedback.get("blockReason"), str):
        reason = answer.say(feedback["blockReason"], 60)
        said = _sentence(answer.say(feedback.get("blockReasonMessage"))) or "no further word."
        return RefusalError(
            f"Gemini refused the prompt ({reason}): {said} Say it differently.",
            reason=reason,
            **facts,
        )
    candidate = next(_mappings(document.get("candidates")), None)
    if candidate is None:
        return ProviderError(
            "Gemini answered without media and without a reason; ask again.",
            family="protocol",
            may_have_been_billed=True,
            **facts,
        )
    return _no_media(answer, candidate, facts)


def _no_media(answer: Answer, candidate: Mapping[str, Any], facts: dict[str, Any]) -> ProviderError:
    words = answer.say(_text_of(candidate))
    reason = answer.say(candidate.get("finishReason"), 60) or ("NO_MEDIA" if words else "NO_END")
    if reason in _TECHNICAL:
        return ProviderError(
            f"Gemini did not make it ({reason}): {_TECHNICAL[reason]}.",
            family="protocol",
            may_have_been_billed=True,
            **facts,
        )
    said = _sentence(answer.say(candidate.get("finishMessage")) or words)
    return RefusalError(
        f"Gemini did not make it ({reason}): {said or 'no further word.'} Say it differently.",
        reason=reason,
        **facts,
    )


def _rate_limit(
    refusal: Refusal, details: Sequence[Mapping[str, Any]], said: str, facts: dict[str, Any]
) -> RateLimitError:
    delays = [_seconds(detail.get("retryDelay")) for detail in details]
    delay = next((one for one in delays if one is not None), refusal.retry_after)
    per_day = any("PerDay" in quota for quota in _quota_ids(details))
    advice = "Today's quota is used up; ask tomorrow." if per_day else "Ask again later."
    return RateLimitError(
        f"Gemini's quota is used up: {said or 'no further word.'} {advice}",
        retry_after=delay,
        quota_exhausted=per_day,
        **facts,
    )


def _sentence(said: str) -> str:
    """With a full stop, where the vendor left it out."""
    return said if not said or said[-1] in ".!?…" else f"{said}."


def _envelope(document: object) -> Mapping[str, Any]:
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def _quota_ids(details: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for detail in details:
        for violation in _mappings(detail.get("violations")):
            quota = violation.get("quotaId")
            if isinstance(quota, str):
                yield quota


def _text_of(candidate: Mapping[str, Any]) -> str:
    content = candidate.get("content")
    parts = _mappings(content.get("parts") if isinstance(content, dict) else None)
    texts = (part.get("text") for part in parts if not part.get("thought"))
    return " ".join(text for text in texts if isinstance(text, str))


def _mappings(things: object) -> Iterator[dict[str, Any]]:
    return (
        (one for one in things if isinstance(one, dict)) if isinstance(things, list) else iter(())
    )


def _seconds(duration: object) -> float | None:
    match = _SECONDS.fullmatch(duration) if isinstance(duration, str) else None
    return float(match[1]) if match else None

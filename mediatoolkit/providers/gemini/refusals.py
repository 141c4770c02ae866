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
from mediatoolkit.transport import ErrorResponse, Response, error_by_status

_KEY_STEP = "Set GEMINI_API_KEY to a valid key, or pass api_key=."
# Words of Google's message, or reasons of its details, and what the owner of the key can do. The
# reasons are those of google.api.ErrorReason.
_KEY_STEPS = {
    r"BILLING_DISABLED|enable billing|billing (?:is disabled|to be enabled)|billed users|"
    r"payment required": ("Turn on billing for the project of this key in AI Studio."),
    r"SERVICE_DISABLED|has not been used in project|API is disabled": (
        "Turn on the Generative Language API for the project of this key, wait some minutes, and "
        "ask again."
    ),
    r"API_KEY_SERVICE_BLOCKED|Requests to this API .{0,200}blocked": (
        "The key is restricted to other services: allow it the Generative Language API, or make "
        "another key in AI Studio."
    ),
    r"API_KEY_HTTP_REFERRER_BLOCKED|Requests from referr?er": (
        "The key is restricted to web pages: make a key without that restriction in AI Studio."
    ),
    r"API_KEY_(?:IP_ADDRESS|ANDROID_APP|IOS_APP)_BLOCKED": (
        "The key is restricted to other machines or apps: allow this one, or make a key without "
        "that restriction in AI Studio."
    ),
    r"API_KEY_EXPIRED|key (?:has )?expired": "The key has expired: make a new one in AI Studio.",
    r"reported as leaked": (
        "Google has blocked this key because it was found in public: make a new one in AI Studio, "
        "and keep it out of what you share."
    ),
    r"API_KEY_INVALID|API key not valid": _KEY_STEP,
}
_REQUEST_STEPS = {
    r"User location is not supported": (
        "Google does not serve Gemini where this machine stands; call it from another country, or "
        'work locally: model="local".'
    ),
    r"Model tried to generate text": (
        'Say how the text is to be read, as in style="calm", make it shorter, or use the model '
        '"gemini/gemini-3.8-flash-tts", which reads every text aloud.'
    ),
}
_NO_MONEY = {
    r"credits are depleted": "The credits of this key are used up: buy more in AI Studio",
    r"spending cap": "The spending cap of this key is reached: raise it in AI Studio",
}
_NO_QUOTA = re.compile(r"limit: ?0(?![.,]?\d)", re.IGNORECASE)
_EXCEEDED = re.compile(r"Quota exceeded for metric: [^\n]{1,200}")
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


def read_refusal(
    refusal: ErrorResponse, *, model: str, live: str, local: str = "work"
) -> ProviderError:
    """The error that a status other than 200 means.

    Args:
        refusal: What came back; its words are read whole, and cut only where they are shown.
        model: Who was asked.
        live: Models to ask instead.
        local: What the local engine does instead, such as `"draw"`.
    """
    error = envelope(refusal.document)
    if not error and refusal.status in (401, 403, 404):
        return _not_gemini(refusal)
    details = list(_mappings(error.get("details")))
    message = error["message"] if isinstance(error.get("message"), str) else ""
    if refusal.status == 429:
        return _rate_limit(refusal, message, details, model=model, local=local)
    facts = _facts(refusal)
    words = _sentence(refusal.safe_text(message))
    reasons = " ".join(str(detail.get("reason")) for detail in details)
    key_step = _step(_KEY_STEPS, f"{reasons} {message}")
    if key_step or refusal.status in (401, 403):
        return AuthenticationError(
            f"Gemini does not accept the key: {words or 'no reason given.'} "
            f"{key_step or _KEY_STEP}",
            **facts,
        )
    if refusal.status == 404:
        return ModelNotFoundError(
            f"Gemini does not serve this model: {words or 'not found.'} Live ones: {live}.",
            **facts,
        )
    if refusal.status == 400 and _SAFETY.search(message):
        return RefusalError(
            f"Gemini refused the prompt: {words} Say it differently.", reason="SAFETY", **facts
        )
    step = _step(_REQUEST_STEPS, message)
    text = f"Gemini answered {refusal.status}: {words} {step}".rstrip() if words else None
    return error_by_status(refusal, text)


def read_block(answer: Response) -> ProviderError:
    """The error that a 200 without media means."""
    document = answer.document if isinstance(answer.document, dict) else {}
    facts: dict[str, Any] = {
        "provider": answer.provider,
        "status": answer.status,
        "request_id": response_id(answer),
    }
    feedback = document.get("promptFeedback")
    if isinstance(feedback, dict) and isinstance(feedback.get("blockReason"), str):
        reason = answer.safe_text(feedback["blockReason"], 60)
        said = _sentence(answer.safe_text(feedback.get("blockReasonMessage"))) or "no further word."
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


def response_id(answer: Response) -> str | None:
    """Gemini's name for a call, which stands in the body."""
    document = answer.document if isinstance(answer.document, dict) else {}
    return answer.safe_text(document.get("responseId"), 100) or answer.request_id


def _no_media(
    answer: Response, candidate: Mapping[str, Any], facts: dict[str, Any]
) -> ProviderError:
    words = answer.safe_text(_text_of(candidate))
    reason = answer.safe_text(candidate.get("finishReason"), 60) or ("STOP" if words else "NO_END")
    explanation = answer.safe_text(candidate.get("finishMessage")) or words
    if reason in _TECHNICAL or (reason == "STOP" and not explanation):
        problem = _TECHNICAL.get(reason, "the answer holds neither media nor words; ask again")
        return ProviderError(
            f"Gemini did not make it ({reason}): {problem}.",
            family="protocol",
            may_have_been_billed=True,
            **facts,
        )
    facts["may_have_been_billed"] = _has_output(answer.document.get("usageMetadata"))
    if reason == "STOP" and words:
        return RefusalError(
            f"Gemini answered in words alone: {_sentence(words)} Say it differently.",
            reason="TEXT_ONLY",
            **facts,
        )
    return RefusalError(
        f"Gemini did not make it ({reason}): {_sentence(explanation) or 'no further word.'} "
        "Say it differently.",
        reason=reason,
        **facts,
    )


def _has_output(usage: object) -> bool:
    """Whether the vendor counts tokens of an answer, which it bills."""
    if not isinstance(usage, dict):
        return False
    counts = (usage.get("candidatesTokenCount"), usage.get("thoughtsTokenCount"))
    return any(isinstance(count, int) and count > 0 for count in counts)


def _facts(refusal: ErrorResponse) -> dict[str, Any]:
    return {
        "provider": refusal.provider,
        "status": refusal.status,
        "request_id": refusal.request_id,
    }


def _not_gemini(refusal: ErrorResponse) -> ProviderError:
    """An error response in another form than Google's judges neither the key nor the model."""
    text = refusal.safe_text(refusal.text, 200)
    quote = f": {text}" if text and not text.startswith("<") else ""
    return ProviderError(
        f"An answer with status {refusal.status} came that is not Gemini's own{quote}. A proxy, a "
        "filter or a sign-in page stands in between; check the network, and base_url= if it is "
        "set.",
        **_facts(refusal),
        family="protocol",
    )


def _step_instead_of_waiting(message: str, details: Sequence[Mapping[str, Any]], model: str) -> str:
    """What has to be done where waiting does not help, or empty."""
    values = [str(violation.get("quotaValue")) for violation in _violations(details)]
    if _NO_QUOTA.search(message) or "0" in values:
        return f"This key has no quota for {model}: turn on billing in AI Studio"
    return _step(_NO_MONEY, message)


def _rate_limit(
    refusal: ErrorResponse,
    message: str,
    details: Sequence[Mapping[str, Any]],
    *,
    model: str,
    local: str,
) -> RateLimitError:
    step = _step_instead_of_waiting(message, details, model)
    if step:
        step = f'{step}, or {local} locally: model="local".'
        return RateLimitError(step, quota_exhausted=True, **_facts(refusal))
    delays = [_seconds(detail.get("retryDelay")) for detail in details]
    delay = next((known for known in delays if known is not None), refusal.retry_after)
    per_day = any("PerDay" in str(each.get("quotaId")) for each in _violations(details))
    advice = "Today's quota is used up; ask tomorrow." if per_day else "Ask again later."
    exceeded = "; ".join(_EXCEEDED.findall(message))  # stands behind lines that are always the same
    words = _sentence(refusal.safe_text(exceeded or message))
    return RateLimitError(
        f"Gemini's quota is used up: {words or 'no further word.'} {advice}",
        retry_after=delay,
        quota_exhausted=per_day,
        **_facts(refusal),
    )


def _violations(details: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for detail in details:
        yield from _mappings(detail.get("violations"))


def _step(steps: Mapping[str, str], message: str) -> str:
    """What to do about *message*, or empty."""
    fitting = (step for words, step in steps.items() if re.search(words, message, re.IGNORECASE))
    return next(fitting, "")


def _sentence(said: str) -> str:
    """With a full stop, where the vendor left it out."""
    return said if not said or said[-1] in ".!?…" else f"{said}."


def envelope(document: object) -> Mapping[str, Any]:
    """What an error response says under `error`; empty where it is none of Gemini's."""
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


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

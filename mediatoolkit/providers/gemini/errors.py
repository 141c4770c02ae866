"""Reading the ways in which Gemini says no.

Google's envelope is `{"error": {code, message, status, details}}`; front ends wrap it in a list or
answer in HTML. A refusal by policy is a 200 without media.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mediatoolkit.errors import (
    AuthenticationError,
    ModelNotFoundError,
    ProviderError,
    RateLimitError,
    RefusalError,
)
from mediatoolkit.providers.documents import at, objects_at, text_at
from mediatoolkit.providers.http import facts_of, sentence
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
    """Whether a candidate says that it did not come to its end; an unknown word does not say so.

    The last event of a stream always has such a word: without one, the stream was cut.
    """
    reason = candidate.get("finishReason")
    if not isinstance(reason, str):
        return streamed
    return reason in _TECHNICAL or reason in _POLICY


def read_error(
    response: ErrorResponse, *, model: str, live: str, local: str = "work"
) -> ProviderError:
    """The error that a status other than 200 means.

    Args:
        response: What came back; its words are read whole, and cut only where they are shown.
        model: The model that answered so.
        live: Models to ask instead.
        local: What the local engine does instead, such as `"draw"`.
    """
    error = envelope(response.document)
    if not error and response.status in (401, 403, 404):
        return _not_gemini(response)
    details = objects_at(error, "details")
    message = text_at(error, "message")
    if response.status == 429:
        return _rate_limit(response, message, details, model=model, local=local)
    words = sentence(response.safe_text(message))
    reasons = " ".join(str(detail.get("reason")) for detail in details)
    key_step = _step(_KEY_STEPS, f"{reasons} {message}")
    if key_step or response.status in (401, 403):
        return AuthenticationError(
            f"Gemini does not accept the key: {words or 'no reason given.'} "
            f"{key_step or _KEY_STEP}",
            **facts_of(response),
        )
    if response.status == 404:
        return ModelNotFoundError(
            f"Gemini does not serve this model: {words or 'not found.'} Live ones: {live}.",
            **facts_of(response),
        )
    if response.status == 400 and _SAFETY.search(message):
        return RefusalError(
            f"Gemini refused the prompt: {words} Say it differently.",
            reason="SAFETY",
            **facts_of(response),
        )
    step = _step(_REQUEST_STEPS, message)
    text = f"Gemini answered {response.status}: {words} {step}".rstrip() if words else None
    return error_by_status(response, text)


def read_block(response: Response) -> ProviderError:
    """The error that a 200 without media means."""
    document = response.document
    facts = facts_of(response) | {"request_id": response_id(response)}
    reason = response.safe_text(at(document, "promptFeedback", "blockReason"), 60)
    if reason:
        message = response.safe_text(at(document, "promptFeedback", "blockReasonMessage"))
        return RefusalError(
            f"Gemini refused the prompt ({reason}): {sentence(message) or 'no further word.'} "
            "Say it differently.",
            reason=reason,
            **facts,
        )
    candidate = next(iter(objects_at(document, "candidates")), None)
    if candidate is None:
        return ProviderError(
            "Gemini answered without media and without a reason; ask again.",
            family="protocol",
            may_have_been_billed=True,
            **facts,
        )
    return _no_media(response, candidate, facts)


def _no_media(
    response: Response, candidate: Mapping[str, Any], facts: dict[str, Any]
) -> ProviderError:
    parts = objects_at(candidate.get("content"), "parts")
    texts = [text_at(part, "text") for part in parts if not part.get("thought")]
    words = response.safe_text(" ".join(filter(None, texts)))
    reason = response.safe_text(candidate.get("finishReason"), 60)
    reason = reason or ("STOP" if words else "NO_END")
    explanation = response.safe_text(candidate.get("finishMessage")) or words
    if reason in _TECHNICAL or (reason == "STOP" and not explanation):
        problem = _TECHNICAL.get(reason, "the answer holds neither media nor words; ask again")
        return ProviderError(
            f"Gemini did not make it ({reason}): {problem}.",
            family="protocol",
            may_have_been_billed=True,
            **facts,
        )
    # The vendor bills an answer of which it counts tokens.
    usage = at(response.document, "usageMetadata")
    counts = (at(usage, "candidatesTokenCount"), at(usage, "thoughtsTokenCount"))
    facts["may_have_been_billed"] = any(isinstance(n, int) and n > 0 for n in counts)
    if reason == "STOP" and words:
        problem, reason = f"Gemini answered in words alone: {sentence(words)}", "TEXT_ONLY"
    else:
        detail = sentence(explanation) or "no further word."
        problem = f"Gemini did not make it ({reason}): {detail}"
    return RefusalError(f"{problem} Say it differently.", reason=reason, **facts)


def envelope(document: object) -> dict[str, Any]:
    """What an error response says under `error`; empty where it is none of Gemini's."""
    error = at(document, 0, "error") if isinstance(document, list) else at(document, "error")
    return error if isinstance(error, dict) else {}


def response_id(response: Response) -> str | None:
    """Gemini's name for a call, which stands in the body."""
    return response.safe_text(at(response.document, "responseId"), 100) or response.request_id


def _not_gemini(response: ErrorResponse) -> ProviderError:
    """An error response in another form than Google's judges neither the key nor the model."""
    text = response.safe_text(response.text, 200)
    quote = f": {text}" if text and not text.startswith("<") else ""
    return ProviderError(
        f"An answer with status {response.status} came that is not Gemini's own{quote}. A proxy, a "
        "filter or a sign-in page stands in between; check the network, and base_url= if it is "
        "set.",
        **facts_of(response),
        family="protocol",
    )


def _rate_limit(
    response: ErrorResponse,
    message: str,
    details: Sequence[Mapping[str, Any]],
    *,
    model: str,
    local: str,
) -> RateLimitError:
    violations = [each for detail in details for each in objects_at(detail, "violations")]
    step = _step(_NO_MONEY, message)
    if _NO_QUOTA.search(message) or any(str(each.get("quotaValue")) == "0" for each in violations):
        step = f"This key has no quota for {model}: turn on billing in AI Studio"
    if step:
        step = f'{step}, or {local} locally: model="local".'
        return RateLimitError(step, quota_exhausted=True, **facts_of(response))
    delays = [_SECONDS.fullmatch(text_at(detail, "retryDelay")) for detail in details]
    delay = next((float(match[1]) for match in delays if match), response.retry_after)
    per_day = any("PerDay" in str(each.get("quotaId")) for each in violations)
    advice = "Today's quota is used up; ask tomorrow." if per_day else "Ask again later."
    exceeded = "; ".join(_EXCEEDED.findall(message))  # stands behind lines that are always the same
    words = sentence(response.safe_text(exceeded or message))
    return RateLimitError(
        f"Gemini's quota is used up: {words or 'no further word.'} {advice}",
        retry_after=delay,
        quota_exhausted=per_day,
        **facts_of(response),
    )


def _step(steps: Mapping[str, str], message: str) -> str:
    """What to do about *message*, or empty."""
    fitting = (step for words, step in steps.items() if re.search(words, message, re.IGNORECASE))
    return next(fitting, "")

"""Answers of the simulated Gemini that are errors, in Google's envelope."""

import json
from collections.abc import Mapping
from typing import Any

from mediatoolkit.simulator.api_faults import Status
from mediatoolkit.simulator.http import HttpResponse

_RPC = "type.googleapis.com/google.rpc."
_SERVICE = "generativelanguage.googleapis.com"
_METRIC = f"{_SERVICE}/generate_content_free_tier_requests"
JSON = {"Content-Type": "application/json; charset=utf-8"}
_USUAL = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    408: ("DEADLINE_EXCEEDED", "The request timed out."),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 104857600 bytes."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    501: ("UNIMPLEMENTED", "Operation is not implemented."),
    502: ("UNAVAILABLE", "Bad gateway."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


def said(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(json.dumps(body).encode(), status, {**JSON, **(headers or {})})


def error(
    code: int,
    message: str | None = None,
    *,
    status: str | None = None,
    details: tuple[dict[str, Any], ...] = (),
) -> HttpResponse:
    """An error in the envelope; message and status have usual values by code."""
    return said(error_body(code, message, status, details), code)


def error_body(
    code: int,
    message: str | None = None,
    status: str | None = None,
    details: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """The envelope itself."""
    usual_status, usual_message = _usual(code)
    facts: dict[str, Any] = {"code": code, "message": message or usual_message}
    facts["status"] = status or usual_status
    return {"error": facts | ({"details": list(details)} if details else {})}


def invalid(message: str, field: str) -> HttpResponse:
    """400 that names the field at fault."""
    violation = {"field": field, "description": message}
    detail = {"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]}
    return error(400, message, details=(detail,) if field else ())


def worded(word: str, message: str, code: int = 400) -> HttpResponse:
    """An error as interactions write it."""
    return said(worded_body(word, message), code)


def worded_body(word: str, message: str) -> dict[str, Any]:
    """The envelope whose code is a word."""
    return {"error": {"code": word, "message": message}}


def bad_key() -> HttpResponse:
    """A wrong key: 400, not 401."""
    detail = {
        "@type": f"{_RPC}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
    return error(400, "API key not valid. Please pass a valid API key.", details=(detail,))


def missing_key() -> HttpResponse:
    """No key at all: 403."""
    return error(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def misfortune(fault: Status, model: str) -> HttpResponse:
    """What *fault* orders."""
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    if fault.html:
        page = f"<html><title>Error {fault.code}</title>Service Unavailable</html>"
        return HttpResponse(page.encode(), fault.code, {"Content-Type": "text/html", **headers})
    text = fault.message
    if text is None and fault.code == 429 and fault.quota == 0:
        text = _no_quota(fault, model)
    elif text is None and fault.retry_delay:
        text = f"{_usual(fault.code)[1]} Please retry in {fault.retry_delay}."
    envelope = error_body(fault.code, text, fault.status, _details(fault, model))
    if fault.word:
        envelope = worded_body(fault.word, envelope["error"]["message"])
    return said([envelope] if fault.array_envelope else envelope, fault.code, headers)


def _no_quota(fault: Status, model: str) -> str:
    """The telling words stand at the end, behind lines that are always the same."""
    retry = f"\nPlease retry in {fault.retry_delay}." if fault.retry_delay else ""
    return (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. "
        "To monitor your current usage, head to: https://ai.dev/rate-limit. \n* Quota exceeded "
        f"for metric: {_METRIC}, limit: 0, model: {model}{retry}"
    )


def _usual(code: int) -> tuple[str, str]:
    return _USUAL.get(code, ("UNKNOWN", f"Error {code}."))


def _details(fault: Status, model: str) -> tuple[dict[str, Any], ...]:
    quota = {
        "quotaMetric": _METRIC,
        "quotaId": f"GenerateRequestsPer{'Day' if fault.per_day else 'Minute'}"
        "PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
    }
    if fault.quota:  # the service leaves a zero out
        quota["quotaValue"] = str(fault.quota)
    link = {"description": "Learn more about quotas", "url": "https://example.invalid/quotas"}
    details: list[dict[str, Any]] = []
    if fault.code == 429:
        details.append({"@type": f"{_RPC}QuotaFailure", "violations": [quota]})
        details.append({"@type": f"{_RPC}Help", "links": [link]})
    if fault.retry_delay:
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": fault.retry_delay})
    return tuple(details)

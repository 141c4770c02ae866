"""Google's errors, in both of its envelopes."""

from typing import Any

from mediatoolkit.simulator.api_faults import Status
from mediatoolkit.simulator.http import HttpResponse, json_response
from mediatoolkit.simulator.schema import SchemaError

_RPC = "type.googleapis.com/google.rpc."
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1."
_SERVICE = "generativelanguage.googleapis.com"
_METRIC = f"{_SERVICE}/generate_content_free_tier_requests"
_BAD_KEY = "API key not valid. Please pass a valid API key."
_USUAL = {
    302: ("UNKNOWN", "Found"),
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    408: ("DEADLINE_EXCEEDED", "The request timed out."),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit: 104857600 bytes."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    501: ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
    502: ("UNAVAILABLE", "Bad gateway."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "TYPE_STRING",
    "boolean": "TYPE_BOOL",
    "integer": "TYPE_INT32",
    "number": "TYPE_FLOAT",
}


class InvalidError(Exception):
    """A request that the service refuses as INVALID_ARGUMENT.

    Attributes:
        field: Path of the field at fault, in snake_case as the service writes it; may be empty.
    """

    def __init__(self, message: str, field: str = "") -> None:
        """Keep the sentence and the path."""
        super().__init__(message)
        self.field = field


def error_body(
    code: int, message: str | None = None, status: str | None = None, details: Any = ()
) -> dict[str, Any]:
    """The envelope; message and status have usual values by code."""
    usual_status, usual_message = _USUAL.get(code, ("UNKNOWN", f"Error {code}."))
    facts: dict[str, Any] = {"code": code, "message": message or usual_message}
    facts["status"] = status or usual_status
    return {"error": facts | ({"details": list(details)} if details else {})}


def error(code: int, message: str | None = None, details: Any = ()) -> HttpResponse:
    """An error in the envelope."""
    return json_response(error_body(code, message, None, details), code)


def invalid(problem: InvalidError) -> HttpResponse:
    """400 that names the field at fault."""
    violation = {"field": problem.field, "description": str(problem)}
    detail = {"@type": f"{_RPC}BadRequest", "fieldViolations": [violation]}
    return error(400, str(problem), [detail] if problem.field else ())


def word_error(word: str, message: str, code: int = 400) -> HttpResponse:
    """An error of the Interactions API: its code is a word."""
    return json_response({"error": {"code": word, "message": message}}, code)


def bad_key() -> HttpResponse:
    """A wrong key: 400, not 401."""
    info = {
        "@type": f"{_RPC}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
    message = {"@type": f"{_RPC}LocalizedMessage", "locale": "en-US", "message": _BAD_KEY}
    return error(400, _BAD_KEY, [info, message])


def missing_key() -> HttpResponse:
    """No key at all: 403."""
    return error(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API.",
    )


def misfit(problem: SchemaError, *, supported: bool = False) -> InvalidError:
    """What the service says of a body that does not fit the schema.

    Args:
        problem: What does not fit, and where.
        supported: Whether a word that is not known is answered with those that are, as the
            Interactions API does.
    """
    path, value, schema = problem.path, problem.value, problem.schema
    place = f" at '{path}'" if path else ""
    match problem.rule:
        case "unknown":
            start = "Invalid JSON payload received. Unknown name"
            message = f'{start} "{value}"{place}: Cannot find field.'
        case "twice":
            message = f'Invalid JSON payload received. "{value}" is given twice.'
        case "contentEncoding":
            sample = f'Base64 decoding failed for "{value[:40]}"'
            message = f"Invalid value{place} (TYPE_BYTES), {sample}"
        case "minimum" | "maximum":
            span = f"must be in the range [{schema['minimum']}, {schema['maximum']}]."
            message = f"* GenerateContentRequest.{path}: {path.rpartition('.')[2]} {span}"
        case "maxItems":
            most = f"at most {schema['maxItems']} values are allowed."
            message = f"* GenerateContentRequest.{path}: {most}"
        case "enum" | "discriminator" if supported:
            words = schema.get("enum") or schema["discriminator"]["mapping"]
            choice = ", ".join(f"'{word}'" for word in words)
            start = f"The value '{value}' is not supported for '{path}'."
            message = f"{start} Supported values: {choice}."
        case rule:
            expected = _TYPE + schema["title"] if rule == "enum" else _TYPES[schema["type"]]
            shown = f'"{value}"' if isinstance(value, str) else repr(value)
            message = f"Invalid value{place} ({expected}), {shown[:60]}"
            if not path:
                message = "Invalid JSON payload received. Expected an object."
    return InvalidError(message, path)


def status_fault(fault: Status, model: str) -> HttpResponse:
    """What *fault* orders."""
    message = fault.message
    if message is None and fault.code == 429 and fault.quota == 0:
        message = _no_quota(fault, model)
    elif message is None and fault.retry_delay:
        usual = error_body(fault.code)["error"]["message"]
        message = f"{usual} Please retry in {fault.retry_delay}."
    body = error_body(fault.code, message, fault.status, _details(fault, model))
    if fault.word:
        body = {"error": {"code": fault.word, "message": body["error"]["message"]}}
    return json_response([body] if fault.array_envelope else body, fault.code)


def _no_quota(fault: Status, model: str) -> str:
    """The telling words stand at the end, behind lines that are always the same."""
    retry = f"\nPlease retry in {fault.retry_delay}." if fault.retry_delay else ""
    return (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. "
        "To monitor your current usage, head to: https://ai.dev/rate-limit. \n* Quota exceeded "
        f"for metric: {_METRIC}, limit: 0, model: {model}{retry}"
    )


def _details(fault: Status, model: str) -> list[dict[str, Any]]:
    quota = {
        "quotaMetric": _METRIC,
        "quotaId": f"GenerateRequestsPer{'Day' if fault.per_day else 'Minute'}"
        "PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
    }
    # The service leaves a zero out.
    if fault.quota:
        quota["quotaValue"] = str(fault.quota)
    link = {"description": "Learn more about quotas", "url": "https://example.invalid/quotas"}
    details: list[dict[str, Any]] = []
    if fault.code == 429:
        details.append({"@type": f"{_RPC}QuotaFailure", "violations": [quota]})
        details.append({"@type": f"{_RPC}Help", "links": [link]})
    if fault.retry_delay:
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": fault.retry_delay})
    return details

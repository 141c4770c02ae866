"""What a service made with FastAPI says of a request that does not fit, as pydantic words it."""

import re
from collections.abc import Mapping
from typing import Any

from mediatoolkit.simulator.schema import SchemaError

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_TYPES = {
    "string": ("string_type", "string"),
    "integer": ("int_type", "integer"),
    "number": ("float_type", "number"),
    "boolean": ("bool_type", "boolean"),
    "array": ("list_type", "list"),
    "object": ("dict_type", "dictionary"),
}


def problem(error: SchemaError, value: Any, place: str = "body") -> dict[str, Any]:
    """One entry of the list `detail`: type, loc, msg, input, and mostly ctx.

    Args:
        error: What does not fit.
        value: The whole body, or query.
        place: `"body"` or `"query"`.
    """
    kind, message, facts = _words(error)
    loc = [place, *_steps(error.path)]
    given = error.value
    if error.rule == "unknown":
        loc.append(error.value)
        given = _found(value, loc[1:])
    elif error.rule == "required":
        given = _found(value, loc[1:-1])
    entry = {"type": kind, "loc": loc, "msg": message, "input": given}
    return entry | ({"ctx": facts} if facts else {})


def _words(error: SchemaError) -> tuple[str, str, dict[str, Any]]:
    """Type, sentence and facts."""
    bound, schema = error.schema.get(error.rule), error.schema
    words: tuple[str, str, dict[str, Any]]
    match error.rule:
        case "required":
            words = "missing", "Field required", {}
        case "unknown":
            words = "extra_forbidden", "Extra inputs are not permitted", {}
        case "enum":
            choice = _choice(schema["enum"])
            words = "literal_error", f"Input should be {choice}", {"expected": choice}
        case "minimum":
            relation = f"Input should be greater than or equal to {bound}"
            words = "greater_than_equal", relation, {"ge": bound}
        case "maximum":
            relation = f"Input should be less than or equal to {bound}"
            words = "less_than_equal", relation, {"le": bound}
        case "minLength":
            least = "String should have at least 1 character"
            words = "string_too_short", least, {"min_length": 1}
        case "maxLength":
            most = f"String should have at most {bound} characters"
            words = "string_too_long", most, {"max_length": bound}
        case "maxItems":
            facts = {"max_length": bound, "actual_length": len(error.value)}
            most = f"List should have at most {bound} items after validation"
            words = "too_long", f"{most}, not {len(error.value)}", facts
        case "type":
            kind, name = _TYPES[schema["type"]]
            words = kind, f"Input should be a valid {name}", {}
        case _:
            words = "value_error", f"Value error, {bound}", {"error": {}}
    return words


def _choice(values: list[Any]) -> str:
    *names, last = (repr(value) for value in values)
    return f"{', '.join(names)} or {last}" if names else last


def _steps(path: str) -> list[Any]:
    """`inputs[0].text` as names and numbers."""
    return [int(step[2]) if step[2] else step[1] for step in _STEP.finditer(path)]


def _found(value: Any, steps: list[Any]) -> Any:
    """What stands in *value* at the end of *steps*."""
    for step in steps:
        is_there = isinstance(value, Mapping) and step in value
        is_there |= isinstance(value, list) and isinstance(step, int) and step < len(value)
        value = value[step] if is_there else None
    return value

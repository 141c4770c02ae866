"""Variables in a prompt: `{fox}`, `{scene.title}` and `{foxes[0]}` stand for their values.

Only names, attributes and items are looked up; nothing is evaluated. Braces around anything else,
such as JSON, stay as they are, and `{{fox}}` is `{fox}`.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from string import Formatter
from typing import Any

from mediatoolkit.errors import PromptError

_NAME = r"[^\W\d]\w*"
_PATH = rf"{_NAME}(?:\.{_NAME}|\[[^\[\]{{}}]+\])*"
_PIECE = re.compile(
    r"(?P<open>\{\{)|(?P<close>\}\})"
    rf"|\{{(?P<path>{_PATH})(?:!(?P<shown>[rsa]))?(?::(?P<form>[^\s{{}}]*))?\}}"
)
_formatter = Formatter()


def filled(text: str, values: Mapping[str, Any]) -> str:
    """*text* with its variables in place.

    Raises:
        PromptError: There is no such variable, or it cannot be written as asked.
    """
    opened = 0

    def put(piece: re.Match[str]) -> str:
        nonlocal opened
        if piece["open"]:
            opened += 1
            return "{"
        if piece["close"]:
            if not opened:  # ends nested braces, as in JSON
                return piece[0]
            opened -= 1
            return "}"
        braces = f" To keep the braces, write {{{piece[0]}}}."
        return _written(piece, value_of(piece["path"], values, or_else=braces))

    return _PIECE.sub(put, text)


def is_path(text: str) -> bool:
    """Whether *text* is spelled as a variable, with or without attributes and items."""
    return re.fullmatch(_PATH, text) is not None


def variables_of(shell: Any) -> dict[str, Any]:
    """What the user of *shell*, which is IPython's, has named; not what IPython brings along."""
    hidden = shell.user_ns_hidden
    return {
        name: value
        for name, value in shell.user_ns.items()
        if not name.startswith("_") and (name not in hidden or hidden[name] is not value)
    }


def value_of(path: str, values: Mapping[str, Any], *, or_else: str = "") -> Any:
    """What a variable, its attribute or its item holds; *or_else* ends the message.

    Raises:
        PromptError: There is none; names those that are near.
    """
    match = re.match(_NAME, path)
    name = match[0] if match else path
    if name not in values:
        near = " or ".join(get_close_matches(name, values, n=2))
        hint = f"did you mean {near}?" if near else "assign it in an earlier cell."
        raise PromptError(f"There is no variable {name}; {hint}{or_else}")
    try:
        return _formatter.get_field(path, (), values)[0]
    except (AttributeError, LookupError, TypeError) as error:
        failure = PromptError(f"{{{path}}} cannot be looked up: {type(error).__name__}: {error}.")
    raise failure


def _written(piece: re.Match[str], value: object) -> str:
    try:
        shown = _formatter.convert_field(value, piece["shown"]) if piece["shown"] else value
        return format(shown, piece["form"] or "")
    except (TypeError, ValueError) as error:
        failure = PromptError(f"{piece[0]} cannot be written so: {error}.")
    raise failure

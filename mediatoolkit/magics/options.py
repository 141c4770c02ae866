"""What a cell magic takes on its first line, and the variables in its text.

`{fox}`, `{scene.title}` and `{foxes[0]}` stand for their values. Only names, attributes and items
are looked up; nothing is evaluated. Braces around anything else, such as JSON, stay as they are,
and `{{fox}}` is `{fox}`.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import Path
from string import Formatter
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments

from mediatoolkit.checks import meaning
from mediatoolkit.errors import PromptError

Values = Mapping[str, Any]
Function = Callable[..., Any]

_NAME = r"[^\W\d]\w*"
_PATH = rf"{_NAME}(?:\.{_NAME}|\[[^\[\]{{}}]+\])*"
_PIECE = re.compile(
    r"(?P<open>\{\{)|(?P<close>\}\})"
    rf"|\{{(?P<path>{_PATH})(?:!(?P<conversion>[rsa]))?(?::(?P<form>[^\s{{}}]*))?\}}"
)
_formatter = Formatter()


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a cell magic.

    Attributes:
        name: Without dashes; `model` has none and stands first.
        help: One line.
        type: What is made of its text; None takes no text, and the option is True.
        names_media: It takes a variable that holds media or a job, or a file.
        several: It takes more than one value.
        words: What it takes, and what each word means; None takes any text.
        alone: The word that it stands for without one; None needs a word.
    """

    name: str
    help: str
    type: Callable[[str], Any] | None = str
    names_media: bool = False
    several: bool = False
    words: Mapping[str, Any] | None = field(default=None, hash=False)
    alone: str | None = None

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return self.name if self.name == "model" else f"--{self.name}"

    def add_to(self, function: Function) -> Function:
        """Have *function* take it."""
        decorated: Function = argument(self.flag, help=self.help, **self._facts())(function)
        return decorated

    def _facts(self) -> dict[str, Any]:
        """What argparse knows of its value."""
        if self.type is None:
            return {"action": "store_true", "default": None}
        facts: dict[str, Any] = {"type": self.type}
        if self.words:
            facts["metavar"] = f"{{{','.join(self.words)}}}"
        if self.several:
            return facts | {"nargs": "+"}
        if self.name == "model" or self.alone:
            return facts | {"nargs": "?", "const": self.alone}
        return facts

    def read(self, typed: Any, values: Values) -> Any:
        """Return what the verb gets for what was typed."""
        if self.words:
            return meaning(typed, self.words, self.flag)
        if not self.names_media:
            return typed
        if self.several:
            return [_media(self.flag, text, values) for text in typed]
        return _media(self.flag, typed, values)


def with_options(function: Function, name: str, options: tuple[Option, ...]) -> Function:
    """*function* with a parser of *options* and help that lists them."""
    for option in reversed(options):
        function = option.add_to(function)
    parsing: Function = magic_arguments(f"%{name}")(function)
    return parsing


def parsed(magic: Any, line: str, options: tuple[Option, ...], values: Values) -> dict[str, Any]:
    """The options that *line* sets, by name; `{variables}` in them have their values.

    Raises:
        PromptError: The magic takes no such option, or no such value for it.
    """
    name = f"%{magic.parser.prog}"
    words = [filled(word, values) for word in _words(line)]
    try:
        arguments, unknown = magic.parser.parse_known_args(words)
    except UsageError as error:
        raise PromptError(f"{name}: {error}; {name}? shows what it takes.") from error
    if unknown:
        near = get_close_matches(unknown[0], [option.flag for option in options], n=1)
        hint = f"did you mean {near[0]}?" if near else f"{name}? shows what it takes."
        if near == ["model"]:
            hint = f"the model stands alone: {name} {arguments.model or 'vendor/model'}"
        raise PromptError(f"{name} takes no {unknown[0]}; {hint}")
    texts = [(option, getattr(arguments, option.name)) for option in options]
    return {option.name: option.read(text, values) for option, text in texts if text is not None}


def checked_name(name: str) -> str:
    """Return *name*, which a variable can have.

    Raises:
        PromptError: A variable cannot have it.
    """
    if name.isidentifier() and not iskeyword(name):
        return name
    raise PromptError(f"--out takes the name of a variable, such as fox, not {name!r}.")


def _words(line: str) -> list[str]:
    """Split *line* as a shell does, except that a backslash is a part of a path."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        raise PromptError(f"The options cannot be read: {error}.") from error


def _media(flag: str, text: str, values: Values) -> object:
    if is_path(text) and not Path(text).exists():
        return value_of(text, values)
    if text in values:
        return values[text]
    if Path(text).exists():
        return Path(text)
    raise PromptError(f"{flag} takes a variable or a file, and {text!r} is neither.")


def filled(text: str, values: Mapping[str, Any]) -> str:
    """*text* with its variables in place.

    Raises:
        PromptError: There is no such variable, or its value cannot be formatted in that way.
    """
    opened = 0

    def replacement(piece: re.Match[str]) -> str:
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
        return _formatted(piece, value_of(piece["path"], values, or_else=braces))

    return _PIECE.sub(replacement, text)


def is_path(text: str) -> bool:
    """Whether *text* is spelled as a variable, with or without attributes and items."""
    return re.fullmatch(_PATH, text) is not None


def variables_of(shell: Any) -> dict[str, Any]:
    """The variables of the user of IPython's *shell*, without those that IPython brings along."""
    hidden = shell.user_ns_hidden
    return {
        name: value
        for name, value in shell.user_ns.items()
        if not name.startswith("_") and (name not in hidden or hidden[name] is not value)
    }


def value_of(path: str, values: Mapping[str, Any], *, or_else: str = "") -> Any:
    """Return the value of a variable, its attribute or its item; *or_else* ends the message.

    Raises:
        PromptError: There is no such value; the message names similar variables.
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
        raise PromptError(
            f"{{{path}}} cannot be looked up: {type(error).__name__}: {error}."
        ) from error


def _formatted(piece: re.Match[str], value: object) -> str:
    try:
        converted = (
            _formatter.convert_field(value, piece["conversion"]) if piece["conversion"] else value
        )
        return format(converted, piece["form"] or "")
    except (TypeError, ValueError) as error:
        raise PromptError(f"{piece[0]} cannot be written so: {error}.") from error

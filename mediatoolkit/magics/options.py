"""What a cell magic takes on its first line."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from keyword import iskeyword
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments

from mediatoolkit.errors import PromptError
from mediatoolkit.magics.variables import filled, is_path, value_of

Values = Mapping[str, Any]
Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: Without dashes; `model` has none and stands first.
        help: One line.
        type: What is made of its text.
        names_media: It takes a variable that holds media or a job, or a file.
        several: It takes more than one.
    """

    name: str
    help: str
    type: Callable[[str], Any] = str
    names_media: bool = False
    several: bool = False

    @property
    def flag(self) -> str:
        """As it is typed."""
        return self.name if self.name == "model" else f"--{self.name}"

    def add_to(self, function: Function) -> Function:
        """Have *function* take it."""
        facts: dict[str, Any] = {"help": self.help, "type": self.type}
        if self.several or self.name == "model":
            facts["nargs"] = "+" if self.several else "?"
        added: Function = argument(self.flag, **facts)(function)
        return added

    def read(self, given: Any, values: Values) -> Any:
        """What the verb gets for what was typed."""
        if not self.names_media:
            return given
        if self.several:
            return [_media(self.flag, one, values) for one in given]
        return _media(self.flag, given, values)


def with_options(function: Function, name: str, options: tuple[Option, ...]) -> Function:
    """*function* with a parser of *options* and help that lists them."""
    for option in reversed(options):
        function = option.add_to(function)
    parsing: Function = magic_arguments(f"%{name}")(function)
    return parsing


def parsed(magic: Any, line: str, options: tuple[Option, ...], values: Values) -> dict[str, Any]:
    """The options that *line* sets, by name; `{variables}` in them have their values.

    Raises:
        PromptError: It takes no such option, or not with such a value.
    """
    name = f"%{magic.parser.prog}"
    words = [filled(word, values) for word in _words(line)]
    try:
        found, unknown = magic.parser.parse_known_args(words)
    except UsageError as error:
        failure = PromptError(f"{name}: {error}; {name}? shows what it takes.")
    else:
        if not unknown:
            given = {option: getattr(found, option.name) for option in options}
            return {o.name: o.read(text, values) for o, text in given.items() if text is not None}
        near = get_close_matches(unknown[0], [option.flag for option in options], n=1)
        hint = f"did you mean {near[0]}?" if near else f"{name}? shows what it takes."
        failure = PromptError(f"{name} takes no {unknown[0]}; {hint}")
    raise failure


def checked_name(name: str) -> str:
    """A name that a variable can have.

    Raises:
        PromptError: It cannot be one.
    """
    if name.isidentifier() and not iskeyword(name):
        return name
    raise PromptError(f"--out takes the name of a variable, such as fox, not {name!r}.")


def _words(line: str) -> list[str]:
    """As a shell splits them, but a backslash belongs to a path."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        failure = PromptError(f"The options cannot be read: {error}.")
    raise failure


def _media(flag: str, text: str, values: Values) -> object:
    if is_path(text) and not Path(text).exists():
        return value_of(text, values)
    if text in values:
        return values[text]
    if Path(text).exists():
        return Path(text)
    raise PromptError(f"{flag} takes a variable or a file, and {text!r} is neither.")

"""Rows of a run: every combination of some lists, with a prompt filled in."""

import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from itertools import islice, product
from math import prod
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Media
from mediatoolkit.prompts import checked_text, is_single
from mediatoolkit.runtime.job import Job

MOST = 1_000_000
"""Rows of one grid."""

_PLAIN = frozenset({bool, int, float, str})
_NO_WORDS = (type(None), bytes, bytearray, memoryview, Media, Job, Mapping, AbstractSet)


class Template:
    """A prompt with names in braces, such as `"a {animal} in {season}"`; `{{` stands for a brace.

    Names are plain: nothing is looked up within a value, and nothing is formatted.

    Attributes:
        names: Those in the braces, in their order, each once.

    Raises:
        PromptError: It is no text, or there is something else than a name in its braces.
    """

    def __init__(self, text: str) -> None:
        """Take *text* apart."""
        self._parts: list[tuple[str, str | None]] = []
        try:
            parts = list(string.Formatter().parse(checked_text(text)))
        except PromptError:
            raise
        except ValueError as error:
            raise PromptError(
                f"The template {quoted(text)} has a brace without its other half; a brace that "
                "belongs to the prompt is written twice: {{ or }}."
            ) from error
        for words, name, spec, conversion in parts:
            if name is not None:
                _check_name(name, spec, conversion)
            self._parts.append((words, name))
        self.names = tuple(dict.fromkeys(name for _, name in self._parts if name is not None))

    def check(self, known: Collection[str], noun: str) -> None:
        """Refuse a name that is not *known*.

        Args:
            known: Names that have values.
            noun: What holds the values of one name, such as `column`.

        Raises:
            PromptError: Says which, and a similar one.
        """
        missing = next((name for name in self.names if name not in known), None)
        if missing is None:
            return
        near = get_close_matches(missing, map(str, known), n=1)
        hint = f"did you mean {{{near[0]}}}?" if near else f"give it, or write {{{{{missing}}}}}."
        raise PromptError(f"The template has {{{missing}}}, and there is no such {noun}; {hint}")

    def fill(self, values: Mapping[str, Any]) -> str:
        """The prompt with *values* in the places of their names.

        Raises:
            PromptError: A value has no words, such as None, a list or a picture.
        """
        return "".join(
            words if name is None else words + _words(name, values[name])
            for words, name in self._parts
        )


def grid(template: str, /, **lists: Any) -> Any:
    """Every combination of some lists, a row each, with the prompt filled in.

        mt.grid("a {animal} in {season}", animal=["fox", "owl"], season=["winter"], seed=range(3))

    Args:
        template: The prompt; each name in braces is the name of a list. A brace that belongs to
            the prompt is written twice.
        lists: What to combine, by column. The last one changes fastest, as in `itertools.product`.
            What is no list counts as a list of one, such as `size="1K"`.

    Returns:
        A pandas DataFrame where pandas is installed, else a list of dicts, for
        `agent.start_many`. The columns are `prompt` and the *lists*, whose values stay as they are.

    Raises:
        PromptError: A name has no list, a list is empty or has no order, or there are more than
            1,000,000 combinations.
    """
    prompt = Template(template)
    if "prompt" in lists:
        raise PromptError("A grid fills in the column prompt; give that list another name.")
    prompt.check(lists, "list")
    columns = {name: _values(name, given, prompt.names) for name, given in lists.items()}
    count = prod(map(len, columns.values()))
    if count > MOST:
        raise PromptError(f"A grid has {MOST:,} rows at most, and this has {count:,}.")
    rows = list(product(*columns.values()))
    prompts = [checked_text(prompt.fill(dict(zip(columns, row, strict=True)))) for row in rows]
    return _table(
        ["prompt", *columns], [(text, *row) for text, row in zip(prompts, rows, strict=True)]
    )


def _check_name(name: str, spec: str | None, conversion: str | None) -> None:
    if spec or conversion:
        raise PromptError(f"{{{name}}} is filled in as it is; leave out what follows the name.")
    if not name or name.isdecimal():
        raise PromptError("Braces in a template hold the name of a list, such as {animal}.")
    if any(mark in name for mark in ".[]"):
        raise PromptError(
            f"Braces hold a plain name, not {quoted(name)}; nothing is looked up in a value."
        )


def _values(name: str, given: Any, in_template: Sequence[str]) -> Sequence[Any]:
    """The values of one list, at most one more than a grid may have rows."""
    if isinstance(given, str) and name in in_template:
        raise PromptError(f"{name} takes a list: {name}=[{quoted(given)}].")
    if isinstance(given, (AbstractSet, Mapping)):
        kind = type(given).__name__
        raise PromptError(f"{name} takes a list, whose order is kept, not a {kind}.")
    if not isinstance(given, Iterable) or _is_one(given):
        return [given]
    # Some of them never end.
    values = list(islice(given, MOST + 1))
    if not values:
        raise PromptError(f"The list {name} is empty, so there is no combination.")
    return values


def _is_one(given: Any) -> bool:
    """Whether it is a single value although it can be iterated over; a row of numbers is a list."""
    return is_single(given) and getattr(given, "ndim", 0) != 1


def _words(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (Iterable, *_NO_WORDS)) or _is_missing(value):
        raise PromptError(f"{{{name}}} is filled in with text or numbers, not {quoted(value)}.")
    return str(value)


def _is_missing(value: Any) -> bool:
    """Whether it is NaN or its like, which are not equal to themselves; pandas' NA has no truth."""
    try:
        return bool(value != value)  # noqa: PLR0124
    except (TypeError, ValueError):
        return True


def _table(head: list[str], rows: list[tuple[Any, ...]]) -> Any:
    try:
        import pandas as pd
    except ImportError:
        return [dict(zip(head, row, strict=True)) for row in rows]
    columns = dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))
    return pd.DataFrame(
        {name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    )


def _dtype(values: list[Any]) -> Any:
    """None, where pandas finds a type that holds them as they are; else that of any object."""
    kinds = {*map(type, values)}
    return None if len(kinds) == 1 and kinds <= _PLAIN else object

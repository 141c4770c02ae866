"""What may stand at the cursor in the first line of a magic, and in the braces of a prompt."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from mediatoolkit.magics.asking import WORDS
from mediatoolkit.magics.cells import MAGICS, CellMagic
from mediatoolkit.magics.options import Option
from mediatoolkit.magics.variables import variables_of
from mediatoolkit.media import Media
from mediatoolkit.providers.registry import models
from mediatoolkit.runtime.job import Job

_BEGUN = re.compile(r"\{(\w*)$")


def matcher_for(shell: Any) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """What *shell*, which is IPython's, asks at every completion; silent outside our magics."""

    def mediatoolkit(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        name = context.full_text.split(None, 1)[0] if context.full_text.strip() else ""
        begun = re.split(r"\s", line)[-1]
        words = line[: len(line) - len(begun)].split()
        if name == "%media" and len(words) == 1:
            return _found(begun, WORDS)
        magic = next((magic for magic in MAGICS if name == f"%%{magic.name}"), None)
        if magic is None:
            return _found("", ())
        variables = variables_of(shell)
        if context.cursor_line > 0:
            brace = _BEGUN.search(line)
            return _found(brace[1], variables) if brace else _found("", ())
        return _found(begun, _candidates(magic, words[1:], variables) if words else ())

    matching: Callable[[CompletionContext], SimpleMatcherResult] = context_matcher()(mediatoolkit)
    return matching


def _found(begun: str, candidates: Iterable[str]) -> SimpleMatcherResult:
    fitting = [SimpleCompletion(one) for one in candidates if one.startswith(begun)]
    return {"completions": fitting, "matched_fragment": begun, "suppress": bool(fitting)}


def _candidates(magic: CellMagic, before: list[str], variables: dict[str, Any]) -> list[str]:
    named = next((option for option in magic.options if option.flag in before[-1:]), None)
    if named is not None and named.flag.startswith("--"):
        return _values_of(named, magic, before, variables)
    flags = [option.flag for option in magic.options if option.flag.startswith("--")]
    left = [flag for flag in flags if flag not in before]
    return left if before else [*(model.model_id for model in models(magic.kind)), *left]


def _values_of(
    option: Option, magic: CellMagic, before: list[str], variables: dict[str, Any]
) -> list[str]:
    if option.names_media or option.name == "out":
        return [name for name, value in variables.items() if isinstance(value, (Job, Media))]
    known = models(magic.kind)
    asked = [model for model in known if model.model_id == before[0]] or known
    choices = (choice for model in asked for choice in model.choices.get(option.name, ()))
    return list(dict.fromkeys(choices))

"""Completion of what the magics take: models, options, their values and variables."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from mediatoolkit.magics.cells import MAGICS, CellMagic
from mediatoolkit.magics.media_line import SUBJECTS
from mediatoolkit.magics.options import Option, variables_of
from mediatoolkit.media import Media
from mediatoolkit.providers.registry import models
from mediatoolkit.runtime.job import Job

__all__ = ["matcher_for"]

_OPEN_BRACE = re.compile(r"\{(\w*)$")


def matcher_for(shell: Any) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython's *shell* calls at every completion; silent outside our magics."""

    def mediatoolkit(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        name = context.full_text.split(None, 1)[0] if context.full_text.strip() else ""
        typed = re.split(r"\s", line)[-1]
        words = line[: len(line) - len(typed)].split()
        if name == "%media" and words:
            return _completions(typed, _words_of_media(words[1:]))
        magic = next((magic for magic in MAGICS if name == f"%%{magic.name}"), None)
        if magic is None:
            return _completions("", ())
        variables = variables_of(shell)
        if context.cursor_line > 0:
            brace = _OPEN_BRACE.search(line)
            return _completions(brace[1], variables) if brace else _completions("", ())
        return _completions(typed, _candidates(magic, words[1:], variables) if words else ())

    matching: Callable[[CompletionContext], SimpleMatcherResult] = context_matcher()(mediatoolkit)
    return matching


def _completions(typed: str, candidates: Iterable[str]) -> SimpleMatcherResult:
    completions = [SimpleCompletion(word) for word in candidates if word.startswith(typed)]
    return {"completions": completions, "matched_fragment": typed, "suppress": bool(completions)}


def _words_of_media(before: list[str]) -> Iterable[str]:
    match before:
        case []:
            return SUBJECTS
        case [subject] if subject in SUBJECTS:
            return SUBJECTS[subject].words
    return ()


def _candidates(magic: CellMagic, before: list[str], variables: dict[str, Any]) -> list[str]:
    flags = [option.flag for option in magic.options if option.flag.startswith("--")]
    unused = [flag for flag in flags if flag not in before]
    option = next((option for option in magic.options if option.flag in before[-1:]), None)
    if option is not None and option.flag in flags and option.type:
        values = _values_of(option, magic, before, variables)
        return [*values, *unused] if option.alone else values
    return unused if before else [*(model.model_id for model in models(magic.kind)), *unused]


def _values_of(
    option: Option, magic: CellMagic, before: list[str], variables: dict[str, Any]
) -> list[str]:
    if option.words:
        return list(option.words)
    if option.names_media or option.name == "out":
        return [name for name, value in variables.items() if isinstance(value, (Job, Media))]
    known_models = models(magic.kind)
    chosen = [model for model in known_models if model.model_id == before[0]] or known_models
    choices = (choice for model in chosen for choice in model.choices.get(option.name, ()))
    return list(dict.fromkeys(choices))

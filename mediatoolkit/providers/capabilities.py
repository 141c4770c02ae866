"""What one model takes, as a value.

A limit is written here once. `check` refuses by it, and the studio's form, the magics' help, the
list of models and the documentation read it.
"""

import abc
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.habits import keyword_hint
from mediatoolkit.prompts import ImagePrompt, Prompt, checked_text
from mediatoolkit.prompts.values import MAX_TEXT

COMMON_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""The shapes that picture models have in common, so that a prompt can move between vendors."""

ANY_PIXELS = (99_999, 99_999)
"""As `Size.largest` where a vendor serves models of many kinds, and only they know a limit."""

NEAR = timedelta(days=60)
"""A model that ends within this time is warned about."""

_MOST_CHOICES = 32
_IN_QUOTES = '"{}"'.format


class Rule(abc.ABC):
    """What one keyword takes."""

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, where they are few enough for a list."""
        return ()

    @abc.abstractmethod
    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse a value.

        Args:
            name: The keyword.
            value: What was given; never None.
            owner: Who refuses, for the message.

        Raises:
            PromptError: Says what the keyword takes.
        """


class Taken(Rule):
    """Whatever the prompt itself lets pass."""

    def check(self, _name: str, _value: Any, _owner: str, /) -> None:
        """Take it."""


@dataclass(frozen=True, slots=True)
class OneOf(Rule):
    """One of a few words.

    Attributes:
        values: The words.
        others: Whether further words, which are not known here, are passed on.
    """

    values: tuple[str, ...]
    others: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The words."""
        return self.values

    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse another word."""
        if not isinstance(value, str) or not (self.others or value in self.values):
            has = (" or " if len(self.values) == 2 else ", ").join(self.values)
            raise PromptError(f"{owner} has no {name} {quoted(value)}; it has {has}.")


@dataclass(frozen=True, slots=True)
class Number(Rule):
    """A number from `low` to `high`.

    Attributes:
        whole: Whether it has no fraction.
        unit: What is counted, such as `"seconds"`.
    """

    low: float
    high: float
    whole: bool = False
    unit: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        """All numbers, if they are whole and few."""
        few = self.whole and self.high - self.low < _MOST_CHOICES
        return tuple(map(str, range(int(self.low), int(self.high) + 1))) if few else ()

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse what is no such number."""
        fits = is_number(value) and self.low <= value <= self.high
        if not fits or (self.whole and value % 1):
            size = f"{self.low:,} to {self.high:,}"
            whole = "whole " if self.whole else ""
            kind = f"{size} {whole}{self.unit}" if self.unit else f"a {whole}number from {size}"
            raise PromptError(f"{name}={_written(value)} is not {kind}.")


@dataclass(frozen=True, slots=True)
class Flag(Rule):
    """True or False."""

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse anything else."""
        if not isinstance(value, bool):
            raise PromptError(
                f"{name} takes bool, True or False, not {type(value).__name__}: {quoted(value)}."
            )


@dataclass(frozen=True, slots=True)
class Text(Rule):
    """Text that can be sent as it is."""

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse what is no text, is empty, or has control characters."""
        if not isinstance(value, str):
            raise PromptError(f"{name} takes str, text, not {type(value).__name__}.")
        checked_text(value)


@dataclass(frozen=True, slots=True)
class Pictures(Rule):
    """Several pictures to start from.

    Attributes:
        most: How many.
        largest: Bytes of each.
    """

    most: int
    largest: int

    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse more, and larger ones."""
        if len(value) > self.most:
            raise PromptError(f"{owner} takes at most {self.most} {name}, not {len(value)}.")
        if any(len(picture.data) > self.largest for picture in value):
            raise PromptError(
                f"{owner} takes {name} of up to {self.largest / 1e6:g} MB; give smaller pictures."
            )


@dataclass(frozen=True, slots=True)
class Size(Rule):
    """The size of a picture: a tier, or pixels.

    Attributes:
        tiers: Such as `"1K"`.
        smallest: Width and height; None where the model takes no pixels.
        largest: Longer and shorter side, in either orientation.
        step: What both sides are a multiple of.
        ratio: Longest shape, the longer side to the shorter one.
        others: Whether further tiers, which are not known here, are passed on.
    """

    tiers: tuple[str, ...]
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] = (0, 0)
    step: int = 1
    ratio: float = math.inf
    others: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The tiers."""
        return self.tiers

    def check(self, name: str, value: Any, owner: str, /) -> None:
        """Refuse another tier, and pixels that do not fit."""
        if "x" not in value:
            if not self.others and value not in self.tiers:
                raise PromptError(f"{owner} has no {name} {value!r}; it has {self._known()}.")
        elif self.smallest is None:
            raise PromptError(
                f"{owner} takes no pixels such as {name}={value!r}; give a tier and a shape, as in "
                'size="1K", aspect="4:3".'
            )
        else:
            width, height = map(int, value.split("x"))
            self._check_pixels(width, height, self.smallest, owner)

    def pixels_of(self, prompt: ImagePrompt, sides: Mapping[str, int]) -> tuple[int, int] | None:
        """Width and height of what *prompt* asks for, or None when it asks for no size or shape.

        Args:
            prompt: What to draw; a tier is drawn in its shape with the area of its square.
            sides: Pixels of the square of each tier; `"1K"` is among them.
        """
        if prompt.pixels or not (prompt.tier or prompt.aspect):
            return prompt.pixels
        wide, high = map(int, (prompt.aspect or "1:1").split(":"))
        side = sides[prompt.tier or "1K"] / self.step
        ratio = math.sqrt(wide / high)
        return round(side * ratio) * self.step, round(side / ratio) * self.step

    def _known(self) -> str:
        if self.smallest is None:
            return ", ".join(self.tiers)
        tiers = "".join(f"{_IN_QUOTES(tier)}, " for tier in self.tiers)
        return f"{tiers and f'{tiers}or '}pixels up to {_shape(self.largest)}"

    def _check_pixels(self, width: int, height: int, smallest: tuple[int, int], owner: str) -> None:
        longer, shorter = max(width, height), min(width, height)
        longest, widest = self.largest
        problem, advice = "", ""
        if shorter < min(smallest) or longer > longest or shorter > widest:
            problem = f"from {_shape(smallest)} to {_shape(self.largest)} pixels"
            advice = self._advice(width, height, smallest)
        elif width % self.step or height % self.step:
            problem = f"sides that are multiples of {self.step} pixels"
        elif longer > self.ratio * shorter:
            problem = f"shapes up to {self.ratio:g}:1"
        if problem:
            raise PromptError(f"{owner} draws {problem}, not {width}×{height}{advice}.")

    def _advice(self, width: int, height: int, smallest: tuple[int, int]) -> str:
        """The largest sides of the same shape, where the model draws that shape."""
        longer, shorter = max(width, height), min(width, height)
        shrink = min(self.largest[0] / longer, self.largest[1] / shorter)
        wide, high = (int(side * shrink) // self.step * self.step for side in (width, height))
        fits = shrink < 1 and min(wide, high) >= min(smallest) and longer <= self.ratio * shorter
        return f"; give {wide}×{high} for this shape" if fits else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one model takes: a rule for each keyword; a keyword without a rule is refused.

    Attributes:
        size: Of a picture; the other rules for a prompt's own keywords are called as these are.
        options: Rules for keywords beyond the prompt's own.
        advice: What to do instead of a keyword that is not taken, by its name.
        together: Checks of a whole prompt, for what no single keyword says; each raises
            `PromptError`.
        longest: Characters of the text.
        streams: Whether something can be seen or heard before all is made.
        keywords: The rules by keyword, the vendor's own options last.
    """

    size: Rule | None = None
    aspect: Rule | None = None
    seed: Rule | None = None
    references: Rule | None = None
    mask: Rule | None = None
    previous: Rule | None = None
    voice: Rule | None = None
    style: Rule | None = None
    speed: Rule | None = None
    language: Rule | None = None
    speakers: Rule | None = None
    image: Rule | None = None
    last: Rule | None = None
    seconds: Rule | None = None
    resolution: Rule | None = None
    options: Mapping[str, Rule] = field(default_factory=dict)
    advice: Mapping[str, str] = field(default_factory=dict)
    together: tuple[Callable[[Any], None], ...] = ()
    longest: int = MAX_TEXT
    streams: bool = False
    keywords: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Collect the rules once; every prompt is checked by them."""
        rules = {name: getattr(self, name) for name in _OWN}
        own = {name: rule for name, rule in rules.items() if rule}
        object.__setattr__(self, "keywords", own | dict(self.options))

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """Keywords of the prompt itself that take one of a few values."""
        rules = self.keywords.items()
        return {
            name: rule.choices for name, rule in rules if rule.choices and name not in self.options
        }

    @property
    def takes(self) -> frozenset[str]:
        """All other keywords that the model takes."""
        return frozenset(self.keywords.keys() - self.choices.keys())


_OWN = tuple(each.name for each in fields(Capabilities) if each.default is None)


def check(prompt: Prompt, capabilities: Capabilities, owner: str) -> None:
    """Refuse what a model does not take, before anything is sent.

    Args:
        prompt: What to make.
        capabilities: What the model takes.
        owner: The model, for the message.

    Raises:
        PromptError: Says what the model takes.
    """
    if prompt.options:
        check_keywords(prompt.options, type(prompt), capabilities, owner)
    rules = capabilities.keywords
    for name, value in {**_keywords_of(prompt), **prompt.options}.items():
        rule = rules.get(name)
        if rule is None:
            advice = capabilities.advice.get(name) or f"it takes {', '.join(sorted(rules))}."
            raise PromptError(f"{owner} takes no {name}; {advice}")
        if value is not None:
            rule.check(name, value, owner)
    for check_all in capabilities.together:
        check_all(prompt)
    if len(prompt.text) > capabilities.longest:
        raise PromptError(
            f"{owner} takes texts of up to {capabilities.longest:,} characters, not "
            f"{len(prompt.text):,}."
        )


def needs(
    option: str, value: object, /, **others: tuple[str | None, ...]
) -> Callable[[Prompt], None]:
    """A check of what only goes together with certain values of another option.

    Args:
        option: Name of the option.
        value: Which value of it is meant; None means any.
        others: What another option must then be; None stands for left out.
    """

    def check_both(prompt: Prompt) -> None:
        actual = prompt.options.get(option)
        if actual is None or value not in (None, actual):
            return
        for name, values in others.items():
            if prompt.options.get(name) not in values:
                either = " or ".join(f'"{each}"' for each in values if each)
                raise PromptError(f"{option}={quoted(actual)} needs {name}={either}.")

    return check_both


def check_keywords(
    names: Iterable[str],
    prompt_type: type[Prompt],
    capabilities: Capabilities | None,
    owner: str,
) -> None:
    """Refuse keywords beyond the prompt's own that a model does not have.

    Args:
        names: The keywords.
        prompt_type: The kind of prompt they were given with.
        capabilities: What the model takes; None where nobody says.
        owner: The model, for the message.

    Raises:
        PromptError: One is unknown; suggests one that is not.
    """
    options = capabilities.options if capabilities else {}
    for name in names:
        if name not in options:
            own = {each.name for each in fields(prompt_type)} - {"text", "options"}
            known = sorted(
                {*(capabilities.keywords if capabilities else own), "cache", "take", "timeout"}
            )
            advice = capabilities.advice.get(name) if capabilities else None
            raise PromptError(
                f"{owner} has no option {name}=; {advice or keyword_hint(name, known)}"
            )


def _keywords_of(prompt: Prompt) -> dict[str, Any]:
    """The prompt's own keywords that were not left out."""
    keywords = {}
    for each in fields(prompt):
        value = getattr(prompt, each.name)
        usual = {} if each.default is MISSING else each.default
        if each.name not in {"text", "options"} and value is not None and value != usual:
            keywords[each.name] = value
    return keywords


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model, as a person may choose it.

    Attributes:
        model_id: What `model=` takes.
        capabilities: What it takes; empty where nobody says.
        ends: The day on which the vendor stops serving it, or None while none is announced.
        successor: Model id of what the vendor recommends instead, or empty.
        reason: Why it cannot be used now and what to do, in one sentence; empty when it can.
    """

    model_id: str
    capabilities: Capabilities = Capabilities()
    ends: date | None = None
    successor: str = ""
    reason: str = ""

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """As `Capabilities.choices`."""
        return self.capabilities.choices

    @property
    def takes(self) -> frozenset[str]:
        """As `Capabilities.takes`."""
        return self.capabilities.takes

    @property
    def ended(self) -> bool:
        """Whether the vendor has stopped serving it."""
        return self.ends_within(timedelta())

    def ends_within(self, time: timedelta) -> bool:
        """Whether it has ended, or ends within *time* from today."""
        return self.ends is not None and self.ends <= datetime.now(UTC).date() + time

    def warn_of_end(self) -> None:
        """Warn, once in a process, of a model that has ended or ends soon."""
        if self.ends is not None and self.ends_within(NEAR):
            _warn(self.model_id, self.ends, past=self.ended, successor=self.successor)


@cache
def _warn(model_id: str, ends: date, *, past: bool, successor: str) -> None:
    use = f"; use {successor}" if successor else ""
    text = f"{model_id} {'ended' if past else 'ends'} on {ends}{use}."
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("mediatoolkit."):
        level, frame = level + 1, frame.f_back  # to the line of the user who chose the model
    warnings.warn(text, FutureWarning, stacklevel=level)


def _shape(sides: tuple[int, int]) -> str:
    return "{}×{}".format(*sides)


def _written(value: object) -> str:
    """A number with its thousands apart; anything else as it is written in code."""
    plain = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e15
    return f"{value:,}" if plain else quoted(value)

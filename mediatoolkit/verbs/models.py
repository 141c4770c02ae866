"""Every model that there is, as a table."""

from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.prices import prices
from mediatoolkit.pricing.quotes import FREE, Price, quote
from mediatoolkit.providers import registry
from mediatoolkit.providers.capabilities import (
    ANY_PIXELS,
    Capabilities,
    ModelInfo,
    Number,
    Pictures,
    Rule,
    Size,
)
from mediatoolkit.verbs.kinds import AGENTS, Kind, checked_kind
from mediatoolkit.verbs.listing import WIDEST, Table

SPEECH_LENGTH: Final = 1_000
"""Characters of the speech that a table of models has the price of."""

_FEW = 4  # values that are spelled out

_TEXT = ("a text that stands in it, or ", lambda wanted: isinstance(wanted, str))
_FLAG = ("", lambda _wanted: False)
_FILTERS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "references": ("the least number, or ", is_number),
    "ends": ("a day, a text that stands in it, or ", lambda day: isinstance(day, (date, str))),
    "seed": _FLAG,
    "streams": _FLAG,
}


class ModelRow(NamedTuple):
    """One model.

    Attributes:
        vendor: The first half of its model id.
        model: What `model=` takes.
        kind: `"image"`, `"speech"` or `"video"`.
        takes: Keywords that it takes, with their values where they are few.
        sizes: Of a picture or the resolutions of a film, as `size=` or `resolution=` takes them.
        aspects: Of a picture or film, as `aspect=` takes them.
        references: How many pictures it starts from at the most; 0 for none, and None where it
            starts from pictures and no limit is known here.
        voices: Names of its voices, as far as they are known here.
        seed: Whether a seed makes the same again.
        streams: Whether something is seen or heard before all is made.
        price: Of one image, of 1,000 characters of speech, or of one film, with nothing else said.
        ends: The day on which the vendor stops serving it, or None while none is announced.
        successor: Model id of what the vendor recommends instead, or empty.
        key: Where the vendor's key is, such as `"FAL_KEY is in the environment"`; empty without.
        available: `"yes"`, or what is missing and what to do.
    """

    vendor: str
    model: str
    kind: Kind
    takes: str
    sizes: str
    aspects: str
    references: int | None
    voices: str
    seed: bool
    streams: bool
    price: Price
    ends: date | None
    successor: str
    key: str
    available: str


def models(kind: Kind | None = None, **where: object) -> Any:
    """List every model of every installed vendor; nothing is sent.

        mt.models("image", vendor="openrouter", references=2, available=True)

    Args:
        kind: Only those that make `"image"`, `"speech"` or `"video"`.
        where: Only those whose column fits. True and False go with every column: whether there
            is anything, in `price` whether it is known, and in `available` whether nothing is
            missing. `references` also takes the least number, `ends` a day, and each of the others
            but `seed` and `streams` a text that stands in it, whatever the case.

    Returns:
        A pandas DataFrame where pandas is installed, which is imported here, in some 0.5 s; else
        a read-only sequence of `ModelRow`. Both show themselves as a table. The columns are
        `vendor`, `model`, `kind`, `takes`, `sizes`, `aspects`, `references` (the most; missing
        where it takes some and no limit is known), `voices`, `seed`, `streams`, `price` (a
        `Price`: of one image, of 1,000 characters of speech, or of one film, with nothing else
        said), `ends` (a day, or none), `successor`, `key` (where it was found) and `available`
        (`"yes"`, or what is missing). What is used when nobody chooses stands first among its
        kind.

    Raises:
        PromptError: *kind* is something else, there is no such column, or what is wanted of it
            fits no value.
    """
    kinds = list(AGENTS) if kind is None else [checked_kind(kind)]
    for column, wanted in where.items():
        _check_filter(column, wanted)
    rows = [
        row
        for each in kinds
        for info in registry.models(AGENTS[each].client_type)
        for row in [_row(each, info)]
        if all(_fits(row, name, wanted) for name, wanted in where.items())
    ]
    try:
        import pandas as pd  # noqa: F401 - the frame stands on it
    except ImportError:
        return Table(ModelRow._fields, rows, widest=WIDEST)
    from mediatoolkit.verbs.frames import ModelFrame

    types = {"ends": "datetime64[ns]", "references": "Int64"}
    return ModelFrame(rows, columns=ModelRow._fields).astype(types)


def list_price(kind: Kind, model_id: str) -> Price:
    """The price of one image, of 1,000 characters of speech, or of one film.

    Nothing else is said, and the words of an image or a film hardly count.
    """
    vendor, _ = registry.split_id(model_id)
    base = AGENTS[kind].client_type
    if registry.is_free(vendor, base):
        return FREE
    # Long enough that the shortest unit of a price does not matter.
    text = "a" * (SPEECH_LENGTH if kind == "speech" else 100)
    return quote(prices.find(model_id), base.prompt_type(text).facts)


def _row(kind: Kind, info: ModelInfo) -> ModelRow:
    vendor, _ = registry.split_id(info.model_id)
    priced = prices.find(info.model_id)
    capabilities = info.capabilities
    rules, choices = capabilities.keywords, capabilities.choices
    sizes = choices.get("size") or choices.get("resolution") or ()
    return ModelRow(
        vendor=vendor,
        model=info.model_id,
        kind=kind,
        takes=_takes(capabilities),
        sizes=_words("", rules["size"]).strip() if "size" in rules else ", ".join(sizes),
        aspects=", ".join(choices.get("aspect", ())),
        references=_most_references(rules),
        voices=", ".join(choices.get("voice", ())),
        seed="seed" in rules,
        streams=capabilities.streams,
        price=list_price(kind, info.model_id),
        ends=info.ends or (priced.shutdown if priced else None),
        successor=info.successor,
        key=registry.key_place(vendor, AGENTS[kind].client_type),
        available=info.reason or "yes",
    )


def _most_references(rules: Mapping[str, Rule]) -> int | None:
    """How many pictures a model starts from; None where it says only that it takes some."""
    rule = rules.get("references")
    if rule is None:
        return int("image" in rules)
    return rule.most if isinstance(rule, Pictures) else None


def _check_filter(column: str, wanted: object) -> None:
    """Refuse what no cell of *column* can be: it would find nothing, and not say why."""
    if column not in ModelRow._fields:
        near = get_close_matches(column, ModelRow._fields, n=1)
        hint = f"did you mean {near[0]}=?" if near else f"it has {', '.join(ModelRow._fields)}."
        raise PromptError(f"models has no column {column}; {hint}")
    takes, is_taken = _FILTERS.get(column, _TEXT)
    if not (isinstance(wanted, bool) or is_taken(wanted)):
        raise PromptError(f"{column}= takes {takes}True or False, not {quoted(wanted)}.")


def _fits(row: ModelRow, column: str, wanted: object) -> bool:
    """Whether a cell is what was asked for."""
    value = getattr(row, column)
    if isinstance(wanted, bool):
        return wanted is _is_there(row, column)
    if isinstance(wanted, str):
        return wanted.lower() in str(value).lower()
    if column == "references":
        return bool(value is None or value >= wanted)
    return bool(value == wanted)


def _is_there(row: ModelRow, column: str) -> bool:
    match column:
        case "available":
            return row.available == "yes"
        case "price":
            return row.price.is_known
        case "references":
            return row.references != 0
    return bool(getattr(row, column))


def _takes(capabilities: Capabilities) -> str:
    """The keywords of the prompt, first those with known values, then the vendor's options."""
    rules, options = capabilities.keywords, capabilities.options
    own = {name: _words(name, rule) for name, rule in rules.items() if name not in options}
    return ", ".join([*sorted(own.values(), key=own.__contains__), *options])


def _words(name: str, rule: Rule) -> str:
    choices = rule.choices
    match rule:
        case Size(smallest=tuple(), largest=(width, height)):
            names = f"{'/'.join(choices)} or " if choices else ""
            most = "" if rule.largest == ANY_PIXELS else f" up to {width}×{height}"
            return f"{name} {names}pixels{most}"
        case Number(unit=unit) if unit:
            return f"{rule.low:g} to {rule.high:g} {name}"
        case Pictures():
            return f"{rule.most} {name}"
    if not choices:
        return name
    return f"{name} {'/'.join(choices)}" if len(choices) <= _FEW else f"{len(choices)} {name}s"

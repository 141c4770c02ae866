"""Every model that there is, as a table."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from mediatoolkit.checks import is_number
from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.prices import prices
from mediatoolkit.pricing.quotes import FREE, Price, quote
from mediatoolkit.providers import registry
from mediatoolkit.providers.capabilities import (
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


class ModelRow(NamedTuple):
    """One model.

    Attributes:
        vendor: The first half of its model id.
        model: What `model=` takes.
        kind: `"image"`, `"speech"` or `"video"`.
        takes: Keywords that it takes, with their values where they are few.
        sizes: Of a picture or the resolutions of a film, as `size=` or `resolution=` takes them.
        aspects: Of a picture or film, as `aspect=` takes them.
        references: How many pictures it starts from at the most; 0 for none.
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
    references: int
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
        where: Only those whose column fits: text that stands in it, whatever the case; the least
            number; or True or False, which for `available` and other text means whether there is
            anything, and nothing missing.

    Returns:
        A pandas DataFrame where pandas is installed, which is imported here, in some 0.5 s; else
        a read-only sequence of `ModelRow`. Both show themselves as a table. The columns are
        `vendor`, `model`, `kind`, `takes`, `price` (a `Price`: of one image, of 1,000 characters
        of speech, or of one film, with nothing else said), `ends` (a day, or none), `successor`
        and `available` (`"yes"`, or what is missing). What is used when nobody chooses stands
        first among its kind.

    Raises:
        PromptError: *kind* is something else, or there is no such column.
    """
    kinds = list(AGENTS) if kind is None else [checked_kind(kind)]
    for column in where:
        if column not in ModelRow._fields:
            raise PromptError(
                f"models has no column {column}; it has {', '.join(ModelRow._fields)}."
            )
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

    return ModelFrame(rows, columns=ModelRow._fields).astype({"ends": "datetime64[ns]"})


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


def _most_references(rules: Mapping[str, Rule]) -> int:
    """How many pictures a model starts from; one where it says only that it takes any."""
    rule = rules.get("references")
    if isinstance(rule, Pictures):
        return rule.most
    return int(rule is not None or "image" in rules)


def _fits(row: ModelRow, column: str, wanted: object) -> bool:
    """Whether a cell is what was asked for."""
    value = getattr(row, column)
    if isinstance(wanted, bool):
        return wanted is (value == "yes" if column == "available" else bool(value))
    if isinstance(wanted, str):
        return wanted.lower() in str(value).lower()
    if is_number(wanted) and is_number(value):
        return bool(value >= wanted)
    return bool(value == wanted)


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
            return f"{name} {names}pixels up to {width}×{height}"
        case Number(unit=unit) if unit:
            return f"{rule.low:g} to {rule.high:g} {name}"
        case Pictures():
            return f"{rule.most} {name}"
    if not choices:
        return name
    return f"{name} {'/'.join(choices)}" if len(choices) <= _FEW else f"{len(choices)} {name}s"

"""The rows that a run is given, held against those that its ledger has."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from mediatoolkit.checks import visible
from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runs.ledger import Change, Contents, HeaderNoted, RowsAdded, RowsDropped
from mediatoolkit.runs.rows import RowId, Rows
from mediatoolkit.runs.work import Outcome

Changed = Literal["add", "replace"] | None
"""What to do where rows have changed: refuse, make only what is new, or drop what is gone too."""

_SHOWN = 3  # rows of a kind that a refusal names


@dataclass(slots=True)
class Adopted:
    """How the rows of a run stand by its ledger.

    Attributes:
        numbers: The number in the ledger of each row.
        outcomes: How each row stands there, or None.
        changes: What is to be written before the first row is made.
        batches: Positions of the rows of each vendor's batch that is not over.
        spent_elsewhere: What rows of the run that are not given now have cost at most, in USD.
    """

    numbers: Sequence[int]
    outcomes: list[Outcome | None]
    changes: list[Change]
    batches: dict[str, list[int]]
    spent_elsewhere: Decimal


@dataclass(slots=True)
class _Difference:
    """What is not as the ledger has it.

    Attributes:
        new: Positions of rows that the ledger does not have.
        edited: Positions of rows that ask for something else under an id that the ledger has.
        gone: Numbers in the ledger of rows that are no longer given.
        facts: Names of facts of the run as a whole that differ.
    """

    new: list[int]
    edited: list[int]
    gone: list[int]
    facts: list[str]


def adopt(
    contents: Contents, rows: Rows, identity: Mapping[str, str], changed: Changed, name: str
) -> Adopted:
    """Find each row in the ledger.

    Args:
        contents: Of the ledger.
        rows: As they are given.
        identity: What changes all results, such as the models.
        changed: What to do where rows have changed.
        name: Of the run, for messages.

    Raises:
        PromptError: Rows have changed and *changed* does not say what to do; has a short diff.
    """
    number_of = {row.id: number for number, row in contents.rows.items()}
    difference = _difference(contents, rows, identity, number_of)
    if contents.rows:
        _check(difference, contents, rows, identity=identity, changed=changed, name=name)
    is_anew = changed == "replace" and bool(difference.facts)
    dropped = list(contents.rows) if is_anew else []
    if changed == "replace" and not is_anew:
        dropped = difference.gone + [number_of[rows.ids[at].id] for at in difference.edited]
    gone = set(dropped)
    free = contents.free
    added: list[RowId] = []
    numbers = array("q")
    for row in rows.ids:
        number = number_of.get(row.id)
        if number is None or number in gone:
            number = free + len(added)
            added.append(row)
        numbers.append(number)
    changes = list(_changes(dropped, added, free, identity, contents))
    outcomes = [None if number in gone else contents.outcomes.get(number) for number in numbers]
    position = {number: at for at, number in enumerate(numbers)}
    batches = {
        batch: [position[number] for number in inside if number in position]
        for batch, inside in contents.batches.items()
    }
    # Nobody waits for a batch whose rows are all gone.
    batches = {batch: positions for batch, positions in batches.items() if positions}
    others = (each for number, each in contents.outcomes.items() if number not in position)
    return Adopted(numbers, outcomes, changes, batches, sum((each.cost for each in others), ZERO))


def _changes(
    dropped: Sequence[int],
    added: Sequence[RowId],
    first: int,
    identity: Mapping[str, str],
    contents: Contents,
) -> Iterator[Change]:
    header = {**contents.header, **identity}
    if header != contents.header:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        yield HeaderNoted({"created": created, **header})
    if dropped:
        yield RowsDropped(dropped)
    if added:
        yield RowsAdded(first, added)


def _difference(
    contents: Contents, rows: Rows, identity: Mapping[str, str], number_of: Mapping[str, int]
) -> _Difference:
    new, edited, seen = [], [], set()
    for at, row in enumerate(rows.ids):
        number = number_of.get(row.id)
        if number is None:
            new.append(at)
            continue
        seen.add(number)
        if contents.rows[number].content != row.content:
            edited.append(at)
    gone = [number for number in contents.rows if number not in seen]
    facts = [name for name, fact in identity.items() if contents.header.get(name, fact) != fact]
    return _Difference(new, edited, gone, facts)


def _check(
    difference: _Difference,
    contents: Contents,
    rows: Rows,
    *,
    identity: Mapping[str, str],
    changed: Changed,
    name: str,
) -> None:
    """Refuse what *changed* does not allow."""
    if changed == "replace":
        return
    lines = [
        f"{fact} was {contents.header[fact]}, now {identity[fact]}" for fact in difference.facts
    ]
    lines += _listed("new", [rows.ids[at] for at in difference.new])
    lines += _listed("gone", [contents.rows[number] for number in difference.gone])
    edited = _listed("changed under its id", [rows.ids[at] for at in difference.edited])
    if changed == "add" and not edited:
        return
    if not lines and not edited:
        return
    advice = (
        'changed="add" keeps what is finished and makes what is new; changed="replace" also drops '
        "from the run what is gone or has changed."
    )
    if changed == "add":
        lines, advice = [], 'changed="replace" makes them anew.'
    raise PromptError(
        f"The rows are not those of the run {name!r}, so nothing was sent: "
        f"{'; '.join([*lines, *edited])}. Take another name, or say what to do: {advice}"
    )


def _listed(what: str, rows: Sequence[RowId]) -> list[str]:
    """Such as `2 new (a red fox; an owl)`."""
    if not rows:
        return []
    texts = [visible(_text(row), 50, one_line=True) for row in rows[:_SHOWN]]
    more = "; …" if len(rows) > _SHOWN else ""
    return [f"{len(rows):,} {what} ({'; '.join(texts)}{more})"]


def _text(row: RowId) -> str:
    values = json.loads(row.content)
    prompt = values.pop("prompt", "")
    others = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return f"{prompt}, {others}" if others else str(prompt)

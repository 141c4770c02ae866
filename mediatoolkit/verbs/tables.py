"""A run of the rows of a DataFrame: `df.media.image("a {animal}")`."""

from collections.abc import Hashable
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import PromptError
from mediatoolkit.runs.grids import Template
from mediatoolkit.runs.run import Run
from mediatoolkit.verbs.kinds import AGENTS, checked_kind
from mediatoolkit.verbs.starting import agent_for, stated

_LISTED = 10  # rows that an error names
_LONGEST = 40  # characters of an index


def start_table(
    kind: str,
    table: Any,
    template: str | None = None,
    *,
    model: str | None = None,
    agent: Any = None,
    **options: Any,
) -> Run:
    """Start a run of *table* with this kernel's default agent, which shows it.

    Args:
        kind: `"image"`, `"speech"` or `"video"`.
        table: A DataFrame.
        template: The prompt of each row, with names of columns in braces; left out, the column
            `prompt`.
        model: Model id; left out, as the verb chooses.
        agent: Makes it instead; then *model* stays out.
        options: As of `start_many`.

    Raises:
        PromptError: A row cannot be made as asked; nothing was sent.
    """
    maker = agent_for(AGENTS[checked_kind(kind)], agent, model)
    rows = table if template is None else table.assign(prompt=_prompts(template, table))
    run: Run = maker.start_many(rows, **stated(options))
    return run


def _prompts(template: str, table: Any) -> list[str]:
    """The template filled in for each row.

    Raises:
        PromptError: A name is no column, or a cell has no words; lists the first ten by index.
    """
    prompt = Template(template)
    prompt.check([name for name in table.columns if isinstance(name, str)], "column")
    columns = {name: table[name].tolist() for name in prompt.names}
    prompts: list[str] = []
    faults: dict[str, list[Hashable]] = {}
    for number, index in enumerate(table.index):
        row = {name: column[number] for name, column in columns.items()}
        try:
            prompts.append(prompt.fill(row))
        except PromptError as error:
            faults.setdefault(str(error), []).append(index)
    if faults:
        raise _refused(faults, len(table))
    return prompts


def _refused(faults: dict[str, list[Hashable]], count: int) -> PromptError:
    several = sum(map(len, faults.values()))
    named = [(message, index) for message, indexes in faults.items() for index in indexes]
    listed = "; ".join(
        f"row {visible(str(index), _LONGEST, one_line=True)}: {message.rstrip('.')}"
        for message, index in named[:_LISTED]
    )
    more = f"; and {several - _LISTED:,} more" if several > _LISTED else ""
    return PromptError(
        f"{several:,} of {count:,} rows have no prompt, so nothing was sent: {listed}{more}."
    )

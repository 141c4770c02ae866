"""A run of the rows of a DataFrame: `df.media.image("a {animal}")`."""

from typing import Any

from mediatoolkit.errors import PromptError
from mediatoolkit.runs.grids import Template
from mediatoolkit.runs.rows import refusal_of
from mediatoolkit.runs.run import Run
from mediatoolkit.verbs.kinds import AGENTS, checked_kind
from mediatoolkit.verbs.starting import agent_for, stated


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
    faults: dict[str, list[int]] = {}
    for number in range(len(table)):
        row = {name: column[number] for name, column in columns.items()}
        try:
            prompts.append(prompt.fill(row))
        except PromptError as error:
            faults.setdefault(str(error), []).append(number)
    if faults:
        raise refusal_of(faults, table.index, "have no prompt")
    return prompts

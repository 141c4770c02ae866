"""From the options of `start_many` to a run; everything is checked before it starts."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, get_args

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.dollars import Dollars, dollars_of
from mediatoolkit.runs.driver import Plan
from mediatoolkit.runs.executors import executor_for
from mediatoolkit.runs.ledger import RunLedger
from mediatoolkit.runs.parts import PartsLedger
from mediatoolkit.runs.rate import RateLimiter
from mediatoolkit.runs.reconcile import Changed
from mediatoolkit.runs.rows import Rows
from mediatoolkit.runs.run import Run, checked_name
from mediatoolkit.runs.sqlite_ledger import SqliteLedger
from mediatoolkit.runs.work import RowMaker
from mediatoolkit.store import Store
from mediatoolkit.url_store import UrlStore

MOST_AT_ONCE = 10_000
MOST_AT_CALL = 10_000
"""Rows that are checked by the call itself, in half a second; the run checks more, in a thread."""


class RunOptions(NamedTuple):
    """What `start_many` is told about the run as a whole, unchecked."""

    run: str | None
    cap: Dollars | None
    rate: str | None
    concurrency: int
    on: Any
    changed: Changed


def start_run(maker: RowMaker, rows: Any, options: RunOptions, common: Mapping[str, Any]) -> Run:
    """Check *rows* and *options*, and start the run.

    Args:
        maker: Makes each row.
        rows: A DataFrame or mappings.
        options: About the run as a whole.
        common: Keywords for each row that has none of its own.

    Raises:
        PromptError: Something cannot be made as asked; nothing was sent.
        BudgetError: The cap is no amount.
    """
    name = _new_name() if options.run is None else checked_name(options.run)
    if not is_whole(options.concurrency) or not 1 <= options.concurrency <= MOST_AT_ONCE:
        raise PromptError(
            f"concurrency takes a whole number from 1 to {MOST_AT_ONCE:,}, not "
            f"{quoted(options.concurrency)}."
        )
    allowed = [each for words_of in get_args(Changed) for each in get_args(words_of)]
    if options.changed not in (None, *allowed):
        raise PromptError(
            f'changed takes "add" or "replace", or is left out; not {quoted(options.changed)}.'
        )
    cap = None if options.cap is None else dollars_of(options.cap, "cap")
    limiter = partial(RateLimiter, options.rate)
    limiter()  # an invalid rate is an error here
    executor = executor_for(options.on)
    table = Rows(rows, maker.keywords, common)
    is_checked = len(table) <= MOST_AT_CALL
    if is_checked:
        table.identify()
        table.check(partial(executor.check, maker))
    return Run(
        Plan(
            name,
            table,
            maker,
            partial(ledger_for, maker.store, name),
            partial(executor_for, options.on),
            limiter,
            cap,
            int(options.concurrency),
            options.changed,
            is_checked=is_checked,
        )
    )


def ledger_for(store: Store, name: str) -> RunLedger:
    """The ledger of the run *name* in *store*."""
    if isinstance(store, UrlStore):
        return PartsLedger(name, store.run_files(name))
    return SqliteLedger(name, store.run_folder(name))


def _new_name() -> str:
    return f"{datetime.now():%Y-%m-%d %H.%M.%S} {secrets.token_hex(2)}"  # noqa: DTZ005 - for people

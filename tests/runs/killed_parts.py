"""A ledger at an address in a process of its own, which a test kills."""

import sys

from mediatoolkit.runs.ledger import RowsAdded
from mediatoolkit.runs.parts import PartsLedger
from mediatoolkit.runs.rows import RowId
from mediatoolkit.runs.work import Outcome, RowStatus
from mediatoolkit.runtime.url_files import UrlFiles

ROWS = 1_000_000


def main(url: str) -> None:
    """Write an intent and an outcome for one row after the other, and say which is written."""
    ledger = PartsLedger("foxes", UrlFiles(url))
    contents = ledger.load()
    first = len(contents.outcomes)  # the row of a kill may have no intent
    for number in range(first, ROWS):
        ledger.commit([RowsAdded(number, [RowId(f"id{number}", "{}")])])
        ledger.commit([Outcome(number, RowStatus.SENT)])
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

"""Rows that are handed to one worker together, and how they stand when it does not say."""

from collections.abc import Iterable
from dataclasses import dataclass

from mediatoolkit.errors import ClosedError, MediaToolkitError, TransportError
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runs.work import Outcome, RowMaker, RowRequest, RowStatus

CLUSTER_LEFT = "the cluster was left before the worker told how the row has ended."
WORKER_LEFT = "the worker that made this row has left the cluster; it may have been killed."


def client_closed() -> ClosedError:
    """The error for a client that cannot be used."""
    return ClosedError(
        "The Dask client is closed, or has lost its scheduler; pass one that is connected as on=. "
        "What is not made yet is made when the run goes on."
    )


@dataclass(slots=True, eq=False)
class Lease:
    """Rows that one worker makes.

    Attributes:
        number: Of the lease within its run.
        rows: What is to be made.
        may_have_begun: Whether a worker may have begun with it.
        end: Why the worker did not report every row.
        error: Why no worker can make it, or None.
    """

    number: int
    rows: tuple[RowRequest, ...]
    may_have_begun: bool = False
    end: str = CLUSTER_LEFT
    error: MediaToolkitError | None = None

    def completed(self, outcomes: Iterable[Outcome], maker: RowMaker) -> list[Outcome]:
        """*outcomes*, and how the rows stand that are not among them."""
        reported = {outcome.number: outcome for outcome in outcomes}
        return [reported.get(row.number) or self._unreported(row, maker) for row in self.rows]

    def _unreported(self, row: RowRequest, maker: RowMaker) -> Outcome:
        """Waiting where nothing was sent, or where it costs nothing to send it again."""
        if self.may_have_begun and maker.is_paid:
            error = self.error or TransportError(f"There is no result: {self.end}")
            error.may_have_been_billed = True
            most = row.cap or maker.upper(row.values) or ZERO
            return Outcome(row.number, RowStatus.UNCLEAR, unclear=most, attempts=1, error=error)
        status = RowStatus.WAITING if self.error is None else RowStatus.FAILED
        return Outcome(row.number, status, error=self.error)

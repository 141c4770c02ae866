"""What one call books in the budget, from before its first paid request until its end."""

from collections.abc import Sequence
from decimal import Decimal

from mediatoolkit.errors import BudgetError
from mediatoolkit.pricing.budget import Budget, Reservation, budget

_left_running: dict[tuple[str, str], list[Reservation]] = {}
"""Reservations for jobs that go on at a vendor, by model id and the vendor's name for the job."""


class Bill:
    """The reservations of one call; used on one loop.

    All requests that the call takes are reserved before the first one is sent, so that none of
    them is paid for nothing. What is sent beyond them, such as one that was lost, is reserved anew.

    Args:
        model_id: `vendor/model`.
        uppers: The most that each paid request may cost, in USD, or None where that is unknown.
        job_id: A vendor's job to which the call comes back; what is booked for it is settled, too.
        account: Where it is booked; left out, the budget of this process.

    Attributes:
        unclear: What requests that were lost may have cost, in USD.
        spent: What was settled, in USD; at most that, where the price is unknown.
    """

    __slots__ = (
        "_account",
        "_covered",
        "_is_begun",
        "_job",
        "_reservations",
        "_sent",
        "_uppers",
        "model_id",
        "spent",
        "unclear",
    )

    def __init__(
        self,
        model_id: str,
        uppers: Sequence[Decimal | None] = (None,),
        *,
        job_id: str | None = None,
        account: Budget = budget,
    ) -> None:
        """Book nothing yet."""
        self.model_id = model_id
        self._uppers = uppers
        self._job = None if job_id is None else (model_id, job_id)
        self._account = account
        self._reservations: list[Reservation] = []
        self.unclear = self.spent = Decimal(0)
        self._covered = self._sent = 0
        self._is_begun = False

    def reserve(self) -> None:
        """Make sure that one more request is covered, before it is sent.

        Raises:
            BudgetError: Its price does not fit, or is unknown while there is a limit; nothing may
                be sent.
        """
        if self._sent >= self._covered:
            self._cover([max(self._uppers, key=_or_dearest)] if self._is_begun else self._uppers)
        self._sent += 1

    def give_back(self) -> None:
        """That request was surely not billed; another one may use its cover."""
        self._sent -= 1

    def doubt(self) -> None:
        """That request was lost and may have been billed, so its cover is used up."""
        dearest = self._dearest_first()[0]
        self._doubt(dearest)
        self._reservations.remove(dearest)
        self._covered -= 1
        self._sent -= 1

    def settle(self, actual: Decimal | None) -> None:
        """Book what the call has cost, in USD; None is unknown, and all that was reserved stays."""
        reservations = [*self._left_running(), *self._reservations]
        uppers = (each.upper for each in reservations if each.upper is not None)
        self.spent += sum(uppers, Decimal(0)) if actual is None else actual
        for reservation in reservations:
            if not reservation.settle(actual) and actual:
                self._account.charge(self.model_id, actual)  # it was released meanwhile
            actual = actual and Decimal(0)  # the first one has taken all of it
        self._reservations = []

    def fail(self, *, is_unclear: bool, job_id: str | None = None) -> None:
        """End without a result.

        Args:
            is_unclear: A request may have been billed; else everything is given back.
            job_id: A vendor's job that goes on; the call that comes back to it settles this.
        """
        if self._job is not None:  # what is unclear already stays so
            ended = [] if is_unclear else self._left_running()
            for reservation in ended:
                reservation.refund()
        sent = self._sent if is_unclear else 0
        dearest_first = self._dearest_first()
        for reservation in dearest_first[:sent]:
            self._doubt(reservation)
        for reservation in dearest_first[sent:]:
            reservation.refund()
        if sent and job_id is not None:
            _left_running[self.model_id, job_id] = dearest_first[:sent]
        self._reservations = []

    def _doubt(self, reservation: Reservation) -> None:
        reservation.doubt()
        self.unclear += reservation.upper or 0

    def _dearest_first(self) -> list[Reservation]:
        """The reservations in the order in which doubts use them up.

        Nobody knows which request one of them was for, and the dearest is enough for each.
        """
        return sorted(self._reservations, key=lambda each: _or_dearest(each.upper), reverse=True)

    def _cover(self, uppers: Sequence[Decimal | None]) -> None:
        """Reserve all of *uppers*, or none."""
        added: list[Reservation] = []
        try:
            for upper in uppers:
                added += [self._account.reserve(self.model_id, upper)]
        except BudgetError:
            for reservation in added:
                reservation.refund()
            raise
        self._reservations += added
        self._covered += len(added)
        self._is_begun = True

    def _left_running(self) -> list[Reservation]:
        """Take over what is booked for the job to which the call came back."""
        return [] if self._job is None else _left_running.pop(self._job, [])


def _or_dearest(upper: Decimal | None) -> Decimal:
    return Decimal("Infinity") if upper is None else upper

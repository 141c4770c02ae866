"""What one call books in the budget, from before its first paid request until its end."""

from decimal import Decimal

from mediatoolkit.pricing.budget import Budget, Reservation, budget

_left_running: dict[tuple[str, str], list[Reservation]] = {}
"""Reservations for jobs that go on at a vendor, by model id and the vendor's name for the job."""


class Bill:
    """The reservations of one call; used on one loop.

    One reservation covers the price of the whole call, so that a call of several requests is
    refused before the first of them. What is sent beyond them, such as a retry of a request that
    was lost, books the price anew.

    Args:
        model_id: `vendor/model`.
        upper: The most that the call may cost, in USD, or None where that is unknown.
        requests: How many paid requests the price covers.
        job_id: A vendor's job to which the call comes back; what this process has booked for it
            is taken over.
        account: Where it is booked; left out, the budget of this process.
    """

    __slots__ = ("_account", "_covered", "_requests", "_reservations", "_sent", "model_id", "upper")

    def __init__(
        self,
        model_id: str,
        upper: Decimal | None,
        *,
        requests: int = 1,
        job_id: str | None = None,
        account: Budget = budget,
    ) -> None:
        """Book nothing yet."""
        self.model_id = model_id
        self.upper = upper
        self._requests = requests
        self._account = account
        left = [] if job_id is None else _left_running.pop((model_id, job_id), [])
        self._reservations = left
        self._covered = self._sent = len(left)

    def reserve(self) -> None:
        """Make sure that one more request is covered, before it is sent.

        Raises:
            BudgetError: Its price does not fit, or is unknown while there is a limit; nothing may
                be sent.
        """
        if self._sent >= self._covered:
            self._reservations.append(self._account.reserve(self.model_id, self.upper))
            self._covered += self._requests
        self._sent += 1

    def give_back(self) -> None:
        """That request was surely not billed; another one may use its cover."""
        self._sent = max(0, self._sent - 1)

    def doubt(self) -> None:
        """That request was lost and may have been billed, so its cover is used up."""
        for reservation in self._reservations:
            reservation.doubt()
        self._reservations = []
        self._covered = self._sent = 0

    def settle(self, actual: Decimal | None) -> None:
        """Book what the call has cost, in USD; None is unknown, and all that was reserved stays."""
        for reservation in self._reservations:
            reservation.settle(actual)
            actual = actual and Decimal(0)  # the first one has taken all of it
        self._reservations = []

    def fail(self, *, is_unclear: bool, job_id: str | None = None) -> None:
        """End without a result.

        Args:
            is_unclear: A request may have been billed; else everything is given back.
            job_id: A vendor's job that goes on; the call that comes back to it settles this.
        """
        is_unclear &= self._sent > 0
        for reservation in self._reservations:
            if is_unclear:
                reservation.doubt()
            else:
                reservation.refund()
        if is_unclear and job_id is not None:
            _left_running[self.model_id, job_id] = self._reservations
        self._reservations = []

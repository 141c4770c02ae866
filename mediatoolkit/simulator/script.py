"""Which request meets which fault."""

from collections import defaultdict, deque
from collections.abc import Iterable

from mediatoolkit.simulator.faults import Fault
from mediatoolkit.simulator.sent import Sent
from mediatoolkit.simulator.wire import Purpose


class Script:
    """Queued and standing faults, some of them aimed at requests for one purpose."""

    def __init__(self) -> None:
        """Start with nothing wrong."""
        self._next: defaultdict[Purpose | None, deque[Fault]] = defaultdict(deque)
        self._always: dict[Purpose | None, Fault | None] = {}

    def then(self, faults: Iterable[Fault], at: Purpose | None) -> None:
        """Queue *faults*.

        Raises:
            TypeError: The file host cannot speak a vendor's words.
        """
        faults = tuple(faults)
        _check(faults, at)
        self._next[at].extend(faults)

    def always(self, fault: Fault | None, at: Purpose | None) -> None:
        """Let *fault* stand, or none.

        Raises:
            TypeError: The file host cannot speak a vendor's words.
        """
        _check((fault,), at)
        self._always[at] = fault

    def fault(self, purpose: Purpose) -> Fault | None:
        """What a request for *purpose* at the vendor's origin meets; queued faults are used up."""
        for at in (purpose, None):
            if self._next[at]:
                return self._next[at].popleft()
        return self._always.get(purpose) or self._always.get(None)

    def storage_fault(self) -> Sent | None:
        """What a request at the file host meets."""
        queue = self._next["storage"]
        fault = queue.popleft() if queue else self._always.get("storage")
        return fault if isinstance(fault, Sent) else None


def _check(faults: Iterable[Fault | None], at: Purpose | None) -> None:
    if at == "storage" and not all(fault is None or isinstance(fault, Sent) for fault in faults):
        raise TypeError("At the file host only faults in how the bytes travel can be met.")

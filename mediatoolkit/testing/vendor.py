"""The vendor's end of the wire, as the contract plays with it."""

import abc

from mediatoolkit.simulator import Simulator, faults


class VendorHandle(abc.ABC):
    """The other end of the wire, on loopback, as the contract plays with it.

    Attributes:
        base_url: What a client takes as `base_url=`.
        key: The key that the vendor accepts; at least 8 characters.
        trusted_origins: Where else on loopback the vendor keeps media.
    """

    base_url: str
    key: str
    trusted_origins: tuple[str, ...] = ()

    @property
    @abc.abstractmethod
    def requests(self) -> int:
        """How many requests came in that begin something that is paid."""

    @abc.abstractmethod
    async def wait_for_request(self) -> None:
        """Wait until a request came in."""

    @abc.abstractmethod
    def fail(self, status: int, *, times: int | None = None) -> None:
        """Answer with an error of that status.

        Args:
            status: HTTP status, 400 to 599.
            times: How many requests; left out, every one from now on.
        """

    @abc.abstractmethod
    def refuse(self) -> None:
        """Let the content policy refuse every prompt from now on."""

    @abc.abstractmethod
    def stay_silent(self) -> None:
        """Read every request from now on, and never answer."""

    @abc.abstractmethod
    def hang_up(self) -> None:
        """Begin to answer every request from now on, and break off within the answer."""

    @abc.abstractmethod
    def talk_nonsense(self) -> None:
        """Answer every request from now on with a success that is no answer."""

    @abc.abstractmethod
    def quote_key(self) -> None:
        """Answer every request from now on with an error whose message holds the key."""

    async def wait_for_cancel(self) -> None:
        """Wait until a cancel of a job came in; only a vendor that works in the background."""
        raise NotImplementedError

    def work_on(self) -> None:
        """Let no job end from now on; only a vendor that works in the background."""
        raise NotImplementedError


class SimulatedVendor(VendorHandle):
    """A vendor that the simulator plays.

    Args:
        simulator: A simulator that runs and plays this vendor alone, with a key.
        path: What stands behind the origin in the base URL, such as `"/v1"`.
    """

    def __init__(self, simulator: Simulator, path: str = "") -> None:
        """Take the addresses and the key of the simulator."""
        self.simulator = simulator
        self.base_url = simulator.url + path
        self.key = simulator.key or ""
        self.trusted_origins = (simulator.files_url,)

    @property
    def requests(self) -> int:
        """How many requests came in that begin something that is paid."""
        return len(self.simulator.requests_for("start"))

    async def wait_for_request(self) -> None:
        """Wait until a request came in."""
        await self.simulator.until(lambda: bool(self.simulator.requests))

    def fail(self, status: int, *, times: int | None = None) -> None:
        """Answer with an error of that status."""
        if times is None:
            self.simulator.always(faults.Status(status))
        else:
            self.simulator.then(*[faults.Status(status)] * times, at="start")

    def refuse(self) -> None:
        """Refuse every prompt."""
        self.simulator.always(faults.PromptBlocked(), at="start")

    def stay_silent(self) -> None:
        """Never answer."""
        self.simulator.always(faults.Silence())

    def hang_up(self) -> None:
        """Break off within the answer."""
        self.simulator.always(faults.CutBody(20))

    def talk_nonsense(self) -> None:
        """Answer with a page of HTML."""
        self.simulator.always(faults.Garbage("html"))

    def quote_key(self) -> None:
        """Answer with an error that holds the key."""
        self.simulator.always(faults.EchoKey())

    async def wait_for_cancel(self) -> None:
        """Wait until a cancel of a job came in."""
        await self.simulator.until(lambda: bool(self.simulator.requests_for("cancel")))

    def work_on(self) -> None:
        """Let no job end."""
        self.simulator.looks = 10**9

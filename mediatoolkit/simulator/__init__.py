"""The vendors' side of the wire on loopback: for tests, tutorials and work without a network.

    async with Simulator() as sim:
        sim.then(faults.Status(429, retry_delay="1s"))
        ...  # point a client at sim.url
        print(sim.requests)

The simulator is written from the vendors' protocols alone and shares nothing with the clients, so
that one misunderstanding cannot hide at both ends. A new vendor is a dialect beside `gemini`: it
takes a `Request` and an optional `Spoken` fault, and gives an `Answer`.
"""

from mediatoolkit.simulator import faults
from mediatoolkit.simulator.server import Simulator
from mediatoolkit.simulator.wire import Request

__all__ = ["Request", "Simulator", "faults"]

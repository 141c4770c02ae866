"""The vendors' side of the wire on loopback: for tests, tutorials and work without a network.

    async with Simulator() as sim:
        sim.then(faults.Status(429, retry_delay="1s"))
        ...  # point a client at sim.url, which is sim.gemini.url
        print(sim.requests, sim.meter.total)

The simulator is written from the vendors' protocols and recorded traffic alone and shares nothing
with the clients, so that one misunderstanding cannot hide at both ends. It is as strict, as heavy
and as moody as the vendor, and never more polite.

A new vendor is a folder, or a module, with a subclass of `vendor.Vendor`:

1. `name` is the word for `Simulator(vendors=…)`. `make_endpoints` returns a tuple of
   `Endpoint(method, path, purpose, respond)`; `respond` is a coroutine function that takes an
   `ApiCall` (request, match of the path, fault) and returns an `HttpResponse`: `json_response`,
   `event_stream`, or bytes with a `Content-Type`. What no endpoint matches is answered with 501.
   One after OpenAI's example is an `OpenAIShaped` (`openai_shaped.py`), a server of one's own an
   `OwnServerDialect`: models, prices, references and films in the works are there.
2. `error`, `key_error`, `schema_error` and `status_fault` are the vendor's envelope, word by word
   as it was recorded. A key is read from `Authorization`,
   `x-goog-api-key`, `xi-api-key`, `x-key` or `?key=`; `needs_key = False` asks for none. An
   endpoint that turns a request down raises `RejectedError(self.error(400, "…"))`.
3. The published schema of its requests, cut down to what is played, lies beside the module as JSON:
   `Schema.load(path).read(request.body, "CreateImageRequest")` returns the normalised body or
   raises `SchemaError`, which `schema_error` words. The parts of a multipart form are `FormPart`s
   in `request.body`.
4. `self.settings` is how the simulator was set up, `self.settings.pictures` makes pictures of any
   size and format, `self.settings.file_host` serves files without a key, `self.origin()` is the
   vendor's own origin. A fault that one vendor alone has words for is an `ApiFault` of its own.
   A generation whose work is done is billed with
   `call.meter.add(Tariff(self.name, prices, self.settings.day).bill(model, path, units))`;
   `meter.py` says when, and the prices lie beside the module as JSON. What every vendor does with a
   batch of requests stands in `batches.py`.
5. A server that tells how its work goes over a WebSocket answers with `HttpResponse(b"", talk=…)`,
   a `Talk`. What goes on in the background is begun by `self.settings.begin(…)`, which ends it when
   the simulator closes, and takes its steps by `self.settings.pace`, so that tests can hold it.
6. `server.py` has module and class in `VENDORS` and a property of its name on `Simulator`;
   `faults.py` has its faults. The official SDK is run against it in `tests/conformance`.
"""

from mediatoolkit.simulator import faults
from mediatoolkit.simulator.http import Request
from mediatoolkit.simulator.meter import BilledRequest, Meter
from mediatoolkit.simulator.server import Simulator

__all__ = ["BilledRequest", "Meter", "Request", "Simulator", "faults"]

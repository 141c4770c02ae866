"""The contract that every client passes, as tests to inherit; one class for each kind of media.

A package that brings a vendor tests its client so, with pytest and pytest-asyncio:

    class TestAcme(HttpImageClientContract):
        client_type = AcmeImageClient

        @pytest.fixture
        async def vendor(self):
            async with AcmeOnLoopback() as server:  # a server of yours
                yield AcmeVendor(server)  # a VendorHandle

`HttpSpeechClientContract` and `HttpVideoClientContract` do the same for speech and films. A client
that needs no network inherits `ImageClientContract`, `SpeechClientContract` or
`VideoClientContract`, and gives the fixture `client`. A client whose vendor works in the background
inherits `QueuedClientContract`, too.
"""

from mediatoolkit.testing.contract import (
    ClientContract,
    HttpClientContract,
    HttpImageClientContract,
    HttpSpeechClientContract,
    HttpVideoClientContract,
    ImageClientContract,
    QueuedClientContract,
    SpeechClientContract,
    VideoClientContract,
)
from mediatoolkit.testing.vendor import SimulatedVendor, VendorHandle

__all__ = [
    "ClientContract",
    "HttpClientContract",
    "HttpImageClientContract",
    "HttpSpeechClientContract",
    "HttpVideoClientContract",
    "ImageClientContract",
    "QueuedClientContract",
    "SimulatedVendor",
    "SpeechClientContract",
    "VendorHandle",
    "VideoClientContract",
]

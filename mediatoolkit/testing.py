"""The contract that every client for pictures passes, as tests to inherit.

A package that brings a vendor tests its client so, with pytest and pytest-asyncio:

    class TestAcme(HttpImageClientContract):
        @pytest.fixture
        async def vendor(self):
            async with AcmeOnLoopback() as server:  # a server of yours
                yield AcmeVendor(server)  # a VendorHandle

        @pytest.fixture
        async def client(self, vendor):
            async with AcmeImageClient(vendor.key, base_url=vendor.base_url) as client:
                yield client

A client that needs no network inherits `ImageClientContract`, and gives the fixture `client` alone.
"""

# ruff: noqa: S101 - a contract is made of assertions

import abc
import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from itertools import product
from typing import Any

import pytest

from mediatoolkit.errors import (
    AuthenticationError,
    ClosedError,
    DeadlineError,
    MediaToolkitError,
    PromptError,
    ProviderError,
    RateLimitError,
    TransportError,
)
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.http import HttpClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Waiting
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.transport import Retry


class VendorHandle(abc.ABC):
    """The other end of the wire, on loopback, as the contract plays with it.

    Attributes:
        base_url: What a client takes as `base_url=`.
        key: The key that the vendor accepts; at least 8 characters.
    """

    base_url: str
    key: str

    @property
    @abc.abstractmethod
    def requests(self) -> int:
        """How many requests came in."""

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
    def stay_silent(self) -> None:
        """Read every request from now on, and never answer."""

    @abc.abstractmethod
    def hang_up(self) -> None:
        """Begin to answer every request from now on, and break off within the answer."""

    @abc.abstractmethod
    def talk_nonsense(self) -> None:
        """Answer every request from now on with status 200 and something that is no answer."""

    @abc.abstractmethod
    def quote_key(self) -> None:
        """Answer every request from now on with an error whose message holds the key."""


class SimulatedVendor(VendorHandle):
    """A vendor that the simulator plays.

    Args:
        simulator: A simulator that runs and plays this vendor alone, with a key.
        path: What stands behind the origin in the base URL, such as `"/v1"`.
    """

    def __init__(self, simulator: Simulator, path: str = "") -> None:
        """Take the address and the key of the simulator."""
        self.simulator = simulator
        self.base_url = simulator.url + path
        self.key = simulator.key or ""

    @property
    def requests(self) -> int:
        """How many requests came in."""
        return len(self.simulator.requests)

    async def wait_for_request(self) -> None:
        """Wait until a request came in."""
        await self.simulator.until(lambda: bool(self.simulator.requests))

    def fail(self, status: int, *, times: int | None = None) -> None:
        """Answer with an error of that status."""
        if times is None:
            self.simulator.always(faults.Status(status))
        else:
            self.simulator.then(*[faults.Status(status)] * times)

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


class ImageClientContract:
    """What every client for pictures does. Give the fixture `client`; the client is closed after.

    Attributes:
        prompt: What is drawn; every model of the client must take it.
    """

    prompt = ImagePrompt("a red fox under the stars")

    async def test_a_text_becomes_a_picture_that_says_how_it_was_made(
        self, client: ImageClient
    ) -> None:
        """The provenance is complete, and is JSON."""
        image = await client.generate(self.prompt)

        record = image.provenance
        assert isinstance(image, Image)
        assert record is not None
        assert (record.model, record.engine) == (client.model_id, client.provider)
        assert record.prompt == self.prompt.text
        assert record.created
        assert json.loads(record.to_json()).get("options", {}) == record.options

    async def test_a_plain_text_is_a_prompt(self, client: ImageClient) -> None:
        """As `ImagePrompt` makes of it."""
        image = await client.generate(self.prompt.text)

        assert image.provenance is not None
        assert image.provenance.prompt == self.prompt.text

    async def test_an_unknown_option_is_refused(self, client: ImageClient) -> None:
        """And the message names the option."""
        with pytest.raises(PromptError, match="no_such_option="):
            await client.generate(ImagePrompt.of(self.prompt, no_such_option=1))

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), "soon"])
    async def test_an_impossible_timeout_is_refused(
        self, client: ImageClient, timeout: Any
    ) -> None:
        """Before anything is done."""
        with pytest.raises(PromptError, match="timeout"):
            await client.generate(self.prompt, timeout=timeout)

    def test_the_models_are_those_of_the_vendor_and_the_default_is_first(
        self, client: ImageClient
    ) -> None:
        """A model id is `vendor/model`."""
        models = client.models()

        assert all(info.model_id.partition("/")[0] == client.provider for info in models)
        assert client.model_id in {info.model_id for info in models}
        assert not models[0].ended

    def test_every_choice_is_taken_and_nothing_else(self, client: ImageClient) -> None:
        """What `models` lists is what `check` takes, keyword by keyword, each with each."""
        odd = {"size": "17x19", "aspect": "97:3", "seed": 2**32 - 1}
        for info in client.models():
            client.model = info.model_id.partition("/")[2]
            for values in product(*info.choices.values()):
                client.check(ImagePrompt.of("fox", **dict(zip(info.choices, values, strict=True))))
            for name in {each.name for each in fields(ImagePrompt)} & odd.keys():
                if name not in info.takes:
                    with pytest.raises(PromptError):
                        client.check(ImagePrompt.of("fox", **{name: odd[name]}))

    async def test_a_call_whose_time_is_over_ends_with_a_deadline(
        self, client: ImageClient
    ) -> None:
        """However far it has come."""

        async def draw() -> None:
            async with CallContext(60) as context:
                context.extend(-100)
                await client.make(self.prompt, context)

        with pytest.raises(DeadlineError):
            await draw()

    async def test_a_cancelled_call_is_cancelled(self, client: ImageClient) -> None:
        """Nothing swallows it."""
        begun = asyncio.Event()

        async def draw() -> None:
            async with CallContext(60, listener=lambda _event: begun.set()) as context:
                await client.make(self.prompt, context)

        task = asyncio.create_task(draw())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_closed_client_does_nothing(self, client: ImageClient) -> None:
        """And may be closed again."""
        await client.close()
        await client.close()

        with pytest.raises(ClosedError):
            await client.generate(self.prompt)

    def test_a_client_stays_in_its_process(self, client: ImageClient) -> None:
        """It holds connections and keys, which no file may have."""
        with pytest.raises(TypeError):
            pickle.dumps(client)


class HttpImageClientContract(ImageClientContract):
    """What every client for pictures that asks a vendor does, too.

    Give the fixtures `vendor` and `client`; the client is an `HttpClient`.
    """

    @asynccontextmanager
    async def one_try(
        self, vendor: VendorHandle, client: ImageClient
    ) -> AsyncIterator[ImageClient]:
        """A client of the same kind that asks once, so that what it raises is the vendor's word."""
        kind: Callable[..., ImageClient] = type(client)
        retry = Retry(attempts=1)
        async with kind(vendor.key, base_url=vendor.base_url, retry=retry) as other:
            yield other

    async def test_what_cannot_be_made_is_never_sent(
        self, vendor: VendorHandle, client: ImageClient
    ) -> None:
        """Neither an unknown option nor an impossible time."""
        with pytest.raises(PromptError):
            await client.generate(ImagePrompt.of(self.prompt, no_such_option=1))
        with pytest.raises(PromptError):
            await client.generate(self.prompt, timeout=-1)
        await client.close()
        with pytest.raises(ClosedError):
            await client.generate(self.prompt)

        assert vendor.requests == 0

    async def test_one_picture_is_one_request(
        self, vendor: VendorHandle, client: ImageClient
    ) -> None:
        """Each is paid."""
        await client.generate(self.prompt)

        assert vendor.requests == 1

    async def test_the_picture_has_the_vendors_name_for_the_call(self, client: ImageClient) -> None:
        """And what was used up."""
        record = (await client.generate(self.prompt)).provenance

        assert record is not None
        assert record.request_id
        assert record.usage

    @pytest.mark.parametrize(
        ("status", "error", "family"),
        [
            (401, AuthenticationError, "auth"),
            (429, RateLimitError, "rate_limit"),
            (500, ProviderError, "server"),
        ],
    )
    async def test_an_error_status_is_a_typed_error_that_costs_nothing(
        self,
        vendor: VendorHandle,
        client: ImageClient,
        status: int,
        error: type[ProviderError],
        family: str,
    ) -> None:
        """It names the vendor and the status."""
        vendor.fail(status)

        async with self.one_try(vendor, client) as once:
            with pytest.raises(error) as caught:
                await once.generate(self.prompt)

        assert (caught.value.family, caught.value.status) == (family, status)
        assert caught.value.provider == client.provider
        assert not caught.value.may_have_been_billed

    async def test_a_key_that_is_not_accepted_is_tried_once(
        self, vendor: VendorHandle, client: ImageClient
    ) -> None:
        """It will not be accepted the next time."""
        vendor.fail(401)

        with pytest.raises(AuthenticationError):
            await client.generate(self.prompt)

        assert vendor.requests == 1

    @pytest.mark.parametrize("status", [429, 503])
    async def test_a_vendor_that_is_busy_is_asked_again(
        self, vendor: VendorHandle, client: ImageClient, status: int
    ) -> None:
        """With such a status, nothing was made."""
        vendor.fail(status, times=1)

        await client.generate(self.prompt)

        assert vendor.requests == 2

    async def test_a_silent_vendor_may_have_billed_and_is_asked_once(
        self, vendor: VendorHandle, client: ImageClient
    ) -> None:
        """The time is over as soon as the request was sent and the answer is waited for."""
        vendor.stay_silent()
        waiting = asyncio.Event()

        def hear(event: Event) -> None:
            if isinstance(event, Waiting):
                waiting.set()

        async def draw() -> None:
            async with CallContext(60, listener=hear) as context:
                drawing = asyncio.ensure_future(client.make(self.prompt, context))
                await asyncio.gather(vendor.wait_for_request(), waiting.wait())
                context.extend(-100)
                await drawing

        with pytest.raises(DeadlineError) as caught:
            await draw()

        assert caught.value.may_have_been_billed
        assert vendor.requests == 1

    @pytest.mark.parametrize("manner", ["hang_up", "talk_nonsense"])
    async def test_what_may_have_been_billed_is_never_sent_twice(
        self, vendor: VendorHandle, client: ImageClient, manner: str
    ) -> None:
        """The vendor answered with a success, so there may be a picture to pay."""
        getattr(vendor, manner)()

        with pytest.raises((TransportError, ProviderError)) as caught:
            await client.generate(self.prompt)

        assert caught.value.may_have_been_billed
        assert vendor.requests == 1

    async def test_the_key_is_never_shown(self, vendor: VendorHandle, client: ImageClient) -> None:
        """Not by the client, and not when the vendor quotes it."""
        vendor.quote_key()

        with pytest.raises(MediaToolkitError) as caught:
            await client.generate(self.prompt)

        shown = f"{client!r}{vars(client)!r}{caught.value}{caught.value!r}{vars(caught.value)!r}"
        assert vendor.key not in shown

    async def test_the_key_comes_from_the_environment(
        self, vendor: VendorHandle, client: ImageClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without one, the message names every place where it could be."""
        kind = type(client)
        assert issubclass(kind, HttpClient)
        for name in kind.key_names:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(AuthenticationError) as caught:
            kind(base_url=vendor.base_url)
        assert all(name in str(caught.value) for name in ("api_key=", *kind.key_names))

        for name in kind.key_names:
            monkeypatch.setenv(name, vendor.key)
            async with kind(base_url=vendor.base_url) as other:
                await other.generate(self.prompt)
            monkeypatch.delenv(name)

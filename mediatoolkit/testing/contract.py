"""What every client does, as tests to inherit."""

# ruff: noqa: S101 - a contract is made of assertions

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mediatoolkit.errors import (
    AuthenticationError,
    ClosedError,
    DeadlineError,
    MediaToolkitError,
    PromptError,
    ProviderError,
    RateLimitError,
    RefusalError,
    TransportError,
)
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.base import Client, SpeechClient
from mediatoolkit.providers.capabilities import Capabilities, Number
from mediatoolkit.providers.http import HttpClient
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Waiting
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.testing.vendor import VendorHandle
from mediatoolkit.transport import Retry
from mediatoolkit.transport.session import sessions

if TYPE_CHECKING:
    from mediatoolkit.media import Sound

_MOST_COMBINATIONS = 4_096
_QUICK = Polling(first=0.01, cap=0.05)


class ClientContract:
    """What every client does. Give the fixture `client`; the client is closed after.

    Attributes:
        prompt: What is made; every model of the client must take it.
        odd: Values that no model lists, by keyword.
    """

    prompt: ClassVar[Prompt]
    odd: ClassVar[Mapping[str, Any]] = {}

    async def test_a_text_becomes_media_that_says_how_it_was_made(
        self, client: Client[Any, Any]
    ) -> None:
        """The provenance is complete, and is JSON."""
        media = await client.generate(self.prompt)

        record = media.provenance
        assert isinstance(media, client.media_type)
        assert record is not None
        assert (record.model, record.engine) == (client.model_id, client.provider)
        assert record.prompt == self.prompt.text
        assert record.created
        assert json.loads(record.to_json()).get("options", {}) == record.options

    async def test_a_plain_text_is_a_prompt(self, client: Client[Any, Any]) -> None:
        """As the kind of prompt makes of it."""
        media = await client.generate(self.prompt.text)

        assert media.provenance is not None
        assert media.provenance.prompt == self.prompt.text

    async def test_an_unknown_option_is_refused(self, client: Client[Any, Any]) -> None:
        """And the message names the option."""
        with pytest.raises(PromptError, match="no_such_option="):
            await client.generate(type(self.prompt).of(self.prompt, no_such_option=1))

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), "soon"])
    async def test_an_impossible_timeout_is_refused(
        self, client: Client[Any, Any], timeout: Any
    ) -> None:
        """Before anything is done."""
        with pytest.raises(PromptError, match="timeout"):
            await client.generate(self.prompt, timeout=timeout)

    def test_the_models_are_those_of_the_vendor_and_the_default_is_first(
        self, client: Client[Any, Any]
    ) -> None:
        """A model id is `vendor/model`."""
        models = client.models()

        assert all(info.model_id.partition("/")[0] == client.provider for info in models)
        assert not models[0].ended

    def test_every_choice_is_taken_and_nothing_else(self, client: Client[Any, Any]) -> None:
        """What `models` lists is what `check` takes, keyword by keyword, each with each."""
        kind = type(self.prompt)
        for info in client.models():
            client.model = info.model_id.partition("/")[2]
            for values in combinations(info.capabilities):
                client.check(kind.of(self.prompt.text, **values))
            for name, value in self.odd.items():
                rule = info.capabilities.keywords.get(name)
                if name not in info.takes and not getattr(rule, "others", False):
                    with pytest.raises(PromptError):
                        client.check(kind.of(self.prompt.text, **{name: value}))

    async def test_a_call_whose_time_is_over_ends_with_a_deadline(
        self, client: Client[Any, Any]
    ) -> None:
        """However far it has come."""

        async def make() -> None:
            async with CallContext(60) as context:
                context.extend(-100)
                await client.make(self.prompt, context)

        with pytest.raises(DeadlineError):
            await make()

    async def test_a_cancelled_call_is_cancelled(self, client: Client[Any, Any]) -> None:
        """Nothing swallows it."""
        begun = asyncio.Event()

        async def make() -> None:
            async with CallContext(60, listener=lambda _event: begun.set()) as context:
                await client.make(self.prompt, context)

        task = asyncio.create_task(make())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_closed_client_does_nothing(self, client: Client[Any, Any]) -> None:
        """And may be closed again."""
        await client.close()
        await client.close()

        with pytest.raises(ClosedError):
            await client.generate(self.prompt)

    def test_a_client_stays_in_its_process(self, client: Client[Any, Any]) -> None:
        """It holds connections and keys, which no file may have."""
        with pytest.raises(TypeError):
            pickle.dumps(client)


class ImageClientContract(ClientContract):
    """What every client for pictures does."""

    prompt: ClassVar[Prompt] = ImagePrompt("a red fox under the stars")
    odd: ClassVar[Mapping[str, Any]] = {"size": "17x19", "aspect": "97:3", "seed": 2**32 - 1}


class SpeechClientContract(ClientContract):
    """What every client for speech does."""

    prompt: ClassVar[Prompt] = SpeechPrompt("A red fox looks up at the stars.")
    odd: ClassVar[Mapping[str, Any]] = {"speed": 0.26}

    async def test_speech_sounds_piece_by_piece(self, client: SpeechClient) -> None:
        """As one stream of sound, or as a single piece where the vendor does not stream."""
        pieces: list[Sound] = []
        async with CallContext(60) as context:
            await client.stream_to(self._speech, context, pieces.append)

        assert sum(piece.seconds for piece in pieces) > 0.2
        assert len({(piece.sample_rate, piece.channels) for piece in pieces}) == 1

    @property
    def _speech(self) -> SpeechPrompt:
        assert isinstance(self.prompt, SpeechPrompt)
        return self.prompt


class VideoClientContract(ClientContract):
    """What every client for films does."""

    prompt: ClassVar[Prompt] = VideoPrompt("a red fox walks under the stars")
    odd: ClassVar[Mapping[str, Any]] = {"aspect": "97:3", "seed": 2**32 - 1}


class HttpClientContract(ClientContract):
    """What every client that asks a vendor does, too.

    Give `client_type` and the fixture `vendor`.

    Attributes:
        client_type: The client.
        options: Further keywords of its constructor.
        tells_usage: Whether a response says what was used up.
        names_calls: Whether a response has the vendor's name for the call.
        refuses: Whether the vendor has a content policy.
    """

    client_type: ClassVar[type[HttpClient[Any, Any]]]
    options: ClassVar[Mapping[str, Any]] = {}
    tells_usage: ClassVar[bool] = True
    names_calls: ClassVar[bool] = True
    refuses: ClassVar[bool] = True

    def new_client(self, vendor: VendorHandle, **options: Any) -> HttpClient[Any, Any]:
        """A client of *vendor*, which is polled quickly."""
        every = {"base_url": vendor.base_url, "trusted_origins": vendor.trusted_origins}
        client = self.client_type(**{"api_key": vendor.key, **every, **self.options, **options})
        if isinstance(client, QueuedClient):
            client.polling = _QUICK
        return client

    @pytest.fixture
    async def client(self, vendor: VendorHandle) -> AsyncIterator[HttpClient[Any, Any]]:
        """A client of the vendor, closed after."""
        async with self.new_client(vendor) as client:
            yield client

    @pytest.fixture
    async def once(self, vendor: VendorHandle) -> AsyncIterator[HttpClient[Any, Any]]:
        """A client that asks once, so that what it raises is the vendor's word."""
        async with self.new_client(vendor, retry=Retry(attempts=1)) as client:
            yield client

    async def test_what_cannot_be_made_is_never_sent(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """Neither an unknown option nor an impossible time."""
        with pytest.raises(PromptError):
            await client.generate(type(self.prompt).of(self.prompt, no_such_option=1))
        with pytest.raises(PromptError):
            await client.generate(self.prompt, timeout=-1)
        await client.close()
        with pytest.raises(ClosedError):
            await client.generate(self.prompt)

        assert vendor.requests == 0

    async def test_media_is_paid_once(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """One generation begins once."""
        await client.generate(self.prompt)

        assert vendor.requests == 1

    async def test_the_record_says_what_the_vendor_tells(
        self, client: HttpClient[Any, Any]
    ) -> None:
        """Its name for the call, and what was used up."""
        record = (await client.generate(self.prompt)).provenance

        assert record is not None
        assert record.request_id or not self.names_calls
        assert record.usage or not self.tells_usage

    @pytest.mark.parametrize(
        ("status", "error", "family"),
        [
            (401, AuthenticationError, "auth"),
            (404, ProviderError, None),
            (429, RateLimitError, "rate_limit"),
            (500, ProviderError, "server"),
        ],
    )
    async def test_an_error_status_is_a_typed_error_that_costs_nothing(
        self,
        vendor: VendorHandle,
        once: HttpClient[Any, Any],
        status: int,
        error: type[ProviderError],
        family: str | None,
    ) -> None:
        """It names the vendor and the status."""
        vendor.fail(status)

        with pytest.raises(error) as caught:
            await once.generate(self.prompt)

        assert family in (None, caught.value.family)
        assert caught.value.status == status
        assert caught.value.provider == once.provider
        assert not caught.value.may_have_been_billed

    async def test_a_key_that_is_not_accepted_is_tried_once(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """It will not be accepted the next time."""
        vendor.fail(401)

        with pytest.raises(AuthenticationError):
            await client.generate(self.prompt)

        assert vendor.requests == 1

    @pytest.mark.parametrize("status", [429, 503])
    async def test_a_vendor_that_is_busy_is_asked_again(
        self, vendor: VendorHandle, client: HttpClient[Any, Any], status: int
    ) -> None:
        """With such a status, nothing was made."""
        vendor.fail(status, times=1)

        await client.generate(self.prompt)

        assert vendor.requests == 2

    async def test_a_refusal_is_no_other_error(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """It is not tried again, and says what the vendor's policy said."""
        if not self.refuses:
            pytest.skip("there is no content policy")
        vendor.refuse()

        with pytest.raises(RefusalError) as caught:
            await client.generate(self.prompt)

        assert caught.value.reason
        assert vendor.requests == 1

    async def test_a_silent_vendor_may_have_billed_and_is_asked_once(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """The time is over as soon as the request was sent and the answer is waited for."""
        vendor.stay_silent()
        waiting = asyncio.Event()

        def hear(event: Event) -> None:
            if isinstance(event, Waiting):
                waiting.set()

        async def make() -> None:
            async with CallContext(60, listener=hear) as context:
                making = asyncio.ensure_future(client.make(self.prompt, context))
                await asyncio.gather(vendor.wait_for_request(), waiting.wait())
                context.extend(-100)
                await making

        with pytest.raises(DeadlineError) as caught:
            await make()

        assert caught.value.may_have_been_billed
        assert vendor.requests == 1

    @pytest.mark.parametrize("manner", ["hang_up", "talk_nonsense"])
    async def test_what_may_have_been_billed_is_never_sent_twice(
        self, vendor: VendorHandle, client: HttpClient[Any, Any], manner: str
    ) -> None:
        """The vendor answered with a success, so there may be something to pay."""
        getattr(vendor, manner)()

        with pytest.raises((TransportError, ProviderError)) as caught:
            await client.generate(self.prompt)

        assert caught.value.may_have_been_billed
        assert vendor.requests == 1

    async def test_a_session_of_yours_is_used_and_never_closed(self, vendor: VendorHandle) -> None:
        """Two generations and the end of the client leave it open."""
        session = sessions.session()
        async with self.new_client(vendor, session=session) as client:
            await client.generate(self.prompt)
            await client.generate(self.prompt)

        assert not session.closed

    async def test_the_key_is_never_shown(
        self, vendor: VendorHandle, client: HttpClient[Any, Any]
    ) -> None:
        """Not by the client, and not when the vendor quotes it."""
        vendor.quote_key()

        with pytest.raises(MediaToolkitError) as caught:
            await client.generate(self.prompt)

        shown = f"{client!r}{vars(client)!r}{caught.value}{caught.value!r}{vars(caught.value)!r}"
        assert vendor.key not in shown

    async def test_the_key_comes_from_the_environment(
        self, vendor: VendorHandle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without one, the message names every place where it could be."""
        kind = self.client_type
        for name in kind.key_names:
            monkeypatch.delenv(name, raising=False)
        if not kind.is_own_server:
            with pytest.raises(AuthenticationError) as caught:
                self.new_client(vendor, api_key=None)
            assert all(name in str(caught.value) for name in ("api_key=", *kind.key_names))

        for name in kind.key_names:
            monkeypatch.setenv(name, vendor.key)
            async with self.new_client(vendor, api_key=None) as client:
                await client.generate(self.prompt)
            monkeypatch.delenv(name)


class HttpImageClientContract(HttpClientContract, ImageClientContract):
    """What every client for pictures that asks a vendor does."""


class HttpSpeechClientContract(HttpClientContract, SpeechClientContract):
    """What every client for speech that asks a vendor does."""


class HttpVideoClientContract(HttpClientContract, VideoClientContract):
    """What every client for films that asks a vendor does."""


class QueuedClientContract(HttpClientContract):
    """What every client whose vendor works in the background does, too."""

    async def test_a_cancel_reaches_the_vendor(
        self, vendor: VendorHandle, client: QueuedClient[Any, Any]
    ) -> None:
        """Who stops a job does not pay for it to go on."""
        vendor.work_on()
        waiting = asyncio.Event()

        async def make() -> None:
            async with CallContext(60) as context:
                job_id = await client.start(self.prompt, context)
                waiting.set()
                await client.wait(job_id, await client.provenance(self.prompt), context)

        task = asyncio.create_task(make())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await vendor.wait_for_cancel()

    async def test_a_job_outlives_its_client(
        self, vendor: VendorHandle, client: QueuedClient[Any, Any]
    ) -> None:
        """Its id is all that another client needs to come for the media."""
        provenance = await client.provenance(self.prompt)
        async with CallContext(60) as context:
            job_id = await client.start(self.prompt, context)

        async with self.new_client(vendor) as other, CallContext(60) as context:
            assert isinstance(other, QueuedClient)
            media = await other.wait(job_id, provenance, context)

        assert isinstance(media, client.media_type)
        assert vendor.requests == 1


def combinations(capabilities: Capabilities) -> Iterator[dict[str, Any]]:
    """Each value with each, or, where those are too many, each value alone."""
    rules = capabilities.keywords
    choices: dict[str, list[Any]] = {
        name: list(map(int, words) if isinstance(rules[name], Number) else words)
        for name, words in capabilities.choices.items()
    }
    if prod(map(len, choices.values())) <= _MOST_COMBINATIONS:
        for values in product(*choices.values()):
            yield dict(zip(choices, values, strict=True))
    else:
        yield from ({name: value} for name, several in choices.items() for value in several)

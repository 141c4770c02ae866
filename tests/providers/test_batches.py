"""Batches of every vendor: how they are filled, polled, cancelled, and read."""

from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.providers.batches import BatchClient, BatchLoad, JsonLines
from mediatoolkit.providers.jobs import PollAgain
from mediatoolkit.runtime.context import CallContext
from tests.providers.batch_calls import (
    error_in,
    made,
    prompts,
    results_of,
    submitted,
    until_over,
)
from tests.providers.batch_vendors import (
    KEY,
    BatchVendor,
    OpenAIVendor,
)
from tests.transport.server import raw, said, serving


@pytest.fixture(params=["gemini", "openai"])
def both(
    request: pytest.FixtureRequest,
) -> tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]:
    client, vendor = {"gemini": ("gemini", "google"), "openai": ("painter", "openai")}[
        request.param
    ]
    return request.getfixturevalue(client), request.getfixturevalue(vendor)


class TestBoth:
    async def test_a_later_process_reads_the_results(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        """All that it needs is the name and the prompts."""
        client, vendor = both
        name = await submitted(client, prompts(3))
        url = f"{vendor.url}/v1" if isinstance(vendor, OpenAIVendor) else vendor.url
        async with type(client)(KEY, base_url=url) as another:  # type: ignore[call-arg]
            results = await results_of(another, name, prompts(3))
        assert [type(result) for result in results.values()] == [mt.Image] * 3

    async def test_a_batch_is_polled_until_it_is_over(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        client, vendor = both
        vendor.polls = 2
        name = await submitted(client, prompts(3))
        async with CallContext(20) as context:
            first = await client.poll_batch(name, context)
            with pytest.raises(mt.ProviderError, match="not over yet"):
                await anext(client.batch_results(name, prompts(3), context))
            last = await client.poll_batch(name, context)
        assert not first.is_over
        assert (last.is_over, last.done, last.failed) == (True, 3, 0)
        assert last.state in {"SUCCEEDED", "completed"}

    @pytest.mark.parametrize(
        ("ends", "words"),
        [
            (("CANCELLED", "cancelled"), "was cancelled"),
            (("EXPIRED", "expired"), "expired"),
            (("FAILED", "failed"), "failed as a whole"),
        ],
        ids=["cancelled", "expired", "failed"],
    )
    async def test_what_was_not_reached_was_not_billed(
        self,
        both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor],
        ends: tuple[str, str],
        words: str,
    ) -> None:
        client, vendor = both
        vendor.end = ends[isinstance(vendor, OpenAIVendor)]
        vendor.answer = lambda _key, _body: {"response": {}, "custom_id": "nobody"}
        message = {"message": "No room."}
        vendor.more = {"error": message, "errors": {"data": [message]}}
        name = await submitted(client, prompts(2))
        assert (await until_over(client, name)).is_over
        results = await results_of(client, name, prompts(2))
        assert list(results) == ["row-0", "row-1"]
        for result in results.values():
            assert isinstance(result, mt.ProviderError)
            assert words in str(result)
            assert ("No room" in str(result)) is (words == "failed as a whole")
            assert not result.may_have_been_billed

    async def test_a_missing_answer_may_have_been_billed(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        client, vendor = both
        vendor.order = lambda results: list(results)[:-1]
        results = await made(client, prompts(3))
        error = error_in(results["row-2"])
        assert error.may_have_been_billed
        assert error.family == "protocol"

    async def test_a_cancel_is_passed_on(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        client, vendor = both
        vendor.polls = 1_000
        name = await submitted(client, prompts(1))
        async with CallContext(20) as context:
            assert not (await client.poll_batch(name, context)).is_over
            assert await client.cancel_batch(name, context)
            assert not context.may_have_been_billed
        assert (await until_over(client, name)).is_over

    async def test_an_unknown_batch_is_named(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        """A 404 judges the batch, not the model; a look at it may come too early."""
        client, vendor = both
        name = "batch_9" if isinstance(vendor, OpenAIVendor) else "batches/b9"
        async with CallContext(20) as context:
            with pytest.raises(PollAgain):
                await client.poll_batch(name, context)
            with pytest.raises(mt.ProviderError, match=f"has no batch {name}"):
                await client.cancel_batch(name, context)
            with pytest.raises(mt.ProviderError, match=f"has no batch {name}"):
                await anext(client.batch_results(name, prompts(1), context))

    async def test_a_name_that_is_none_goes_nowhere(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        client, vendor = both
        async with CallContext(20) as context:
            with pytest.raises(mt.PromptError, match="no name of a batch"):
                await client.poll_batch("../models", context)
        assert not vendor.seen

    def test_the_price_is_half(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor]
    ) -> None:
        client, _ = both
        prompt = ImagePrompt.of("a fox", size="1K")
        alone, together = client.quote(prompt), client.batch_quote(prompt)
        assert together.high is not None
        assert alone.high is not None
        assert (together.low, together.high) == (alone.low / 2, alone.high / 2)  # type: ignore[operator]
        assert together.basis.endswith("batch")

    @pytest.mark.parametrize("count", [1, 40], ids=["inline", "file"])
    async def test_the_batch_alone_is_paid(
        self, both: tuple[BatchClient[ImagePrompt, mt.Image], BatchVendor], count: int
    ) -> None:
        """An upload that fails has cost nothing."""
        client, _ = both
        async with CallContext(20) as context:
            await client.submit_batch(prompts(count), context)
            assert context.paid == 1

    async def test_a_lost_submit_is_not_sent_again(self) -> None:
        """The vendor may have taken the batch."""
        async with serving() as server:
            server.then(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", stays=False))
            async with mt.GeminiImageClient(KEY, base_url=server.url) as client:
                with pytest.raises(mt.TransportError) as caught:
                    await submitted(client, prompts(1))
        assert caught.value.may_have_been_billed
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    async def test_a_look_that_tells_nothing_is_no_end(self, status: int) -> None:
        for kind, name, base in (
            (mt.GeminiImageClient, "batches/b1", ""),
            (mt.OpenAIImageClient, "batch_1", "/v1"),
        ):
            await _looks(kind, name, base, status)


async def _looks(kind: Any, name: str, base: str, status: int) -> None:
    retry = mt.Retry(attempts=1)
    async with serving() as server, kind(KEY, base_url=server.url + base, retry=retry) as client:
        server.then(said({"error": {"message": "later"}}, status))
        async with CallContext(20) as context:
            with pytest.raises(PollAgain):
                await client.poll_batch(name, context)


ODD_LOOKS: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "another batch": {"name": "batches/b2", "id": "batch_2", "status": "completed"},
    "a new word": {"metadata": {"state": "BATCH_STATE_PAUSED"}, "status": "paused"},
    "no word": {"metadata": {"state": 3}, "status": 3},
}


@pytest.mark.parametrize("look", ODD_LOOKS)
@pytest.mark.parametrize("vendor", ["gemini", "openai"])
async def test_an_odd_look_is_followed_by_another(look: str, vendor: str) -> None:
    kind: Any = mt.GeminiImageClient if vendor == "gemini" else mt.OpenAIImageClient
    name = "batches/b1" if vendor == "gemini" else "batch_1"
    async with serving() as server, kind(KEY, base_url=server.url) as client:
        server.then(said(ODD_LOOKS[look]))
        async with CallContext(20) as context:
            with pytest.raises(PollAgain) as caught:
                await client.poll_batch(name, context)
    assert (caught.value.denial is None) is (look == "a new word")


async def test_a_key_that_is_not_accepted_ends_it() -> None:
    async with serving() as server, mt.OpenAIImageClient(KEY, base_url=server.url) as client:
        server.then(said({"error": {"message": "Wrong key.", "code": "invalid_api_key"}}, 401))
        async with CallContext(20) as context:
            with pytest.raises(mt.AuthenticationError):
                await client.poll_batch("batch_1", context)


async def test_a_file_of_lines_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    """What follows a damaged part belongs to its line, and is no line of its own."""
    long = b"x" * (1 << 20) + b'{"key": "forged"}'
    lines = [b'{"key": 1}', b"", b"\r", b"{", long, b'{"data": "Zm94"}\r', b'{"data": "%"}', b"[2]"]
    file = tmp_path / "lines"
    file.write_bytes(b"\n".join(lines))
    with file.open("rb") as open_file:
        found = [line async for line in JsonLines(open_file, ("data",), 1 << 19).documents()]
    assert found == [({"key": 1}, {}), ({"data": "media-0"}, {"media-0": b"fox"}), ([2], {})]


class TestFilling:
    def test_batches_hold_what_the_vendor_takes(self) -> None:
        """By number, by what is sent, by what comes back, and by group."""

        class Narrow(mt.GeminiImageClient):
            largest_batch = 3
            heaviest_batch = 100
            heaviest_answer = 1_000

            def batch_load(self, prompt: ImagePrompt) -> BatchLoad:
                sent, received, group = prompt.text.split()
                return BatchLoad(int(sent), int(received), group)

        client = Narrow(KEY)

        def fill(*loads: str) -> list[list[str]]:
            rows = [(str(n), ImagePrompt(load)) for n, load in enumerate(loads)]
            return [list(batch) for batch in client.batches_of(rows)]

        assert fill() == []
        assert fill(*["1 1 a"] * 4) == [["0", "1", "2"], ["3"]]
        assert fill("60 1 a", "50 1 a", "40 1 a") == [["0"], ["1", "2"]]
        assert fill("1 900 a", "1 200 a", "999 9999 a") == [["0"], ["1"], ["2"]]
        assert fill("1 1 a", "1 1 b", "1 1 a") == [["0", "2"], ["1"]]

    def test_batches_are_filled_as_prompts_come(self) -> None:
        """Ten thousand rows need not be held at once."""
        client = mt.GeminiImageClient(KEY)
        taken: list[int] = []

        def rows() -> Any:
            for n in range(10_000):
                taken.append(n)
                yield str(n), ImagePrompt.of("fox", size="1K")

        first = next(client.batches_of(rows()))
        assert len(first) < len(taken) < 1_000

    def test_a_price_that_is_not_listed_may_be_the_usual_one(self) -> None:
        """A limit holds even if the vendor gives no discount."""
        client = mt.OpenAIImageClient(KEY, model="gpt-image-2.6-sunburst")
        prompt = ImagePrompt.of("a fox", size="1K", quality="high")
        assert client.batch_quote(prompt).high == client.quote(prompt).high

    def test_a_service_tier_is_refused(self) -> None:
        with pytest.raises(mt.PromptError, match="leave out service_tier"):
            mt.GeminiImageClient(KEY).check_batch(ImagePrompt.of("fox", service_tier="flex"))

    def test_a_model_without_a_lane_is_refused(self) -> None:
        client = mt.GeminiImageClient(KEY, model="imagen-4.0-generate-001")
        with pytest.raises(mt.PromptError, match="cannot be made in a batch"):
            client.check_batch(ImagePrompt("fox"))

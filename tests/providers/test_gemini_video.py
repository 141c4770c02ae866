"""Gemini films: begun once, looked at, fetched without the key, stopped at the vendor."""

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from tests.deadline import run_out
from tests.media.clips import clip
from tests.providers.conftest import KEY
from tests.test_prompts import picture

WIRE = Path(__file__).parents[1] / "wire"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(redirects=True) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[mt.GeminiVideoClient]:
    trusted = (sim.files_url,)
    async with mt.GeminiVideoClient(
        api_key=KEY, base_url=sim.url, trusted_origins=trusted
    ) as gemini:
        gemini.polling = Polling(first=0.01, cap=0.01)
        yield gemini


def sent(sim: Simulator, method: str, ending: str) -> list[Any]:
    return [
        request
        for request in sim.requests
        if request.method == method and request.path.endswith(ending)
    ]


async def test_a_film_is_begun_once_looked_at_and_fetched(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    film = await client.generate(mt.VideoPrompt("a fox runs", seconds=5, aspect="16:9", seed=3))
    assert film.mime_type == "video/mp4"
    assert film.seconds == pytest.approx(5, abs=0.1)
    record = film.provenance
    assert record
    assert (record.model, record.seed) == ("gemini/gemini-omni-1.2-flash", 3)
    assert record.request_id
    assert record.usage["output"]["VIDEO"] > 0
    assert len(sent(sim, "POST", "/interactions")) == 1
    assert len([request for request in sim.requests if "/interactions/" in request.path]) == 3
    assert sim.leaks == [], "the key never leaves its origin"


async def test_the_start_is_the_sdks_field_by_field(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    """Named difference: none."""
    sdk = json.loads((WIRE / "gemini.interaction_video.json").read_text())["requests"][0]
    shape = sdk["body"]["response_format"]
    client.model = sdk["body"]["model"]
    await client.generate(
        mt.VideoPrompt(
            sdk["body"]["input"],
            seconds=float(shape["duration"].rstrip("s")),
            aspect=shape["aspect_ratio"],
            resolution=shape["resolution"],
        )
    )
    ours = sim.requests[0]
    assert (ours.method, ours.path) == (sdk["method"], sdk["path"])
    assert ours.body == sdk["body"]


async def test_a_picture_that_begins_to_move_is_the_sdks_field_by_field(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    """Named difference: none."""
    requests = json.loads((WIRE / "gemini.interaction_video.json").read_text())["requests"]
    sdk = requests[3]["body"]
    first, words = sdk["input"][0]["content"]
    client.model = sdk["model"]
    await client.generate(
        mt.VideoPrompt(
            words["text"],
            image=base64.b64decode(first["data"]),
            seconds=5,
            aspect="16:9",
            resolution="720p",
            seed=7,
        )
    )
    assert sim.requests[0].body == sdk


@pytest.mark.parametrize(
    ("options", "task"),
    [
        ({"image": picture((64, 36))}, "image_to_video"),
        ({"image": picture((64, 36)), "references": [picture((9, 9))]}, "image_to_video"),
        ({"references": [picture((64, 36))]}, "reference_to_video"),
    ],
)
async def test_pictures_go_along_with_their_task(
    sim: Simulator, client: mt.GeminiVideoClient, options: dict[str, Any], task: str
) -> None:
    await client.generate(mt.VideoPrompt.of("a fox runs", **options))
    body = sim.requests[0].body
    assert body["generation_config"]["video_config"]["task"] == task
    (turn,) = body["input"]
    images = ["image"] * len(options)
    assert [content["type"] for content in turn["content"]] == [*images, "text"]


async def test_a_film_goes_on_from_another(sim: Simulator, client: mt.GeminiVideoClient) -> None:
    first = await client.generate("a fox runs")
    await client.generate(mt.VideoPrompt("it stops", previous=first))
    body = sent(sim, "POST", "/interactions")[1].body
    assert body["input"][0]["content"][0]["type"] == "video"
    assert body["generation_config"]["video_config"]["task"] == "extend"


@pytest.mark.parametrize("status", ["failed", "incomplete", "budget_exceeded"])
async def test_a_film_that_fails_says_why(
    sim: Simulator, client: mt.GeminiVideoClient, status: str
) -> None:
    sim.then(f.EndsAs(status, message="out of paint"), at="start")
    with pytest.raises(mt.ProviderError, match=rf"\({status}\): out of paint") as caught:
        await client.generate("a fox")
    assert caught.value.family == "operation"


async def test_a_refusal_arrives_as_completed(sim: Simulator, client: mt.GeminiVideoClient) -> None:
    sim.then(f.TextOnly("I cannot film that."), at="start")
    with pytest.raises(mt.RefusalError, match="I cannot film that"):
        await client.generate("a fox")


@pytest.mark.parametrize(
    "uri",
    [
        "http://10.0.0.1/film.mp4",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://user:pw@example.org/film.mp4",
    ],
)
async def test_an_address_we_do_not_fetch_is_never_fetched(
    sim: Simulator, client: mt.GeminiVideoClient, uri: str
) -> None:
    sim.then(f.ResultAt(uri), at="start")
    with pytest.raises(mt.UnsafeURLError):
        await client.generate("a fox")


async def test_a_file_host_that_is_private_and_not_trusted_is_not_asked(sim: Simulator) -> None:
    async with mt.GeminiVideoClient(api_key=KEY, base_url=sim.url) as client:
        client.polling = Polling(first=0.01, cap=0.01)
        with pytest.raises(mt.UnsafeURLError):
            await client.generate("a fox")
    assert not [request for request in sim.requests if request.origin == sim.files_url]


async def test_one_bad_look_is_looked_again(sim: Simulator, client: mt.GeminiVideoClient) -> None:
    sim.then(f.Status(500), at="poll")
    await client.generate("a fox")
    assert len(sent(sim, "POST", "/interactions")) == 1


async def test_a_key_that_is_refused_at_a_look_is_told_at_once(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    sim.then(f.Status(401), at="poll")
    with pytest.raises(mt.AuthenticationError, match=r"credentials\. Set GEMINI_API_KEY"):
        await client.generate("a fox")


async def test_a_prompt_that_is_blocked_at_the_start_is_a_refusal(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    sim.then(f.PromptBlocked(), at="start")
    with pytest.raises(mt.RefusalError, match="safety policy") as caught:
        await client.generate("a fox")
    assert not caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 2}, "3 to 10"),
        ({"seconds": 5.5}, "whole seconds"),
        ({"aspect": "1:1"}, "16:9 or 9:16"),
        ({"resolution": "480p"}, "720p"),
        ({"image": picture(), "last": picture()}, "last picture"),
        ({"fps": 60}, "has no option fps="),
    ],
)
async def test_what_gemini_does_not_film_is_refused_before_it_is_sent(
    sim: Simulator, client: mt.GeminiVideoClient, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError, match=words):
        await client.generate(mt.VideoPrompt.of("a fox", **options))
    assert sim.requests == []


async def test_what_is_too_large_for_gemini_is_refused_before_it_is_sent(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    padding = (76 << 20).to_bytes(4) + b"free" + bytes((76 << 20) - 8)  # 101 MiB in base64
    film = mt.Video(clip() + padding)
    with pytest.raises(mt.PromptError, match=r"101 MiB; .* takes 100\. Give a shorter film"):
        await client.generate(mt.VideoPrompt("and on", previous=film))
    assert sim.requests == []


async def test_a_key_without_billing_is_told_what_films_without(
    sim: Simulator, client: mt.GeminiVideoClient
) -> None:
    sim.then(f.Status(429, quota=0), at="start")
    with pytest.raises(mt.RateLimitError, match=r'or film locally: model="local"'):
        await client.generate("a fox")


@pytest.mark.parametrize("rest", ["", ":download", ":download?alt=media"])
async def test_a_file_of_googles_is_asked_of_our_own_address(
    sim: Simulator, client: mt.GeminiVideoClient, rest: str
) -> None:
    sim.then(
        f.ResultAt(f"https://generativelanguage.googleapis.com/v1/files/abc{rest}"), at="start"
    )
    with pytest.raises(mt.MediaToolkitError):  # it has no such file
        await client.generate("a fox")
    assert len(sent(sim, "GET", "/v1/files/abc:download")) == 1


class TestJobsThatOutliveTheKernel:
    """Written down before the first look, forgotten when over."""

    @pytest.fixture
    async def slow(self) -> AsyncIterator[Simulator]:
        """Never gets done."""
        async with Simulator(looks=1_000_000) as simulator:
            yield simulator

    def agent(self, sim: Simulator, folder: Path) -> mt.VideoGenAgent:
        trusted = (sim.files_url,)
        client = mt.GeminiVideoClient(api_key=KEY, base_url=sim.url, trusted_origins=trusted)
        client.polling = Polling(first=0.01, cap=0.01)
        return mt.VideoGenAgent(client, store=folder)

    async def test_a_finished_film_is_kept_and_its_job_forgotten(
        self, sim: Simulator, tmp_path: Path
    ) -> None:
        async with self.agent(sim, tmp_path) as agent:
            film = await agent.generate("a fox runs")
            assert agent.pending() == []
        assert film.path
        assert mt.Video.open(film.path).provenance == film.provenance

    async def test_a_deadline_leaves_a_job_that_can_be_resumed(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await run_out(job, lambda: len(slow.requests) > 2)
            with pytest.raises(mt.DeadlineError):
                await job
            (pending,) = agent.pending()
            assert pending.provenance.prompt == "a fox runs"
            assert "a fox runs" in repr(pending)
            with pytest.raises(mt.DeadlineError):
                await agent.resume(pending.id, timeout=0.3)
            with pytest.raises(mt.PromptError, match="pending"):
                await agent.resume("another")
        assert len(sent(slow, "POST", "/interactions")) == 1
        assert sent(slow, "POST", "/cancel") == []

    async def test_a_cancel_reaches_the_vendor_and_is_confirmed(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await slow.until(lambda: len(slow.requests) > 2)
            job.cancel()
            with pytest.raises(mt.JobCancelled, match="vendor confirmed"):
                await job
            assert agent.pending() == []
        assert len(sent(slow, "POST", "/cancel")) == 1
        assert [path.name for path in tmp_path.rglob("*")] == ["pending"]

    async def test_a_cancel_that_is_not_confirmed_says_so_and_keeps_the_job(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        slow.then(f.Silence(), at="cancel")
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await slow.until(lambda: len(slow.requests) > 2)
            job.cancel()
            with pytest.raises(mt.JobCancelled, match="did not confirm") as caught:
                await asyncio.wait_for(job, 60)
            assert caught.value.may_have_been_billed
            assert len(agent.pending()) == 1

    async def test_a_refused_job_is_forgotten(self, sim: Simulator, tmp_path: Path) -> None:
        sim.then(f.TextOnly("no"), at="start")
        async with self.agent(sim, tmp_path) as agent:
            with pytest.raises(mt.RefusalError):
                await agent.generate("a fox")
            assert agent.pending() == []

    @pytest.mark.parametrize(
        ("fault", "purpose"),
        [
            (f.Status(408), "poll"),
            (f.Status(429), "poll"),
            (f.Status(403), "download"),
            (f.Status(408), "download"),
            (f.Status(429), "download"),
            (f.Status(503), "download"),
        ],
        ids=repr,
    )
    async def test_the_next_client_is_never_asked_for_a_film_that_was_begun(
        self, sim: Simulator, tmp_path: Path, fault: Any, purpose: Any
    ) -> None:
        sim.always(fault, at=purpose)
        once = mt.Retry(attempts=1)
        clients = [mt.GeminiVideoClient(KEY, base_url=sim.url, retry=once) for _ in range(2)]
        clients[0].polling = Polling(first=0.01, cap=0.01)
        async with mt.VideoGenAgent(clients, store=tmp_path) as agent:
            job = agent.start("a fox")
            if purpose == "poll":  # a look costs nothing, so the deadline alone ends them
                await run_out(job, lambda: len(sim.requests) > 3)
            with pytest.raises(mt.MediaToolkitError) as caught:
                await job
            assert len(agent.pending()) == 1, "it can be resumed"
        assert caught.value.may_have_been_billed
        assert len(sent(sim, "POST", "/interactions")) == 1

    async def test_a_cancel_right_after_the_start_still_reaches_the_vendor(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        gate = f.Gate(0)
        slow.then(gate, at="start")
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await slow.until(lambda: len(slow.requests) == 1)
            job.cancel()
            gate.open()
            with pytest.raises(mt.JobCancelled, match="vendor confirmed"):
                await job
            assert agent.pending() == []
        assert len(sent(slow, "POST", "/cancel")) == 1

    async def test_a_second_cancel_does_not_cut_the_first_one_short(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        gate = f.Gate(0)
        slow.then(gate, at="cancel")
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await slow.until(lambda: len(slow.requests) > 2)
            job.cancel()
            await slow.until(lambda: bool(sent(slow, "POST", "/cancel")))
            job.cancel()
            gate.open()
            with pytest.raises(mt.JobCancelled, match="vendor confirmed"):
                await job

    async def test_a_job_that_cannot_be_written_down_is_withdrawn(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        """The room for records was lost while the vendor began."""
        gate = f.Gate(0)
        slow.then(gate, at="start")
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await slow.until(lambda: len(slow.requests) == 1)
            shutil.rmtree(tmp_path / "pending")
            (tmp_path / "pending").write_text("a file in the way")
            gate.open()
            with pytest.raises(mt.StorageError) as caught:
                await job
        assert len(sent(slow, "POST", "/cancel")) == 1
        assert not caught.value.may_have_been_billed, "the vendor confirmed"

    async def test_a_film_that_finds_no_room_here_is_left_at_the_vendor(
        self, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with self.agent(sim, tmp_path) as agent:
            with monkeypatch.context() as broken:
                broken.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
                with pytest.raises(mt.StorageError, match="temporary folder") as caught:
                    await agent.generate("a fox runs")
            assert caught.value.may_have_been_billed
            (pending,) = agent.pending()
            film = await agent.resume(pending.id)
        assert film.path
        assert sent(sim, "POST", "/cancel") == []
        assert len(sent(sim, "POST", "/interactions")) == 1

    async def test_a_deadline_names_the_job_that_goes_on(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        async with self.agent(slow, tmp_path) as agent:
            job = agent.start("a fox runs")
            await run_out(job, lambda: len(slow.requests) > 2)
            with pytest.raises(mt.DeadlineError) as caught:
                await job
            (pending,) = agent.pending()
        assert pending.id in str(caught.value)
        assert caught.value.may_have_been_billed

    async def test_closing_an_agent_ends_what_it_waits_for(
        self, slow: Simulator, tmp_path: Path
    ) -> None:
        agent = self.agent(slow, tmp_path)
        job = agent.start("a fox runs")
        await slow.until(lambda: len(slow.requests) > 2)
        await agent.close()
        assert job.done()
        with pytest.raises(mt.ClosedError):
            await job

"""Agents: order, bounds, fallbacks, and nothing paid twice or lost."""

import asyncio
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.events import Drawing, Progress, Saving
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from mediatoolkit.verbs.starting import kept_agents
from tests.deadline import run_out
from tests.test_prompts import picture

ONE_TRY = mt.Retry(attempts=1)


def gemini(sim: Simulator, **options: Any) -> mt.GeminiImageClient:
    return mt.GeminiImageClient(api_key="test-key", base_url=sim.url, **options)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(picture=picture()) as simulator:
        yield simulator
    await mt.close()


async def test_pictures_come_in_the_order_of_their_prompts() -> None:
    three: Any = np.int64(3)  # as whole numbers come out of a table
    async with mt.ImageGenAgent("local", size="64x64", seed=1) as agent:
        images = await agent.generate_many(["an owl", "a fox", "a whale"], concurrency=three)
    assert type(images) is mt.MediaList
    assert [image.provenance.prompt for image in images if image.provenance] == [
        "an owl",
        "a fox",
        "a whale",
    ]


async def test_concurrency_is_a_bound(sim: Simulator) -> None:
    sim.always(f.Latency(0.05))
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, sim.open_connections)
                await asyncio.sleep(0)

        watcher = asyncio.create_task(watch())
        await agent.generate_many(["a fox"] * 12, concurrency=3)
        watcher.cancel()
    assert most == 3


async def test_one_failure_does_not_lose_the_others(sim: Simulator, tmp_path: Path) -> None:
    sim.then(f.PromptBlocked("SAFETY", "no"))
    async with mt.ImageGenAgent(gemini(sim), store=tmp_path) as agent:
        results: list[object] = [
            *await agent.generate_many(["x", "y", "z"], concurrency=1, return_exceptions=True)
        ]
        sim.then(f.PromptBlocked("SAFETY", "no"))
        with pytest.raises(mt.RefusalError) as caught:
            await agent.generate_many(["x", "y", "z"], concurrency=1)
    assert [type(result) for result in results] == [mt.RefusalError, mt.Image, mt.Image]
    assert len(sim.requests) == 6, "the others were asked for all the same"
    assert caught.value.__notes__ == ["2 of 3 succeeded."]
    assert [type(one) for one in caught.value.results] == [mt.RefusalError, mt.Image, mt.Image]


async def test_bad_prompts_are_found_before_the_first_is_sent(sim: Simulator) -> None:
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        with pytest.raises(mt.PromptError):
            await agent.generate_many(["fine", ""])
        for wrong in ("a fox", mt.ImagePrompt("a fox")):
            with pytest.raises(mt.PromptError, match="list of prompts"):
                await agent.generate_many(wrong)  # type: ignore[arg-type]
        with pytest.raises(mt.PromptError, match="concurrency"):
            await agent.generate_many(["a fox"], concurrency=0)
    assert sim.requests == []


async def test_closing_an_agent_ends_those_of_a_batch_that_wait_for_their_turn(
    sim: Simulator,
) -> None:
    sim.always(f.Silence())
    agent = mt.ImageGenAgent(gemini(sim))
    batch = asyncio.create_task(
        agent.generate_many(["a fox"] * 3, concurrency=1, return_exceptions=True)
    )
    await sim.until(lambda: len(sim.requests) == 1)
    assert sorted(job.progress.paused for job in mt.jobs.running()) == [False, True, True]
    await agent.interrupt()
    results: list[object] = [*await batch]
    assert {type(result) for result in results} == {mt.ClosedError}
    assert len(sim.requests) == 1


async def test_one_of_a_batch_can_be_cancelled(sim: Simulator) -> None:
    sim.then(f.Silence())
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        batch = asyncio.create_task(
            agent.generate_many(["a fox"] * 3, concurrency=1, return_exceptions=True)
        )
        await sim.until(lambda: len(sim.requests) == 1)
        next(job for job in mt.jobs.running() if not job.progress.paused).cancel()
        results: list[object] = [*await batch]
    kinds = {type(result) for result in results}
    assert kinds == {mt.JobCancelled, mt.Image}


async def test_a_stopped_batch_stops_every_call(sim: Simulator) -> None:
    sim.always(f.Silence())
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        batch = asyncio.create_task(agent.generate_many(["a fox"] * 4))
        await sim.until(lambda: len(sim.requests) == 4)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
    await sim.until(lambda: sim.aborted == 4)


@pytest.mark.parametrize(
    "fault", [f.Status(503), f.Status(429, per_day=True), f.CutBeforeHead()], ids=repr
)
async def test_the_next_client_is_asked_when_one_is_unavailable(sim: Simulator, fault: Any) -> None:
    sim.always(fault)
    async with mt.ImageGenAgent([gemini(sim, retry=ONE_TRY), "local/painter"]) as agent:
        image = await agent.generate("a fox", size="512")
    assert image.provenance
    assert image.provenance.model == "local/painter", "provenance says who drew"
    assert len(sim.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [f.PromptBlocked("SAFETY", "no"), f.CutBody(300), f.BadPicture("svg"), f.Status(404)],
    ids=repr,
)
async def test_the_next_client_is_never_asked_after_a_refusal_or_a_bill(
    sim: Simulator, fault: Any
) -> None:
    sim.always(fault)
    async with mt.ImageGenAgent([gemini(sim), gemini(sim)]) as agent:
        with pytest.raises(mt.MediaToolkitError):
            await agent.generate("a fox")
    assert len(sim.requests) == 1


@pytest.mark.parametrize("fault", [f.Status(503), f.CutBeforeHead()], ids=repr)
async def test_the_next_client_is_never_asked_when_an_answer_breaks_off(
    sim: Simulator, fault: Any
) -> None:
    """The vendor was paid for its first half."""
    sim.then(f.Continuation(), fault)
    async with mt.ImageGenAgent([gemini(sim, retry=ONE_TRY), "local/painter"]) as agent:
        with pytest.raises(mt.MediaToolkitError) as caught:
            await agent.generate("a fox")
    assert caught.value.may_have_been_billed
    assert len(sim.requests) == 2


async def test_the_next_client_is_asked_when_one_takes_no_connection() -> None:
    """It accepts, and never answers the TLS greeting: nothing can have been billed."""

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as deaf:
        url = f"https://127.0.0.1:{deaf.sockets[0].getsockname()[1]}"
        impatient = mt.Timeout(connect=0.1)
        client = mt.GeminiImageClient("k", base_url=url, timeout=impatient, retry=ONE_TRY)
        async with mt.ImageGenAgent([client, "local/painter"]) as agent:
            image = await agent.generate("a fox", size="512")
    assert image.provenance
    assert image.provenance.model == "local/painter"


async def test_a_silent_first_client_is_final(sim: Simulator) -> None:
    sim.always(f.Silence())
    async with mt.ImageGenAgent([gemini(sim), "local/painter"]) as agent:
        with pytest.raises(mt.DeadlineError):
            await agent.generate("a fox", timeout=0.3)


async def test_a_fallback_that_cannot_draw_it_leaves_the_first_error(sim: Simulator) -> None:
    sim.always(f.Status(503))
    async with mt.ImageGenAgent([gemini(sim, retry=ONE_TRY), "local/painter"]) as agent:
        with pytest.raises(mt.ProviderError) as caught:
            await agent.generate("a fox", size="4K")
    assert caught.value.status == 503


async def test_every_picture_is_kept_with_its_origin(sim: Simulator, tmp_path: Path) -> None:
    async with mt.ImageGenAgent(gemini(sim), store=tmp_path) as agent:
        image = await agent.generate("a fox")
    assert image.path
    assert mt.Image.open(image.path).provenance == image.provenance


async def test_a_folder_that_is_not_there_is_found_before_anything_is_paid(
    sim: Simulator, tmp_path: Path
) -> None:
    async with mt.ImageGenAgent(gemini(sim), store=tmp_path / "missing" / "new") as agent:
        with pytest.raises(mt.StorageError, match="make it first"):
            await agent.generate("a fox")
    assert sim.requests == []


async def test_defaults_lie_under_what_is_asked(sim: Simulator) -> None:
    async with mt.ImageGenAgent(gemini(sim), aspect="16:9", temperature=0.5) as agent:
        await agent.generate("a fox", aspect="1:1")
        await agent.generate(mt.ImagePrompt("a fox"))
    configs = [request.body["generationConfig"] for request in sim.requests]
    assert configs[0]["imageConfig"] == {"aspectRatio": "1:1"}
    assert configs[0]["temperature"] == 0.5
    assert "imageConfig" not in configs[1]


async def test_a_job_starts_at_once_and_gives_the_picture(sim: Simulator) -> None:
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        job = agent.start("a fox", references=[picture()])
        assert repr(job) == "<Job running: 'a fox'>"
        assert isinstance(await job, mt.Image)
        with pytest.raises(mt.PromptError):
            agent.start("a fox", size="banana")
        with pytest.raises(mt.MediaError, match="reference 1"):
            await agent.start("a fox", references=[b"<svg/>"])
    assert len(sim.requests) == 1


async def test_a_job_may_stand_for_the_picture_it_makes(sim: Simulator) -> None:
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        first = agent.start("a fox", aspect="1:1")
        snow = await agent.start("in the snow", references=[first, picture()])

    assert first.done()
    assert snow.provenance is not None
    assert len(snow.provenance.options["references"]) == 2


async def test_a_cancelled_job_leaves_the_one_it_waits_for(sim: Simulator) -> None:
    sim.always(f.Silence())
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        first = agent.start("a fox")
        second = agent.start("in the snow", references=[first])
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(mt.JobCancelled):
            await second
        assert not first.done()
        first.cancel()
        with pytest.raises(mt.JobCancelled):
            await first


async def test_a_cancelled_job_closes_its_connection(sim: Simulator, tmp_path: Path) -> None:
    sim.always(f.SlowBody(60))
    async with mt.ImageGenAgent(gemini(sim), store=tmp_path) as agent:
        job = agent.start("a fox")
        await sim.until(lambda: len(sim.requests) == 1)
        job.cancel()
        with pytest.raises(mt.JobCancelled):
            await job
    await sim.until(lambda: sim.aborted == 1 and sim.open_connections == 0)
    assert list(tmp_path.iterdir()) == []


async def test_a_cancel_while_the_vendor_works_says_what_it_may_cost(sim: Simulator) -> None:
    sim.always(f.Silence())
    async with mt.ImageGenAgent(gemini(sim)) as agent:
        job = agent.start("a fox")
        await sim.until(lambda: len(sim.requests) == 1)
        while job.progress.event.name != "waiting":
            await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(mt.JobCancelled, match="may have billed"):
            await job


async def test_a_picture_that_has_come_is_kept_even_when_the_job_is_cancelled(
    sim: Simulator, tmp_path: Path
) -> None:
    async with mt.ImageGenAgent(gemini(sim), store=tmp_path) as agent:
        job = agent.start("a fox")

        def stop_when_saving(progress: Progress) -> None:
            if isinstance(progress.event, Saving):
                job.cancel()

        job.subscribe(stop_when_saving)
        with pytest.raises(mt.JobCancelled):
            await job
    assert len(list(tmp_path.glob("*.png"))) == 1


async def test_a_watcher_that_fails_harms_nobody(sim: Simulator) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: reported.append(what))

    def fail(_progress: object) -> None:
        raise OSError("mine")

    async with mt.ImageGenAgent(gemini(sim)) as agent:
        job = agent.start("a fox")
        job.subscribe(fail)
        assert isinstance(await job, mt.Image)
    assert isinstance(reported[0]["exception"], OSError)


async def test_closing_an_agent_ends_a_painting() -> None:
    agent = mt.ImageGenAgent("local")
    job = agent.start("a city", size=1536)
    while not isinstance(job.progress.event, Drawing):
        await asyncio.sleep(0)
    await agent.close()
    with pytest.raises(mt.ClosedError):
        await job


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "foo"},
        {"model": "../x"},
        {"api_version": "v9"},
        {"trusted_origins": ("foo",)},
        {"retry": 5},
        {"timeout": 0},
        {"base_url": ""},
        {"session": "x"},
    ],
    ids=repr,
)
def test_a_client_that_cannot_be_made_does_not_show_its_key(arguments: dict[str, Any]) -> None:
    key = "secret-" + "k" * 20
    with pytest.raises(mt.MediaToolkitError) as caught:
        mt.GeminiImageClient(**{"api_key": key, **arguments})
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in told.stack if "test_" not in frame.filename]
    assert ours
    assert not [frame for frame in ours if key in str(frame.locals)]


def test_after_a_fork_the_painter_still_works() -> None:
    """A child has none of its parent's threads."""
    code = """
import asyncio, os
import mediatoolkit as mt
os.environ["MEDIATOOLKIT_STORE"] = os.environ["TMPDIR_FOR_TEST"]
async def draw():
    return await mt.image("a fox", size=64, model="local", timeout=20)
asyncio.run(draw())
pid = os.fork()
if pid == 0:
    asyncio.run(draw())
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR_FOR_TEST": folder}
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", code], env=environment, timeout=60, check=True
        )


async def test_a_closed_agent_sends_nothing(sim: Simulator) -> None:
    agent = mt.ImageGenAgent(gemini(sim))
    await agent.close()
    with pytest.raises(mt.ClosedError):
        await agent.generate("a fox")
    assert sim.requests == []


@pytest.mark.parametrize("clients", [[], 3, [None]])
def test_an_agent_needs_clients(clients: Any) -> None:
    with pytest.raises(mt.PromptError):
        mt.ImageGenAgent(clients)


def test_an_unknown_vendor_is_named_with_the_known() -> None:
    with pytest.raises(mt.UnknownModelError, match=r"gemini, .*local, .*openai"):
        mt.ImageGenAgent("acme/brush")


class TestVerbs:
    """`mt.image`, as typed in a cell."""

    @pytest.fixture(autouse=True)
    async def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
        monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path))
        for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
            monkeypatch.delenv(name, raising=False)
        yield tmp_path
        await mt.close()

    async def test_without_a_key_the_local_engine_draws_and_keeps(self, store: Path) -> None:
        image = await mt.image("a red fox", size=64)
        assert image.provenance
        assert image.provenance.engine == "local"
        assert image.path
        assert image.path.parent == store

    async def test_with_a_key_the_same_line_asks_gemini(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", sim.url)
        monkeypatch.setenv("GEMINI_API_KEY", "wrong")
        with pytest.raises(mt.AuthenticationError):
            await mt.image("a red fox")
        monkeypatch.setenv("GEMINI_API_KEY", "test-key")
        image = await mt.image("a red fox", temperature=0.5)
        assert image.provenance
        assert image.provenance.engine == "gemini", "a corrected key is noticed"
        await mt.image("a red fox")
        assert len(kept_agents) == 2, "one agent for each key"

    async def test_another_address_and_another_folder_are_noticed(
        self, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They may be set late, in a cell of their own."""
        monkeypatch.setenv("GEMINI_API_KEY", "test-key")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
        with pytest.raises(mt.TransportError):
            await mt.image("a red fox")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", sim.url)
        await mt.image("a red fox")
        monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "later"))
        image = await mt.image("a red fox")
        assert image.path
        assert image.path.parent == tmp_path / "later"

    async def test_an_agent_of_ones_own_is_used(self, sim: Simulator) -> None:
        async with mt.ImageGenAgent(gemini(sim)) as agent:
            assert (await mt.image("a fox", agent=agent)).path is None
            with pytest.raises(mt.MediaToolkitError, match="either"):
                mt.image("a fox", agent=agent, model="local")

    async def test_the_same_agent_serves_the_same_model(self) -> None:
        await mt.image("a fox", size=64)
        await mt.image("an owl", size=64)
        assert len(kept_agents) == 1
        await mt.close()
        assert not kept_agents
        await mt.image("a fox", size=64)

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"size": "banana"}, mt.PromptError),
            ({"aspect": "7:5"}, mt.PromptError),
            ({"colour": "red"}, mt.PromptError),
            ({"model": "acme"}, mt.UnknownModelError),
            ({"model": "gemini"}, mt.AuthenticationError),
            ({"timeout": 0}, mt.PromptError),
            ({"timeout": -1}, mt.PromptError),
        ],
    )
    async def test_bad_input_is_refused_on_the_spot(
        self, options: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            mt.image("a fox", **options)

    async def test_download_is_whole_or_not_at_all(self, sim: Simulator, store: Path) -> None:
        url = sim.host(b"x" * 3_000_000, "application/octet-stream", faults=[f.CutBody(9_000)])
        assert await mt.download(url, store / "file.bin") == store / "file.bin"
        assert (store / "file.bin").read_bytes() == b"x" * 3_000_000
        with pytest.raises(mt.UnsafeURLError):
            await mt.download("file:///etc/passwd", store / "passwd")
        with pytest.raises(mt.UnsafeURLError):
            await mt.download(sim.redirect("http://10.0.0.1/"), store / "inner")
        with pytest.raises(mt.StorageError):
            await mt.download(url, store / "missing" / "file.bin")
        assert [path.name for path in store.iterdir()] == ["file.bin"]

    @pytest.mark.parametrize(
        ("name", "data", "word"),
        [
            ("film.mp4", b"<!doctype html><title>log in</title>", "HTML"),
            ("fox.PNG", b"\n <html>", "HTML"),
            ("fox.png", b"", "empty"),
            ("voice.wav", b'{"error": 1}', "This is JSON"),
            ("fox.jpg", picture(), "image/png, not .jpg"),
            ("fox.png", picture()[:-20], "cut short"),
            ("fox.mp3", picture(), "not"),
            ("fox.gif", b" <html>", "HTML"),
            ("fox.gif", picture(), "PNG, not what .gif says"),
            ("film.mov", b"", "empty"),
        ],
    )
    async def test_a_download_is_what_its_name_says_or_is_not_kept(
        self, sim: Simulator, store: Path, name: str, data: bytes, word: str
    ) -> None:
        """A page that asks to log in comes with a 200, too."""
        url = sim.host(data, "text/html")
        with pytest.raises(mt.MediaError, match=word) as caught:
            await mt.download(url, store / name)
        assert "check=False" in str(caught.value)
        assert not list(store.iterdir())
        assert (await mt.download(url, store / name, check=False)).read_bytes() == data

    @pytest.mark.parametrize("name", ["data.bin", "page.html", "page", "fox.png"])
    async def test_a_download_that_is_what_its_name_says_is_kept(
        self, sim: Simulator, store: Path, name: str
    ) -> None:
        data = picture() if name == "fox.png" else b"<html>"
        assert (await mt.download(sim.host(data, "text/html"), store / name)).read_bytes() == data

    async def test_what_begins_before_a_close_and_runs_after_it_works(self) -> None:
        """A job takes its first step in the next turn of the loop, and a retry much later."""
        job = mt.image("a fox", size=64)
        await mt.close()
        assert (await job).path
        await mt.close()
        assert (await job.retry()).path

    async def test_what_runs_during_a_close_ends_and_can_be_tried_again(
        self, monkeypatch: pytest.MonkeyPatch, sim: Simulator
    ) -> None:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", sim.url)
        monkeypatch.setenv("GEMINI_API_KEY", "test-key")
        sim.then(f.Silence())
        near, far = mt.image("a city", size=1536, model="local"), mt.image("a fox")
        await sim.until(lambda: len(sim.requests) == 1)
        await mt.close()
        for job in (near, far):
            with pytest.raises(mt.ClosedError, match="was closed while this ran; ask again"):
                await job
        assert (await far.retry()).width

    async def test_a_film_in_the_making_survives_a_close(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Simulator(looks=3) as sim:
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", sim.url)
            monkeypatch.setenv("GEMINI_API_KEY", "test-key")
            monkeypatch.setattr(QueuedClient, "polling", Polling(first=1000, cap=1000))
            own = mt.VideoGenAgent("gemini", store=mt.Store.default())
            jobs = [mt.video("a fox runs"), own.start("an owl sleeps")]
            await sim.until(lambda: sum(one.method == "GET" for one in sim.requests) == 2)
            await mt.close()
            for job in jobs:
                with pytest.raises(mt.ClosedError) as caught:
                    await job
                assert caught.value.may_have_been_billed
            assert len(mt.jobs.pending()) == 2
            assert not [one for one in sim.requests if one.path.endswith("/cancel")]

    async def test_all_running_jobs_are_known_and_stopped(self) -> None:
        job = mt.image("a city", size=1536)
        assert mt.jobs.running() == [job]
        assert repr(mt.jobs) == repr(job)
        assert mt.jobs.cancel_all() == 1
        with pytest.raises(mt.JobCancelled):
            await job
        assert mt.jobs.running() == []
        assert repr(mt.jobs) == "no jobs"

    async def test_a_film_outlives_its_kernel(
        self, monkeypatch: pytest.MonkeyPatch, store: Path
    ) -> None:
        """One start, whatever happens between it and the film."""
        async with Simulator(looks=3) as sim:
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", sim.url)
            monkeypatch.setenv("GEMINI_API_KEY", "test-key")
            job = mt.video("a fox runs")
            await run_out(job, lambda: [film for film in mt.jobs.pending() if not film.is_intent])
            with pytest.raises(mt.DeadlineError):
                await job
            (pending,) = mt.jobs.pending()
            await mt.close()
            monkeypatch.setattr(QueuedClient, "polling", Polling(first=0.01, cap=0.01))
            film = await mt.jobs.resume(pending.id)
            assert film.path
            assert film.path.parent == store
            assert mt.jobs.pending() == []
            with pytest.raises(mt.PromptError, match="pending"):
                mt.jobs.resume(pending.id)
            starts = [one for one in sim.requests if one.path.endswith("/interactions")]
            assert len(starts) == 1

    async def test_a_film_waits_for_the_jobs_that_make_its_parts(self) -> None:
        parts = [mt.image(f"a {bird}", size="160x96") for bird in ("crow", "gull")]
        voice = mt.speech("Two birds.")
        made = await mt.film(parts, voice)
        assert made.seconds >= (await voice).seconds

    async def test_the_parts_of_a_film_may_come_one_by_one_and_it_may_be_made_again(self) -> None:
        parts = (mt.image(f"a {bird}", size="160x96") for bird in ("crow", "gull"))
        job = mt.film(parts, seconds=1)
        assert (await job).seconds == pytest.approx(1, abs=0.1)
        assert (await job.retry()).seconds == pytest.approx(1, abs=0.1)

    async def test_a_story_goes_through_all_three_verbs(self) -> None:
        fox = await mt.image("a red fox", size="160x96", seed=1)
        voice = await mt.speech("A red fox sits under the stars.")
        made = await mt.film([fox], voice, size=(160, 96))
        assert made.seconds >= voice.seconds
        clip = await mt.video("the fox looks up", image=fox, seconds=1, resolution="360p")
        assert clip.seconds == pytest.approx(1, abs=0.1)
        with pytest.raises(mt.PromptError, match="at least one picture"):
            await mt.film([])


def test_a_misspelt_default_is_refused_when_the_agent_is_made() -> None:
    with pytest.raises(mt.PromptError, match="did you mean size="):
        mt.ImageGenAgent("local", sise="512")

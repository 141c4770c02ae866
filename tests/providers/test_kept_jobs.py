"""A film that is being paid for is never given up, whatever the looks at it bring."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.media import Provenance
from mediatoolkit.providers.jobs import DENIALS, QueuedClient
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from mediatoolkit.store import Pending, Store
from tests.deadline import run_out
from tests.media.clips import clip
from tests.providers.conftest import KEY
from tests.transport.server import Reply, Seen, Server, body, reset, said, serving

ID = "v1_a"
PAGE = b"<html><title>Sign in</title></html>"
ORIGIN = Provenance(
    model="gemini/gemini-omni-1.2-flash", prompt="waves", engine="gemini", created="2026-11-28"
)
QUICK = Polling(first=0.001, cap=0.001)


def about(status: str, **more: Any) -> Reply:
    return said({"id": ID, "object": "interaction", "status": status, **more})


def refused(status: int, word: str, message: str) -> Reply:
    return said({"error": {"code": word, "message": message}}, status)


def output(*content: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"type": "model_output", "content": list(content)}]}


def film(**more: Any) -> Reply:
    data = base64.b64encode(clip()).decode()
    content = output({"type": "video", "mime_type": "video/mp4", "data": data})
    return about("completed", **content, **more)


STARTED = about("in_progress")
NOT_YET = refused(403, "permission_denied", "There was a problem. You will not be charged.")
LAGS = refused(404, "not_found", "Requested entity was not found.")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(QueuedClient, "polling", QUICK)
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path))


def agent(url: str, folder: Path, **options: Any) -> mt.VideoGenAgent:
    retry = mt.Retry(attempts=1)
    client = mt.GeminiVideoClient(KEY, base_url=url, retry=retry, **options)
    return mt.VideoGenAgent(client, store=folder)


def kept(folder: Path) -> list[str]:
    return [job.id for job in Store(folder).pending()]


def starts(server: Server) -> int:
    return sum(request.method == "POST" for request in server.requests)


PASSING: dict[str, tuple[Reply, int]] = {
    "403": (NOT_YET, 20),
    "403 of a filter": (body(PAGE, 403, **{"Content-Type": "text/html"}), 20),
    "404": (LAGS, 20),
    "404 of a proxy": (body(PAGE, 404), 20),
    "404 empty": (body(b"", 404), 20),
    "408": (body(b"", 408), 20),
    "429": (refused(429, "resource_exhausted", "Slow down."), 20),
    "500": (body(b"", 500), 20),
    "502": (body(PAGE, 502), 20),
    "reset": (reset(), 20),
    "a newer word": (about("paused"), 20),
    "a word of the document": (about("requires_action"), 20),
    "400": (refused(400, "invalid_request", "Invalid interaction name."), DENIALS - 1),
    "407": (body(PAGE, 407), DENIALS - 1),
    "451": (body(b"", 451), DENIALS - 1),
    "200 {}": (said({}), DENIALS - 1),
    "200 of a portal": (body(PAGE), DENIALS - 1),
    "200 []": (said([]), DENIALS - 1),
    "another job": (said({"id": "v1_b", "status": "failed"}), DENIALS - 1),
    "another job's film": (said({"id": "v1_b", "status": "completed"}), DENIALS - 1),
    "status of a wrong type": (said({"id": ID, "status": 3}), DENIALS - 1),
}


@pytest.mark.parametrize("name", PASSING)
async def test_a_film_survives_looks_that_stumble(
    server: Server, tmp_path: Path, name: str
) -> None:
    reply, times = PASSING[name]
    server.then(STARTED, *[reply] * times, film())
    async with agent(server.url, tmp_path) as maker:
        video = await maker.generate("waves")
    assert video.provenance
    assert video.provenance.request_id == ID
    assert (starts(server), kept(tmp_path)) == (1, [])


async def test_refusals_that_are_not_in_a_row_are_not_counted_together(
    server: Server, tmp_path: Path
) -> None:
    bad, good = refused(400, "invalid_request", "No."), STARTED
    server.then(STARTED, *[*[bad] * (DENIALS - 1), good] * 3, film())
    async with agent(server.url, tmp_path) as maker:
        await maker.generate("waves")
    assert kept(tmp_path) == []


async def test_an_outage_is_waited_out(tmp_path: Path) -> None:
    """Refused connections, as long as the vendor is away."""
    async with serving() as server:
        server.then(STARTED)
        job = agent(server.url, tmp_path).start("waves")
        while len(server.requests) < 3:
            await asyncio.sleep(0)
        port = server.port
    refusals = 0

    def count(progress: Any) -> None:
        nonlocal refusals
        refusals += str(progress.event) == "connecting"

    job.subscribe(count)
    while refusals < 10:
        await asyncio.sleep(0)
    async with serving() as back:
        assert back.port != port
        job.extend(-1e6)
        with pytest.raises(mt.DeadlineError, match="connection refused"):
            await job
    assert kept(tmp_path) == [ID]


async def test_a_retry_goes_on_with_the_film_that_is_paid_for(
    server: Server, tmp_path: Path
) -> None:
    server.then(STARTED, *[STARTED] * 5)
    async with agent(server.url, tmp_path) as maker:
        job = maker.start("waves")
        await run_out(job, lambda: len(server.requests) > 2)
        with pytest.raises(mt.DeadlineError):
            await job
        assert not job.retry_may_pay_twice
        server.then(*[film()] * 9)

        job.retry()

        assert (await job).provenance
    assert (starts(server), kept(tmp_path)) == (1, [])


ODD: dict[str, Reply] = {
    **{
        f"{status} {kind}": reply
        for status in (400, 401, 405, 407, 409, 413, 421, 451)
        for kind, reply in {
            "html": body(PAGE, status),
            "empty": body(b"", status),
            "json": refused(status, "odd", "No."),
        }.items()
    },
    "bad key": said(
        {
            "error": {
                "code": 400,
                "message": "API key not valid.",
                "details": [{"reason": "API_KEY_INVALID"}],
            }
        },
        400,
    ),
    "location": refused(400, "FAILED_PRECONDITION", "User location is not supported."),
    "safety": refused(400, "invalid_request", "It is against our content policy."),
    "302": body(b"", 302, Location="/sign-in"),
    "{}": said({}),
    "null": said(None),
    "page": body(PAGE),
    "another job": said({"id": "v1_b", "status": "failed"}),
    "nameless": said({"status": "failed"}),
    "incomplete": about("incomplete"),
    "budget_exceeded": about("budget_exceeded"),
    "neither film nor words": about("completed"),
    "an empty film": about("completed", **output({"type": "video"})),
    "no film": about("completed", **output({"type": "video", "data": "AAAA"})),
}


@pytest.mark.parametrize("name", ODD)
async def test_an_answer_that_is_not_the_vendors_last_word_keeps_the_job(
    server: Server, tmp_path: Path, name: str
) -> None:
    server.then(STARTED, ODD[name])
    async with agent(server.url, tmp_path) as maker:
        with pytest.raises(mt.MediaToolkitError) as caught:
            await maker.generate("waves")
    message = str(caught.value)
    assert f"kept as pending: mt.jobs.resume('{ID}') goes on, mt.jobs.forget('{ID}')" in message
    assert "begin it anew" not in message
    assert len(message) < 1000
    assert (starts(server), kept(tmp_path)) == (1, [ID])


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (NOT_YET, "You will not be charged"),
        (LAGS, "Requested entity was not found"),
        (body(PAGE, 403), "answered with an HTML page"),
        (body(b"no", 404), "not Gemini's own: no"),
        (refused(429, "resource_exhausted", "Slow down"), "Slow down. The vendor goes on"),
        (about("paused"), "'paused'"),
        (body(b"", 503), "status 503"),
        (reset(), "closed the connection"),
    ],
    ids=["403", "404", "page", "text", "429", "paused", "503", "reset"],
)
async def test_a_deadline_tells_the_last_words_and_nothing_of_keys(
    server: Server, tmp_path: Path, reply: Reply, words: str
) -> None:
    server.then(STARTED, reply)
    async with agent(server.url, tmp_path) as maker:
        job = maker.start("waves")
        await run_out(job, lambda: len(server.requests) > 6 and job._call.last_words)
        with pytest.raises(mt.DeadlineError) as caught:
            await job
    message = str(caught.value)
    assert words in message
    assert f"mt.jobs.resume('{ID}')" in message
    assert " key" not in message.lower()
    assert caught.value.may_have_been_billed
    assert kept(tmp_path) == [ID]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (about("failed", errors=[{"code": "x", "message": "out of paint"}]), mt.ProviderError),
        (about("failed", error={"code": "x", "message": "out of paint"}), mt.ProviderError),
        (about("cancelled"), mt.ProviderError),
        (about("completed", **output({"type": "text", "text": "I cannot"})), mt.RefusalError),
    ],
    ids=["failed", "failed otherwise", "cancelled", "refused"],
)
async def test_the_vendors_last_word_ends_the_job(
    server: Server, tmp_path: Path, reply: Reply, error: type[Exception]
) -> None:
    server.then(STARTED, reply)
    async with agent(server.url, tmp_path) as maker:
        with pytest.raises(error) as caught:
            await maker.generate("waves")
    assert "pending" not in str(caught.value)
    assert "no further word" not in str(caught.value) or "cancelled" in str(caught.value)
    assert kept(tmp_path) == []


async def test_a_film_without_media_and_words_is_a_fault_that_may_have_been_billed(
    server: Server, tmp_path: Path
) -> None:
    server.then(STARTED, about("completed"))
    async with agent(server.url, tmp_path) as maker:
        with pytest.raises(mt.ProviderError) as caught:
            await maker.generate("waves")
    assert caught.value.family == "protocol"
    assert caught.value.may_have_been_billed


async def test_a_film_is_written_once(server: Server, tmp_path: Path) -> None:
    server.then(STARTED, film())
    store, times = Store(tmp_path), []
    store.watch(lambda: times.append(1))
    async with agent(server.url, tmp_path) as maker:
        video = await maker.generate("waves")
    assert video.path
    assert len(times) == 1


async def test_a_film_is_on_the_error_where_the_store_is_a_file_by_then(
    server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()

    async def made(writer: asyncio.StreamWriter, seen: Seen) -> bool:
        shutil.rmtree(folder)
        folder.write_bytes(b"a file")
        return await film()(writer, seen)

    server.then(STARTED, made)
    async with agent(server.url, folder) as maker:
        with pytest.raises(mt.StorageError, match="is in the way; move it") as caught:
            await maker.generate("waves")
    assert isinstance(caught.value.media, mt.Video)


async def test_a_wait_that_the_vendor_asks_for_and_that_is_too_long_ends_at_once(
    server: Server, tmp_path: Path
) -> None:
    wait = said({"error": {"code": 429, "message": "Later."}}, 429, **{"Retry-After": "9999"})
    server.then(STARTED, wait)
    async with agent(server.url, tmp_path) as maker:
        with pytest.raises(mt.RateLimitError, match="kept as pending"):
            await maker.generate("waves")
    assert kept(tmp_path) == [ID]


async def test_a_resumed_film_survives_them_too(server: Server, tmp_path: Path) -> None:
    await Store(tmp_path).remember(Pending(ID, "video", ORIGIN))
    server.then(LAGS, NOT_YET, body(PAGE, 407), film())
    async with agent(server.url, tmp_path) as maker:
        assert (await maker.resume(ID)).path
    assert (starts(server), kept(tmp_path)) == (0, [])


@pytest.mark.parametrize("code", [403, 404, 400])
async def test_the_simulator_stumbles_as_the_service_does(tmp_path: Path, code: int) -> None:
    async with Simulator(film=clip()) as sim:
        sim.then(f.Stumbles(code), at="start")
        async with agent(sim.url, tmp_path) as maker:
            assert (await maker.generate("waves")).path
        polls = [request for request in sim.requests if "/interactions/" in request.path]
        assert len(polls) == 3 + 3


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "total_input_tokens": 20,
                "input_tokens_by_modality": [{"modality": "image", "tokens": 15}],
                "total_output_tokens": 100,
                "output_tokens_by_modality": [{"modality": "video", "tokens": 90}],
                "total_thought_tokens": 7,
                "total_tokens": 127,
            },
            {
                "input": {"IMAGE": 15, "TEXT": 5},
                "output": {"VIDEO": 90, "TEXT": 10},
                "thoughts": 7,
                "total": 127,
            },
        ),
        (
            {"total_input_tokens": 5, "total_output_tokens": 10, "total_tokens": 15},
            {"input": {"TEXT": 5}, "output": {"VIDEO": 10}, "total": 15},
        ),
        (
            {"total_tokens": "15", "total_output_tokens": None, "output_tokens_by_modality": 3},
            {},
        ),
    ],
    ids=["all", "totals", "nonsense"],
)
async def test_every_billed_token_of_a_film_is_kept(
    server: Server, tmp_path: Path, usage: dict[str, Any], expected: dict[str, Any]
) -> None:
    server.then(STARTED, film(usage=usage))
    async with agent(server.url, tmp_path) as maker:
        video = await maker.generate("waves")
    assert video.provenance
    assert video.provenance.usage == expected


@pytest.mark.parametrize(
    "reply",
    [
        said({"id": "v1_b", "status": "cancelled"}),
        said({"status": "completed"}),
        said({}),
        body(PAGE),
        refused(403, "permission_denied", "No."),
        body(PAGE, 407),
    ],
    ids=["another", "completed", "{}", "page", "403", "407"],
)
async def test_a_cancel_that_the_vendor_does_not_confirm_keeps_the_job(
    server: Server, tmp_path: Path, reply: Reply
) -> None:
    async def answer(writer: asyncio.StreamWriter, seen: Any) -> bool:
        return await (reply if seen.path.endswith("/cancel") else STARTED)(writer, seen)

    server.then(answer)
    async with agent(server.url, tmp_path) as maker:
        job = maker.start("waves")
        while len(server.requests) < 3:
            await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(mt.JobCancelled, match=r"did not confirm.*mt\.jobs\.resume"):
            await job
    assert kept(tmp_path) == [ID]


class TestIntents:
    """What is written down before the request that is paid."""

    async def test_it_is_there_before_the_request_and_becomes_the_job(self, tmp_path: Path) -> None:
        async with Simulator(film=clip()) as sim:
            gate = f.Gate(0)
            sim.then(gate, at="start")
            async with agent(sim.url, tmp_path) as maker:
                job = maker.start("waves")
                await sim.until(lambda: len(sim.requests) == 1)
                (intent,) = maker.pending()
                assert intent.is_intent
                assert "may have been paid" in repr(intent)
                assert intent.provenance.created in repr(intent)
                assert "waves" in repr(intent)
                gate.open()
                while maker.pending() == [intent]:
                    await asyncio.sleep(0)
                assert not any(job.is_intent for job in maker.pending())
                await job
        assert kept(tmp_path) == []

    @pytest.mark.parametrize(
        "reply",
        [
            refused(400, "invalid_request", "Bad."),
            refused(403, "permission_denied", "No."),
            refused(429, "resource_exhausted", "Slow down."),
            body(b"", 503),
            refused(400, "invalid_request", "It is against our content policy."),
        ],
        ids=["400", "403", "429", "503", "blocked"],
    )
    async def test_it_goes_when_nothing_was_paid(
        self, server: Server, tmp_path: Path, reply: Reply
    ) -> None:
        server.then(reply)
        async with agent(server.url, tmp_path) as maker:
            with pytest.raises(mt.ProviderError):
                await maker.generate("waves")
        assert kept(tmp_path) == []

    async def test_it_goes_when_there_is_no_connection(self, tmp_path: Path) -> None:
        async with agent("http://127.0.0.1:9", tmp_path) as maker:
            with pytest.raises(mt.TransportError):
                await maker.generate("waves")
        assert kept(tmp_path) == []

    @pytest.mark.parametrize(
        "reply",
        [said({}), body(PAGE), said({"id": "../x"}), body(b"", 202)],
        ids=["no id", "a page", "no plain id", "another status"],
    )
    async def test_it_stays_when_it_may_have_been_paid(
        self, server: Server, tmp_path: Path, reply: Reply
    ) -> None:
        server.then(reply)
        async with agent(server.url, tmp_path) as maker:
            with pytest.raises(mt.MediaToolkitError) as caught:
                await maker.generate("waves")
        (intent,) = mt.jobs.pending()
        assert intent.is_intent
        assert caught.value.may_have_been_billed
        assert f"mt.jobs.forget('{intent.id}')" in str(caught.value)

    @pytest.mark.parametrize("how", [mt.jobs.cancel_all, None], ids=["cancel", "deadline"])
    async def test_it_stays_when_the_answer_is_not_waited_for(
        self, tmp_path: Path, how: Callable[[], object] | None
    ) -> None:
        async with Simulator() as sim:
            sim.then(f.Silence(), at="start")
            async with agent(sim.url, tmp_path) as maker:
                job = maker.start("waves")
                await sim.until(lambda: len(sim.requests) == 1)
                while not job._call.may_have_been_billed:
                    await asyncio.sleep(0)
                if how:
                    how()
                else:
                    job.extend(-1e6)
                with pytest.raises((mt.JobCancelled, mt.DeadlineError), match=r"jobs\.forget"):
                    await job
        (intent,) = mt.jobs.pending()
        assert intent.is_intent

    async def test_a_deadline_in_the_middle_of_the_start_keeps_the_job(
        self, tmp_path: Path
    ) -> None:
        async with Simulator(looks=10**6) as sim:
            gate = f.Gate(0)
            sim.then(gate, at="start")
            async with agent(sim.url, tmp_path) as maker:
                job = maker.start("waves")
                await sim.until(lambda: len(sim.requests) == 1)
                job.extend(-1e6)
                gate.open()
                with pytest.raises(mt.DeadlineError, match=r"mt\.jobs\.resume"):
                    await job
            assert not [request for request in sim.requests if request.path.endswith("/cancel")]
        (pending,) = mt.jobs.pending()
        assert not pending.is_intent

    async def test_it_cannot_be_resumed_and_can_be_forgotten(self, tmp_path: Path) -> None:
        intent, job = Pending.intent("video", ORIGIN), Pending(ID, "video", ORIGIN)
        for entry in (intent, job):
            await Store(tmp_path).remember(entry)
        with pytest.raises(mt.PromptError, match=r"no name at the vendor.*2026-11-28.*forget"):
            mt.jobs.resume(intent.id)
        async with agent("http://127.0.0.1:9", tmp_path) as maker:
            with pytest.raises(mt.PromptError, match="no name at the vendor"):
                await maker.resume(intent.id)
            maker.forget(intent.id)
            with pytest.raises(mt.PromptError, match="pending"):
                maker.forget(intent.id)
        mt.jobs.forget(ID)
        with pytest.raises(mt.PromptError, match="pending"):
            mt.jobs.forget(ID)
        assert mt.jobs.pending() == []

    async def test_it_goes_when_a_cancel_comes_before_the_request(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The write is finished all the same."""
        real, jobs = Store._write_record, list[mt.Job[mt.Video]]()

        def remember(store: Store, name: str, record: bytes) -> None:
            jobs[0].cancel()
            real(store, name, record)

        monkeypatch.setattr(Store, "_write_record", remember)
        async with agent(server.url, tmp_path) as maker:
            jobs.append(maker.start("waves"))
            with pytest.raises(mt.JobCancelled):
                await jobs[0]
        assert server.requests == []
        assert kept(tmp_path) == []

    async def test_nothing_is_sent_when_it_cannot_be_written(
        self, server: Server, tmp_path: Path
    ) -> None:
        (tmp_path / "pending").write_text("a file in the way")
        async with agent(server.url, tmp_path) as maker:
            with pytest.raises(mt.StorageError):
                await maker.generate("waves")
        assert server.requests == []


WAITER = """
import asyncio, os
import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.providers.jobs import QueuedClient
QueuedClient.polling = Polling(first=0.01, cap=0.01)
async def main():
    (pending,) = mt.jobs.pending()
    job = mt.jobs.resume(pending.id)
    while job.progress.event.name != "waiting":
        await asyncio.sleep(0.001)
    print("waits", flush=True)
    await job
asyncio.run(main())
"""


class TestTwoThatWait:
    """One job, and two who wait for it."""

    @pytest.fixture
    async def sim(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
        async with Simulator(looks=10**6) as simulator:
            monkeypatch.setenv("GEMINI_API_KEY", KEY)
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", simulator.url)
            yield simulator
        await mt.close()

    async def waiting(self, sim: Simulator) -> mt.Job[mt.Video]:
        job = mt.video("waves")
        await sim.until(lambda: len(sim.requests) > 2)
        return job

    def cancels(self, sim: Simulator) -> int:
        return sum(request.path.endswith("/cancel") for request in sim.requests)

    async def test_stop_leaves_it_to_another_process_and_says_so(self, sim: Simulator) -> None:
        job = await self.waiting(sim)
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WAITER, env=os.environ, stdout=subprocess.PIPE
        )
        assert other.stdout
        assert await other.stdout.readline() == b"waits\n"

        job.cancel()
        with pytest.raises(mt.JobCancelled, match=r"somebody else waits.*mt\.jobs\.resume") as told:
            await job
        assert told.value.may_have_been_billed
        assert self.cancels(sim) == 0
        (pending,) = mt.jobs.pending()

        other.kill()
        await other.wait()
        last = mt.jobs.resume(pending.id)
        while last.progress.event.name != "waiting":
            await asyncio.sleep(0)
        last.cancel()
        with pytest.raises(mt.JobCancelled, match="vendor confirmed"):
            await last
        assert self.cancels(sim) == 1, "the dead do not wait"
        assert mt.jobs.pending() == []

    async def test_stop_leaves_it_to_another_job_of_this_process(self, sim: Simulator) -> None:
        first = await self.waiting(sim)
        (pending,) = mt.jobs.pending()
        second = mt.jobs.resume(pending.id)
        while second.progress.event.name != "waiting":
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(mt.JobCancelled, match="somebody else"):
            await first
        second.cancel()
        with pytest.raises(mt.JobCancelled, match="vendor confirmed"):
            await second
        assert self.cancels(sim) == 1
        assert mt.jobs.pending() == []


@pytest.mark.parametrize("job_id", ["a" * 10_000, "../../etc"], ids=["long", "a path"])
async def test_a_record_that_somebody_else_wrote_makes_no_long_message(
    tmp_path: Path, job_id: str
) -> None:
    await Store(tmp_path).remember(Pending(job_id, "video", ORIGIN))
    async with agent("http://127.0.0.1:9", tmp_path) as maker:
        with pytest.raises(mt.PromptError, match="is no id of a job") as caught:
            await maker.resume(job_id)
    assert len(str(caught.value)) < 1000


def test_records_of_earlier_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "pending").mkdir()
    record = {"id": ID, "kind": "video", "provenance": ORIGIN.to_json()}
    (tmp_path / "pending" / "0123456789abcdef.json").write_text(json.dumps(record))
    assert kept(tmp_path) == [ID]
    Store(tmp_path).drop(ID)
    assert kept(tmp_path) == []

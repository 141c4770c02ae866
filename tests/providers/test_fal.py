"""fal: any app, its queue and its log in the board, its errors, stops and comebacks."""

import base64
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.hosted_models import working
from mediatoolkit.providers.jobs import DENIALS
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Withdrawn
from mediatoolkit.runtime.gather import Polling
from tests.deadline import run_out
from tests.media.clips import clip
from tests.media.samples import sound
from tests.providers.queue_calls import (
    FOX,
    KEY,
    client_of,
    events_of,
    kept,
    paid,
    stopped,
    works,
)
from tests.test_prompts import picture
from tests.transport.server import Reply, Server, body, said, serving

JOB = "fal-ai/flux/requests/r-1"
DONE = said({"status": "COMPLETED", "logs": [], "metrics": {"inference_time": 0.4}})
FLAGGED = {
    "detail": [
        {
            "loc": ["body", "prompt"],
            "msg": "The content could not be processed because it was flagged.",
            "type": "content_policy_violation",
            "input": {"prompt": "x"},
        }
    ]
}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


def begun(server: Server, **more: Any) -> Reply:
    url = f"{server.url}/{JOB}"
    urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
    document = {"status": "IN_QUEUE", "request_id": "r-1", **urls, "queue_position": 0}
    return said({**document, **more})


def queued(position: int) -> Reply:
    return said({"status": "IN_QUEUE", "queue_position": position, "response_url": "x"}, 202)


def at_work(*lines: str) -> Reply:
    logs = [{"message": line, "level": "INFO", "source": "USER"} for line in lines]
    return said({"status": "IN_PROGRESS", "logs": logs or None}, 202)


def result(server: Server, **fields: Any) -> Reply:
    pictures = [{"url": f"{server.url}/files/b.png", "width": 8, "content_type": "image/png"}]
    return said({"images": pictures, "seed": 42, **fields}, x_fal_billable_units="1")


def file(data: bytes) -> Reply:
    return body(data, Content_Type="application/octet-stream")


PICTURE = file(picture())


async def test_an_app_is_submitted_polled_and_fetched(server: Server) -> None:
    """Field by field as fal's SDK has it, but for the second poll before the result."""
    server.then(begun(server), queued(1), at_work("step 1/4"), DONE, result(server), PICTURE)
    prompt = mt.ImagePrompt.of(
        "a blue square",
        size=(64, 64),
        queue_priority="low",
        start_timeout=30,
        runner_hint="h1",
        no_retry=True,
        keep_seconds=3600,
    )

    async with client_of(mt.FalImageClient, server) as client:
        image = await client.generate(prompt)

    submit, first, _, _, fetched, media = server.requests
    assert (submit.method, submit.path) == ("POST", "/fal-ai/flux/schnell")
    assert submit.json == {
        "prompt": "a blue square",
        "image_size": {"width": 64, "height": 64},
    }
    assert submit.headers["authorization"] == f"Key {KEY}"
    told = {name: value for name, value in submit.headers.items() if name.startswith("x-fal")}
    assert told == {
        "x-fal-runner-hint": "h1",
        "x-fal-queue-priority": "low",
        "x-fal-request-timeout": "30",
        "x-fal-no-retry": "1",
        "x-fal-object-lifecycle-preference": '{"expiration_duration_seconds":3600}',
    }
    assert (first.method, first.path) == ("GET", f"/{JOB}/status?logs=true")
    assert (fetched.method, fetched.path) == ("GET", f"/{JOB}")
    assert media.path == "/files/b.png"
    record = image.provenance
    assert record
    assert (record.request_id, record.seed) == ("r-1", 42)
    assert record.usage == {"inference_seconds": 0.4, "billable_units": "1"}


async def test_the_queue_and_the_log_are_told(server: Server) -> None:
    """A bar is the share that is done; loading the model is not the work."""
    loading = at_work("Loading pipeline: 100%|####| 7/7")
    steps = at_work("start", " 50%|##   | 2/4")
    server.then(begun(server), queued(2), loading, steps, DONE, result(server), PICTURE)

    async with client_of(mt.FalImageClient, server) as client:
        _, events = await events_of(client, FOX)

    assert works(events) == [
        ("fal: position 2 in the queue", None),
        ("fal: Loading pipeline: 7/7", None),
        ("fal: 2/4", 0.5),
    ]


async def test_a_log_that_is_too_long_to_be_read_is_left_out(server: Server) -> None:
    """What is paid is not lost over it."""
    long = at_work("x " * (3 << 20))
    server.then(begun(server), long, at_work(), long, DONE, result(server), PICTURE)

    async with client_of(mt.FalImageClient, server) as client:
        await client.generate(FOX)

    polls = [request.path for request in server.requests if "/status" in request.path]
    assert [path.partition("?")[2] for path in polls] == ["logs=true", "logs=false"] * 2


@pytest.mark.parametrize(
    ("status", "answer", "confirmed"),
    [
        (200, "OK", True),
        (202, "CANCELLATION_REQUESTED", False),
        (400, "ALREADY_COMPLETED", False),
    ],
)
async def test_a_stop_reaches_fal(
    server: Server, status: int, answer: str, *, confirmed: bool
) -> None:
    """An app that works already may go on, so a mere request is no confirmation."""
    server.then(begun(server), at_work(), said({"status": answer}, status))

    async with client_of(mt.FalImageClient, server) as client:
        client.polling = Polling(first=60, cap=60)
        withdrawn = await stopped(client, FOX)

    assert withdrawn == Withdrawn(confirmed=confirmed)
    last = server.requests[-1]
    assert (last.method, last.path) == ("PUT", f"/{JOB}/cancel")


async def test_a_retry_after_a_stop_starts_another_job(tmp_path: Path) -> None:
    """The stop is not confirmed, so the retry looks first whether the job has ended."""
    async with mt.Simulator(vendors=("fal",), key=KEY, detail=64, looks=1000) as sim:
        origins = (sim.files_url,)
        async with mt.FalImageClient(KEY, base_url=sim.fal.url, trusted_origins=origins) as client:
            job = mt.ImageGenAgent(client, store=tmp_path).start(FOX)
            await sim.until(lambda: bool(sim.requests_for("poll")))
            job.cancel()
            with pytest.raises(mt.JobCancelled, match="kept as pending"):
                await job
            sim.looks = 1

            fox = await job.retry()

        assert fox.provenance is not None
        assert len(sim.requests_for("start")) == 2
        assert kept(tmp_path) == []


async def test_a_refusal_comes_with_the_result(server: Server, tmp_path: Path) -> None:
    """The job is over then, and nothing of it is kept."""
    server.then(begun(server), DONE, said(FLAGGED, 422, x_fal_retryable="false"))

    async with client_of(mt.FalImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(mt.RefusalError, match="prompt: The content could not") as caught:
            await agent.generate(FOX)

    assert caught.value.reason == "content_policy_violation"
    assert not caught.value.may_have_been_billed
    assert kept(tmp_path) == []


async def test_a_refusal_that_echoes_a_picture_is_read(server: Server) -> None:
    """More comes with it than is read of an error; the words stand before that."""
    echo = FLAGGED["detail"][0] | {"input": "data:image/png;base64," + "A" * 200_000}
    server.then(said({"detail": [echo]}, 422))

    async with client_of(mt.FalImageClient, server) as client:
        with pytest.raises(mt.RefusalError, match="prompt: The content could not"):
            await client.generate(FOX)


@pytest.mark.parametrize("seconds", [KEY, True, [], 10**400, "1.5"])
async def test_a_count_that_is_no_number_is_not_recorded(server: Server, seconds: Any) -> None:
    done = said({"status": "COMPLETED", "logs": None, "metrics": {"inference_time": seconds}})
    server.then(begun(server), done, result(server), PICTURE)

    async with client_of(mt.FalImageClient, server) as client:
        image = await client.generate(FOX)

    assert image.provenance
    assert image.provenance.usage == {"billable_units": "1"}


async def test_a_job_that_was_cancelled_meanwhile_is_dropped(
    server: Server, tmp_path: Path
) -> None:
    """A stop is confirmed by nobody, so the record is kept until somebody asks for the result."""
    cancelled = said({"detail": "Request was cancelled"}, 400)
    server.then(begun(server), DONE, cancelled)

    async with client_of(mt.FalImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(mt.ProviderError, match="was cancelled"):
            await agent.generate(FOX)

    assert (len(server.requests), kept(tmp_path)) == (3, [])


async def test_an_app_that_timed_out_has_failed(server: Server, tmp_path: Path) -> None:
    """The status of the result is that of the app's error."""
    failed = said({"detail": "Request timed out", "error_type": "request_timeout"}, 504)
    server.then(begun(server), DONE, failed)

    async with client_of(mt.FalImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(mt.ProviderError, match="504: Request timed out") as caught:
            await agent.generate(FOX)

    assert caught.value.may_have_been_billed
    assert (len(server.requests), kept(tmp_path)) == (3, [])


async def test_a_result_that_stumbles_is_asked_for_again(server: Server) -> None:
    """An error without the app's word says nothing of the job."""
    stumbles = [
        said({"detail": "Bad gateway"}, 502),
        DONE,
        body(b"", 500),
        DONE,
        body(b"<html>", 503),
    ]
    server.then(begun(server), DONE, *stumbles, DONE, result(server), PICTURE)

    async with client_of(mt.FalImageClient, server, retry=mt.Retry(attempts=1)) as client:
        await client.generate(FOX)

    assert paid(server) == 1


@pytest.mark.parametrize(
    "poll", [said({}), said({"status": 3}), said([]), said({"detail": "No."}, 422)]
)
async def test_polls_that_tell_nothing_end_only_after_some(server: Server, poll: Reply) -> None:
    """A single one says nothing of a job that is paid."""
    server.then(begun(server), *[poll] * (DENIALS - 1), DONE, result(server), PICTURE)
    async with client_of(mt.FalImageClient, server) as client:
        await client.generate(FOX)

    server.then(begun(server), poll)
    server.script.popleft()  # the picture, which was to stay
    async with client_of(mt.FalImageClient, server) as client:
        with pytest.raises(mt.ProviderError) as caught:
            await client.generate(FOX)
    assert caught.value.may_have_been_billed


async def test_a_key_goes_to_fal_alone(server: Server) -> None:
    """A submit that names another host is an error, and what is paid is said to be."""
    server.then(begun(server, response_url="https://queue.fal.run.evil.example/a/b/requests/r"))

    async with client_of(mt.FalImageClient, server) as client:
        with pytest.raises(mt.ProviderError, match="not its own") as caught:
            await client.generate(FOX)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "job_id",
    [
        "https://evil.example/a/b/requests/r-1",
        "http://queue.fal.run/a/b/requests/r-1",
        "//evil.example/a/b/requests/r-1",
        "a/../b/requests/r-1",
        "a/b/requests/r-1?x=1",
        "a/b/requests/../x",
        "r-1",
        "",
    ],
)
async def test_a_job_id_of_another_place_is_not_asked(server: Server, job_id: str) -> None:
    """A record on disk may be anybody's."""
    async with client_of(mt.FalImageClient, server) as client, CallContext(5) as context:
        provenance = await client.provenance(FOX)
        with pytest.raises((mt.PromptError, mt.ProviderError)):
            await client.poll(job_id, provenance, context)
        with pytest.raises((mt.PromptError, mt.ProviderError)):
            await client.cancel(job_id, context)
    assert server.requests == []


async def test_a_picture_is_come_back_for(server: Server, tmp_path: Path) -> None:
    """By another agent, which pays nothing again."""
    server.then(begun(server), at_work())
    async with client_of(mt.FalImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        job = agent.start(FOX)
        await run_out(job, lambda: len(server.requests) > 2)
        with pytest.raises(mt.DeadlineError, match=rf"resume\('{JOB}'\)"):
            await job
    assert kept(tmp_path) == [JOB]

    server.then(DONE, result(server), PICTURE)
    server.script.popleft()
    async with client_of(mt.FalImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        image = await agent.resume(JOB)

    assert image.provenance
    assert image.provenance.request_id == "r-1"
    assert (paid(server), kept(tmp_path)) == (1, [])


URI = "data:image/png;base64," + base64.b64encode(picture()).decode()


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"references": [picture()]}, {"image_url": URI, "image_urls": [URI]}),
        ({"references": [picture()] * 2}, {"image_urls": [URI, URI]}),
        ({"references": [picture()], "image_field": "photo"}, {"photo": URI}),
        ({"references": [picture()] * 2, "image_field": "photos[]"}, {"photos": [URI, URI]}),
        ({"size": "2K", "aspect": "16:9"}, {"resolution": "2K", "aspect_ratio": "16:9"}),
        ({"size": (640, 480)}, {"image_size": {"width": 640, "height": 480}}),
        ({"seed": 7, "arguments": {"seed": 8, "steps": 4}}, {"seed": 8, "steps": 4}),
        ({"arguments": {"prompt": "another"}}, {"prompt": "another"}),
    ],
)
async def test_any_app_gets_its_arguments(
    server: Server, options: dict[str, Any], fields: dict[str, Any]
) -> None:
    """By the usual names, or by those that are given."""
    server.then(begun(server), DONE, result(server), PICTURE)

    async with client_of(mt.FalImageClient, server, model="fal/acme/draw/v2/edit") as client:
        await client.generate(mt.ImagePrompt.of("a red fox", **options))

    assert server.requests[0].path == "/acme/draw/v2/edit"
    assert server.requests[0].json == {"prompt": "a red fox", **fields}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arguments": {"num_images": 4}}, "leave num_images out"),
        ({"arguments": ["steps"]}, "takes values by name"),
        ({"arguments": {"picture": b"bytes"}}, "takes values by name"),
        ({"arguments": {1: 2}}, "takes values by name"),
        ({"image_field": "a b"}, "no name of an argument"),
        ({"references": [picture()] * 2, "image_field": "photo"}, r"image_field="),
        ({"queue_priority": "high"}, "normal or low"),
    ],
)
async def test_what_would_be_lost_or_refused_is_never_sent(
    server: Server, options: dict[str, Any], words: str
) -> None:
    """Several pictures of one call, of which one is returned, are paid for nothing."""
    async with client_of(mt.FalImageClient, server, model="acme/draw") as client:
        with pytest.raises(mt.PromptError, match=words):
            await client.generate(mt.ImagePrompt.of("a red fox", **options))
    assert server.requests == []


async def test_a_result_within_the_answer_is_taken(server: Server) -> None:
    """As models send it with `sync_mode`."""
    server.then(begun(server), DONE, said({"image": {"url": URI}}))
    prompt = mt.ImagePrompt.of("a red fox", arguments={"sync_mode": True})

    async with client_of(mt.FalImageClient, server) as client:
        image = await client.generate(prompt)

    assert image.data == picture()


async def test_a_result_without_a_file_is_an_error(server: Server) -> None:
    """That may have been billed."""
    server.then(begun(server), DONE, said({"images": [], "prompt": "https://example.com/x.png"}))

    async with client_of(mt.FalImageClient, server) as client:
        with pytest.raises(mt.ProviderError, match="named no picture") as caught:
            await client.generate(FOX)

    assert caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("model", "options", "cost"),
    [
        ("fal-ai/flux/schnell", {}, "0.003"),
        ("fal-ai/flux/schnell", {"size": "2K"}, "0.012"),
        ("fal-ai/flux/schnell", {"size": "1K", "aspect": "21:9"}, "0.003"),
        ("fal-ai/flux/dev", {"size": (1200, 1200)}, "0.05"),
        (
            "fal-ai/flux/dev",
            {"arguments": {"image_size": {"width": 2048, "height": 1024}}},
            "0.05",
        ),
        ("fal-ai/flux-pro/v1.1-ultra", {"aspect": "21:9"}, "0.06"),
        ("fal-ai/nano-banana-2", {"size": "4K"}, "0.16"),
        ("fal-ai/nano-banana-2", {"size": "4K", "arguments": {"thinking": "high"}}, "0.162"),
    ],
)
async def test_prices_follow_what_is_asked_for(
    server: Server, model: str, options: dict[str, Any], cost: str
) -> None:
    """For each started megapixel, by tier, or for the picture."""
    async with client_of(mt.FalImageClient, server, model=model) as client:
        price = client.quote(mt.ImagePrompt.of("a red fox", **options))

    assert price.high == Decimal(cost)


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (401, {"detail": "Cannot access application"}, mt.AuthenticationError, "FAL_KEY"),
        (403, {"detail": "Exhausted balance. Top up."}, mt.RateLimitError, "no quota left"),
        (404, {"detail": "Application not found"}, mt.ModelNotFoundError, "fal-ai/flux/schnell"),
        (429, {"detail": "Too many requests"}, mt.RateLimitError, "Too many requests"),
    ],
)
async def test_an_error_says_what_to_do(
    server: Server, status: int, document: Any, error: type[mt.ProviderError], words: str
) -> None:
    """And nothing was begun."""
    server.then(said(document, status))

    async with client_of(mt.FalImageClient, server, retry=mt.Retry(attempts=1)) as client:
        with pytest.raises(error, match=words) as caught:
            await client.generate(FOX)

    assert not caught.value.may_have_been_billed


async def test_speech_is_made_by_an_app(server: Server) -> None:
    """The text is `text`, unless it is said otherwise."""
    url = f"{server.url}/files/b.wav"
    server.then(begun(server), DONE, said({"audio": {"url": url}}), file(sound("wav", "pcm_s16le")))

    async with client_of(mt.FalSpeechClient, server, model="acme/speak") as client:
        audio = await client.generate(mt.SpeechPrompt("hello", voice="ann"))
        assert audio.seconds > 0.1
        assert server.requests[0].json == {"text": "hello", "voice": "ann"}

        prompt = mt.SpeechPrompt.of("hello", text_field="prompt")
        assert client.to_wire(prompt) == {"prompt": "hello"}


async def test_a_film_is_made_by_an_app(server: Server) -> None:
    """From a first picture."""
    server.then(
        begun(server), DONE, said({"video": {"url": f"{server.url}/files/b.mp4"}}), file(clip())
    )
    prompt = mt.VideoPrompt("waves", image=picture(), seconds=5, aspect="16:9", resolution="720p")

    async with client_of(mt.FalVideoClient, server, model="acme/film") as client:
        video = await client.generate(prompt)

    assert video.mime_type == "video/mp4"
    assert server.requests[0].json == {
        "prompt": "waves",
        "image_url": URI,
        "duration": 5,
        "aspect_ratio": "16:9",
        "resolution": "720p",
    }


@pytest.mark.parametrize("kind", ["FalSpeechClient", "FalVideoClient", "ReplicateSpeechClient"])
def test_without_a_usual_model_one_is_to_be_named(kind: str) -> None:
    """As the list of models says."""
    with pytest.raises(mt.PromptError, match=r'Name a model: model="[a-z]+/…"'):
        getattr(mt, kind)(KEY)


def test_of_a_log_only_the_end_is_read() -> None:
    """All of it comes with every poll, and a line of megabytes would hold the loop for seconds."""
    read: list[str] = []

    def safe(text: str, limit: int) -> str:
        read.append(text)
        return text[:limit]

    work = working("fal", "9" * 1_000_000 + "\nstep 3 of 4", safe)
    working("fal", "9" * 1_000_000, safe)

    assert (work.words, work.fraction) == ("step 3 of 4", 0.75)
    assert max(map(len, read)) <= 2000

"""Replicate: predictions that are waited for, polled, stopped and come back for."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
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
from tests.transport.server import Reply, Seen, Server, body, said, serving, silence

VERSION = "a" * 64


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


def prediction(status: str, *, http: int = 200, **fields: Any) -> Reply:
    document = {"id": "p1", "status": status, "output": None, "error": None, "logs": ""}
    return said({**document, **fields}, http)


def started(**fields: Any) -> Reply:
    return prediction("starting", http=202, **fields)


def output(server: Server, name: str = "out-0.webp") -> str:
    return f"{server.url}/delivery/{name}"


def file(data: bytes) -> Reply:
    return body(data, Content_Type="application/octet-stream")


PICTURE = file(picture())


async def test_what_is_quick_needs_no_poll(server: Server) -> None:
    """A finished prediction may still be called `processing`."""
    done = prediction("processing", http=201, output=[output(server)])
    server.then(done, PICTURE)

    async with client_of(mt.ReplicateImageClient, server) as client:
        image = await client.generate(mt.ImagePrompt("x", seed=3, aspect="16:9"))

    begin, media = server.requests
    assert begin.path == "/v1/models/black-forest-labs/flux-schnell/predictions"
    assert begin.json == {"input": {"prompt": "x", "seed": 3, "aspect_ratio": "16:9"}}
    assert begin.headers["prefer"] == "wait=1"
    assert begin.headers["authorization"] == f"Bearer {KEY}"
    assert media.path == "/delivery/out-0.webp"
    assert image.provenance
    assert image.provenance.request_id == "p1"


async def test_what_takes_longer_is_polled(server: Server) -> None:
    """Its log is told, and the share in it."""
    server.then(
        started(),
        prediction("starting"),
        prediction("processing", logs="Using seed: 3\n 25%|#    | 1/4\r 50%|##   | 2/4"),
        prediction("processing", output=[output(server)]),
        prediction("succeeded", output=[output(server)], metrics={"predict_time": 1.1}),
        PICTURE,
    )

    async with client_of(mt.ReplicateImageClient, server) as client:
        image, events = await events_of(client, FOX)

    assert works(events) == [("replicate: working", None), ("replicate: 2/4", 0.5)]
    assert {request.path for request in server.requests[1:5]} == {"/v1/predictions/p1"}
    assert image.provenance.usage == {"predict_seconds": 1.1}


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("acme/draw", "/v1/models/acme/draw/predictions", None),
        (f"acme/draw:{VERSION}", "/v1/predictions", VERSION),
        (VERSION, "/v1/predictions", VERSION),
        ("deployments/acme/draw", "/v1/deployments/acme/draw/predictions", None),
    ],
)
async def test_each_kind_of_model_has_its_place(
    server: Server, model: str, path: str, version: str | None
) -> None:
    """Official ones, versions, deployments."""
    server.then(prediction("succeeded", http=201, output=output(server)), PICTURE)

    async with client_of(mt.ReplicateImageClient, server, model=f"replicate/{model}") as client:
        await client.generate(mt.ImagePrompt.of("x", cancel_after=30))

    (begin, _) = server.requests
    assert (begin.path, begin.json.get("version")) == (path, version)
    assert begin.headers["cancel-after"] == "30s"


@pytest.mark.parametrize(
    "shape",
    [
        lambda url: url,
        lambda url: [url],
        lambda url: [None, url],
        lambda url: {"image": url},
        lambda url: {"images": [{"url": url}], "seed": 3},
    ],
    ids=["text", "list", "list with none", "object", "nested"],
)
async def test_an_output_has_any_shape(server: Server, shape: Any) -> None:
    """The first address in it counts."""
    server.then(prediction("succeeded", http=201, output=shape(output(server))), PICTURE)

    async with client_of(mt.ReplicateImageClient, server) as client:
        assert (await client.generate(FOX)).data == picture()


@pytest.mark.parametrize(
    ("options", "name", "count"),
    [
        ({"references": [picture()]}, "image", 1),
        ({"references": [picture()], "image_field": "photo"}, "photo", 1),
        ({"references": [picture()] * 2, "image_field": "photos[]"}, "photos", 2),
    ],
)
async def test_pictures_are_uploaded_first(
    server: Server, options: dict[str, Any], name: str, count: int
) -> None:
    """And stand in the input by their addresses."""
    url = f"{server.url}/v1/files/f1"
    taken = said({"id": "f1", "urls": {"get": url}}, 201)
    done = prediction("succeeded", http=201, output=output(server))
    server.then(*[taken] * count, done, PICTURE)

    async with client_of(mt.ReplicateImageClient, server) as client:
        await client.generate(mt.ImagePrompt.of("x", **options))

    upload, begin = server.requests[0], server.requests[count]
    assert upload.path == "/v1/files"
    assert b'name="content"; filename="image.png"' in upload.body
    assert picture() in upload.body
    assert begin.json["input"][name] == (url if name != "photos" else [url, url])


FAILURES: dict[str, tuple[str, str | None, type[mt.ProviderError], str]] = {
    "refused": ("failed", "NSFW content detected. Try again.", mt.RefusalError, "NSFW content"),
    "failed": ("failed", "CUDA out of memory", mt.ProviderError, r"\(failed\): CUDA out"),
    "canceled": ("canceled", None, mt.ProviderError, "canceled"),
    "aborted": ("aborted", None, mt.ProviderError, "aborted"),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
async def test_a_prediction_that_failed_says_why(
    server: Server, tmp_path: Path, name: str, *, at_once: bool
) -> None:
    """Nothing of it is kept."""
    status, error, kind, words = FAILURES[name]
    ended = prediction(status, error=error)
    server.then(*([ended] if at_once else [started(), ended]))

    async with client_of(mt.ReplicateImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(kind, match=words) as caught:
            await agent.generate(FOX)

    assert caught.value.may_have_been_billed is (name in {"failed", "canceled"})
    assert kept(tmp_path) == []


@pytest.mark.parametrize("how", ["stop", "deadline"])
async def test_an_end_during_the_upload_starts_nothing(server: Server, how: str) -> None:
    """Nothing is paid yet, so nothing has to be waited for."""
    server.then(silence())
    prompt = mt.ImagePrompt.of("x", references=[picture()])

    async with client_of(mt.ReplicateImageClient, server) as client:
        client.submit_within = 20
        job = mt.ImageGenAgent(client).start(prompt)
        while not server.requests:
            await asyncio.sleep(0)
        if how == "stop":
            job.cancel()
        else:
            job.extend(-1e6)
        with pytest.raises((mt.JobCancelled, mt.DeadlineError)) as caught:
            await asyncio.wait_for(job, 10)

    assert not caught.value.may_have_been_billed
    assert [request.path for request in server.requests] == ["/v1/files"]


async def test_a_start_that_was_refused_is_not_sent_again_after_a_stop(server: Server) -> None:
    may_answer = asyncio.Event()

    async def refuse(writer: asyncio.StreamWriter, seen: Seen) -> bool:
        await may_answer.wait()
        return await said({"detail": "throttled"}, 429, Retry_After=0)(writer, seen)

    server.then(refuse, started())
    async with client_of(mt.ReplicateImageClient, server) as client:
        client.submit_within = 20
        job = mt.ImageGenAgent(client).start(FOX)
        while not server.requests:
            await asyncio.sleep(0)
        job.cancel()
        await asyncio.sleep(0)
        may_answer.set()
        with pytest.raises(mt.JobCancelled) as caught:
            await job

    assert not caught.value.may_have_been_billed
    assert paid(server) == 1


async def test_a_result_that_was_removed_is_not_waited_for_again(
    server: Server, tmp_path: Path
) -> None:
    """It was come back for after more than an hour."""
    server.then(started(), prediction("succeeded", data_removed=True))

    async with client_of(mt.ReplicateImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(mt.ProviderError, match=r"removed the picture.*after an hour") as caught:
            await agent.generate(FOX)

    assert caught.value.may_have_been_billed
    assert kept(tmp_path) == []


async def test_a_stop_reaches_replicate(server: Server) -> None:
    """Which says that it stopped."""
    server.then(started(), prediction("processing"), prediction("canceled"))

    async with client_of(mt.ReplicateImageClient, server) as client:
        client.polling = Polling(first=60, cap=60)
        withdrawn = await stopped(client, FOX)

    assert withdrawn == Withdrawn(confirmed=True)
    last = server.requests[-1]
    assert (last.method, last.path) == ("POST", "/v1/predictions/p1/cancel")


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_prediction_that_may_have_begun_is_posted_once(server: Server, status: int) -> None:
    """Replicate's own SDK never posts again."""
    server.then(said({"detail": "Bad gateway"}, status))

    async with client_of(mt.ReplicateImageClient, server) as client:
        with pytest.raises(mt.ProviderError):
            await client.generate(FOX)

    assert paid(server) == 1


async def test_a_limit_says_how_long_to_wait(server: Server) -> None:
    """In words alone."""
    words = "Request was throttled. Your rate limit resets in ~30s."
    server.then(said({"detail": words, "status": 429, "title": "Too many requests"}, 429))

    async with client_of(mt.ReplicateImageClient, server) as client:
        with pytest.raises(mt.RateLimitError, match="throttled") as caught:
            await client.generate(FOX, timeout=20)

    assert caught.value.retry_after == 30
    assert paid(server) == 1


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (401, {"title": "Unauthenticated", "detail": "No token"}, mt.AuthenticationError, "No tok"),
        (402, {"title": "Billing", "detail": "No credit"}, mt.RateLimitError, "no quota left"),
        (404, {"detail": "Not found."}, mt.ModelNotFoundError, "flux-schnell"),
        (
            422,
            {"title": "Input validation failed", "detail": "- input: prompt is required\n"},
            mt.ProviderError,
            "prompt is required",
        ),
    ],
)
async def test_an_error_says_what_to_do(
    server: Server, status: int, document: Any, error: type[mt.ProviderError], words: str
) -> None:
    """And nothing was begun."""
    server.then(said(document, status))

    async with client_of(mt.ReplicateImageClient, server) as client:
        with pytest.raises(error, match=words) as caught:
            await client.generate(FOX)

    assert not caught.value.may_have_been_billed
    assert paid(server) == 1


@pytest.mark.parametrize(
    "poll", [said({}), said({"id": "p2", "status": "failed"}), said([]), said({"detail": "?"}, 400)]
)
async def test_a_poll_that_tells_nothing_is_followed_by_another(
    server: Server, poll: Reply
) -> None:
    """A prediction that is paid is not given up for it."""
    done = prediction("succeeded", output=output(server))
    server.then(started(), *[poll] * (DENIALS - 1), done, PICTURE)

    async with client_of(mt.ReplicateImageClient, server) as client:
        await client.generate(FOX)

    assert paid(server) == 1


async def test_a_picture_is_come_back_for(server: Server, tmp_path: Path) -> None:
    """By another agent, which pays nothing again."""
    server.then(started(), prediction("starting"))
    async with client_of(mt.ReplicateImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        job = agent.start(FOX)
        await run_out(job, lambda: len(server.requests) > 2)
        with pytest.raises(mt.DeadlineError, match=r"resume\('p1'\)"):
            await job
    assert kept(tmp_path) == ["p1"]

    server.then(prediction("succeeded", output=output(server)), PICTURE)
    server.script.popleft()
    async with client_of(mt.ReplicateImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        await agent.resume("p1")

    assert (paid(server), kept(tmp_path)) == (1, [])


@pytest.mark.parametrize("job_id", ["../models", "p1/cancel", "p1?x", "https://evil.example/p1"])
async def test_an_odd_id_is_not_asked(server: Server, job_id: str) -> None:
    """A record on disk may be anybody's."""
    async with client_of(mt.ReplicateImageClient, server) as client, CallContext(5) as context:
        with pytest.raises(mt.PromptError):
            await client.poll(job_id, await client.provenance(FOX), context)
        with pytest.raises(mt.PromptError):
            await client.cancel(job_id, context)
    assert server.requests == []


async def test_two_pictures_need_the_name_of_a_list(server: Server) -> None:
    """No model has one that we could guess."""
    async with client_of(mt.ReplicateImageClient, server) as client:
        with pytest.raises(mt.PromptError, match="image_field="):
            await client.generate(mt.ImagePrompt("x", references=[picture()] * 2))
        with pytest.raises(mt.PromptError, match="num_outputs"):
            await client.generate(mt.ImagePrompt.of("x", arguments={"num_outputs": 2}))
    assert server.requests == []


async def test_speech_and_film_are_predictions_too(server: Server) -> None:
    """Speech gets its text as `text`."""
    done = prediction("succeeded", http=201, output=output(server))
    server.then(done, file(sound("wav", "pcm_s16le")), done, file(clip()))

    async with client_of(mt.ReplicateSpeechClient, server, model="acme/speak") as client:
        assert (await client.generate("hello")).seconds > 0.1
    async with client_of(mt.ReplicateVideoClient, server, model="acme/film") as client:
        await client.generate(mt.VideoPrompt("waves", seconds=4.5, resolution="720p"))

    assert server.requests[0].json["input"] == {"text": "hello"}
    expected = {"prompt": "waves", "duration": 4.5, "resolution": "720p"}
    assert server.requests[2].json["input"] == expected


@pytest.mark.parametrize("seconds", [KEY, "x" * 5000, True, 10**400, {}])
async def test_a_count_that_is_no_number_is_not_recorded(server: Server, seconds: Any) -> None:
    metrics = {"predict_time": seconds}
    server.then(prediction("succeeded", http=201, output=output(server), metrics=metrics), PICTURE)

    async with client_of(mt.ReplicateImageClient, server) as client:
        image = await client.generate(FOX)

    assert image.provenance
    assert image.provenance.usage == {}


async def test_a_picture_has_its_price(server: Server) -> None:
    """Of the list."""
    async with client_of(mt.ReplicateImageClient, server) as client:
        assert client.quote(FOX).high == Decimal("0.003")


@pytest.mark.parametrize("status", [["x"], {"a": 1}], ids=["list", "object"])
async def test_a_state_that_is_no_word_is_looked_at_again(server: Server, status: Any) -> None:
    """The prediction has begun, so its name must not be lost."""
    odd = said({"id": "abc", "status": status}, 201)
    server.then(odd, said({"id": "abc", "status": "aborted"}), said({"status": status}))

    async with client_of(mt.ReplicateImageClient, server) as client:
        with pytest.raises(mt.ProviderError, match="made no picture"):
            await client.generate(FOX)
        async with CallContext(10) as context:
            assert not await client.cancel("abc", context)

"""Gemini: what goes over the wire, what comes back, and every way in which it says no."""

import base64
import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.gemini import GeminiImageClient
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from tests.deadline import cut_short
from tests.providers.conftest import KEY
from tests.test_prompts import picture
from tests.transport.server import said, serving

pytestmark = pytest.mark.filterwarnings("ignore:gemini/.* end:FutureWarning")

WIRE = Path(__file__).parents[1] / "wire"
FOX = mt.ImagePrompt("a red fox")


def recorded(name: str) -> list[dict[str, Any]]:
    """What the official SDK sent for the same call."""
    requests: list[dict[str, Any]] = json.loads((WIRE / f"{name}.json").read_text())["requests"]
    return requests


def normal(value: Any) -> Any:
    """Both spellings of a name and both alphabets of base64 are one on this wire."""
    if isinstance(value, dict):
        return {
            re.sub(r"_(\w)", lambda match: match[1].upper(), name): normal(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [normal(item) for item in value]
    return value.replace("-", "+").replace("_", "/") if _is_base64(value) else value


def _is_base64(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9+/_-]{40,}=*", value))


async def test_a_text_becomes_a_picture_with_its_origin(client: GeminiImageClient) -> None:
    image = await client.generate(mt.ImagePrompt("a red fox", seed=3, size="1K", aspect="16:9"))
    record = image.provenance
    assert record is not None
    assert (image.mime_type, image.data) == ("image/png", picture())
    assert (record.model, record.engine) == ("gemini/gemini-3.1-flash-image", "gemini")
    assert (record.prompt, record.seed) == ("a red fox", 3)
    assert record.options == {"size": "1K", "aspect": "16:9"}
    assert record.usage["output"]["IMAGE"] > 0
    assert record.usage["input"]["TEXT"] > 0
    assert record.request_id


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        (
            {
                "promptTokenCount": 5,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
                "candidatesTokenCount": 1518,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
                "thoughtsTokenCount": 77,
                "totalTokenCount": 1600,
            },
            {
                "input": {"TEXT": 5},
                "output": {"IMAGE": 1120, "TEXT": 398},
                "thoughts": 77,
                "total": 1600,
            },
        ),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 48},
            {"input": {"TEXT": 5}, "output": {"TEXT": 48}},
        ),
        (
            {
                "candidatesTokenCount": 1336,
                "candidatesTokensDetails": [
                    {"modality": "IMAGE", "tokenCount": 1290},
                    {"modality": "TEXT", "tokenCount": 6},
                ],
            },
            {"output": {"IMAGE": 1290, "TEXT": 46}},
        ),
        (
            {
                "candidatesTokenCount": 10,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            {"output": {"IMAGE": 1290}},
        ),
        ({"candidatesTokenCount": "many", "candidatesTokensDetails": 7}, {}),
    ],
)
async def test_every_billed_token_is_kept_by_modality(
    usage: dict[str, Any], kept: dict[str, Any]
) -> None:
    """What the vendor's details leave out is text, as in the recorded answers."""
    inline = {"mimeType": "image/png", "data": base64.b64encode(picture()).decode()}
    candidate = {"content": {"parts": [{"inlineData": inline}]}, "finishReason": "STOP"}
    async with serving() as server, GeminiImageClient(KEY, base_url=server.url) as client:
        server.then(said({"candidates": [candidate], "usageMetadata": usage}))
        record = (await client.generate(FOX)).provenance
    assert record is not None
    assert record.usage == kept


async def test_the_output_sums_to_what_the_vendor_counts(client: GeminiImageClient) -> None:
    record = (await client.generate(FOX)).provenance
    assert record is not None
    usage = record.usage
    assert usage["output"] == {"IMAGE": 1120, "TEXT": 398}
    parts = [*usage["input"].values(), *usage["output"].values(), usage["thoughts"]]
    assert sum(parts) == usage["total"]


async def test_a_chat_that_outgrows_the_vendor_is_refused_before_it_is_sent(
    client: GeminiImageClient, sim: Simulator
) -> None:
    """Every turn is sent again; what is told is the weight on the wire, and the way out."""
    first = await client.generate(FOX)
    signature = {"thoughtSignature": "A" * (101 << 20)}
    first.conversation.contents[-1]["parts"].append(signature)  # type: ignore[attr-defined]
    with pytest.raises(mt.PromptError, match=r"101 MiB; .* takes 100.*references=\[picture\]"):
        await client.generate(mt.ImagePrompt("now red", previous=first))
    assert len(sim.requests) == 1


async def test_a_plain_request_is_the_sdks_field_by_field(sim: Simulator) -> None:
    """Named differences: none in the body; of the headers, only how a client names itself.

    The recording asks a model for 2K that draws 1K alone, so another is asked here.
    """
    (sdk,) = recorded("gemini.image_sync")
    model = "gemini-3.1-flash-image"
    sdk["path"] = sdk["path"].replace("gemini-3.1-flash-lite-image", model)
    config = sdk["body"]["generationConfig"]["imageConfig"]
    async with GeminiImageClient(api_key=KEY, base_url=sim.url, model=model) as client:
        text = sdk["body"]["contents"][0]["parts"][0]["text"]
        shape = {"size": config["imageSize"], "aspect": config["aspectRatio"]}
        await client.generate(mt.ImagePrompt(text, **shape))
    (ours,) = sim.requests
    assert (ours.method, ours.path, dict(ours.query)) == (sdk["method"], sdk["path"], sdk["query"])
    assert normal(ours.body) == normal(sdk["body"])
    assert ours.headers["Content-Type"] == sdk["headers"]["Content-Type"]
    assert ours.headers["x-goog-api-key"] == KEY
    assert ours.headers["User-Agent"].startswith("mediatoolkit/")


async def test_an_edit_with_every_option_is_the_sdks_field_by_field(sim: Simulator) -> None:
    """Named differences: we ask for pictures alone, and for one candidate by saying nothing."""
    sdk = recorded("gemini.image_edit")[0]
    body = normal(sdk["body"])
    body["generationConfig"]["responseModalities"] = ["IMAGE"]
    del body["generationConfig"]["candidateCount"]
    inline = sdk["body"]["contents"][0]["parts"][0]["inlineData"]
    model = "gemini-3-pro-image"
    async with GeminiImageClient(api_key=KEY, base_url=sim.url, model=model) as client:
        prompt = mt.ImagePrompt.of(
            "make it green",
            references=[base64.urlsafe_b64decode(inline["data"])],
            seed=7,
            system="be brief",
            safety={"harassment": "block_only_high"},
            service_tier="flex",
            include_thoughts=True,
            thinking="low",
        )
        await client.generate(prompt)
    assert normal(sim.requests[0].body) == body


async def test_every_other_option_has_its_field(client: GeminiImageClient, sim: Simulator) -> None:
    """Those that no recording shows; the simulator knows the vendor's schema."""
    prompt = mt.ImagePrompt.of(
        "a fox",
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        thinking_budget=512,
        media_resolution="low",
    )
    await client.generate(prompt)
    config = sim.requests[0].body["generationConfig"]
    assert config == {
        "responseModalities": ["IMAGE"],
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "thinkingConfig": {"thinkingBudget": 512},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }


async def test_a_second_turn_sends_back_what_was_said_as_the_sdk_does(sim: Simulator) -> None:
    """Named difference: we say again that we want pictures alone."""
    sdk = normal(recorded("gemini.image_edit")[1]["body"])
    thoughtful = mt.ImagePrompt.of("make it green", include_thoughts=True)
    async with GeminiImageClient(api_key=KEY, base_url=sim.url) as client:
        first = await client.generate(thoughtful)
        second = await client.generate(mt.ImagePrompt("now red", previous=first))
        await client.generate(mt.ImagePrompt("now blue", previous=second))
    body = normal(sim.requests[1].body)
    assert body.pop("generationConfig") == {"responseModalities": ["IMAGE"]}
    assert [turn["role"] for turn in body["contents"]] == [turn["role"] for turn in sdk["contents"]]
    parts, theirs = body["contents"][1]["parts"], sdk["contents"][1]["parts"]
    assert [sorted(part) for part in parts] == [sorted(part) for part in theirs]
    assert any("thoughtSignature" in part for part in parts)
    assert base64.b64decode(parts[-1]["inlineData"]["data"]) == first.data
    assert len(sim.requests[2].body["contents"]) == 5


async def test_the_server_is_told_the_deadline(client: GeminiImageClient, sim: Simulator) -> None:
    """As the SDK does, in whole seconds rounded up."""
    (sdk,) = recorded("gemini.timeout_header")
    await client.generate("x", timeout=30.5)
    assert sim.requests[0].headers["X-Server-Timeout"] == sdk["headers"]["X-Server-Timeout"]


async def test_a_saved_picture_goes_on_as_a_reference(
    client: GeminiImageClient, sim: Simulator, tmp_path: Path
) -> None:
    """The thought signatures are not in the file; the pixels still speak."""
    path = (await client.generate(FOX)).save(tmp_path / "fox")
    await client.generate(mt.ImagePrompt("now red", previous=path))
    parts = sim.requests[1].body["contents"][0]["parts"]
    assert [sorted(part) for part in parts] == [["inlineData"], ["text"]]


async def test_thought_pictures_are_skipped_and_sent_back() -> None:
    async with Simulator(detail=64) as sim:
        async with GeminiImageClient(api_key="test-key", base_url=sim.url) as client:
            prompt = mt.ImagePrompt.of("a hill", size="512", include_thoughts=True)
            image = await client.generate(prompt)
            await client.generate(mt.ImagePrompt("with a fox", previous=image))
        parts = sim.requests[1].body["contents"][1]["parts"]
        thoughts = [part for part in parts if part.get("thought") and "inlineData" in part]
        assert thoughts
        pictures = {part["inlineData"]["data"] for part in parts if "inlineData" in part}
        assert base64.b64encode(image.data).decode() in pictures
        assert base64.b64encode(image.data).decode() != thoughts[0]["inlineData"]["data"]


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_both_versions_are_served(sim: Simulator, version: str) -> None:
    async with GeminiImageClient(api_key=KEY, base_url=sim.url, api_version=version) as client:
        await client.generate(FOX)
    assert sim.requests[0].path.startswith(f"/{version}/models/")


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
async def test_the_type_comes_from_the_bytes(
    client: GeminiImageClient, sim: Simulator, kind: str
) -> None:
    sim.then(f.PictureAs(kind))  # type: ignore[arg-type]
    assert (await client.generate(FOX)).mime_type == f"image/{kind}"


async def test_a_continued_answer_is_asked_for_to_its_end(
    client: GeminiImageClient, sim: Simulator
) -> None:
    plain = await client.generate(FOX)
    sim.then(f.Continuation())
    image = await client.generate(FOX)
    assert "continuationToken" in sim.requests[2].body
    assert plain.provenance
    assert image.provenance
    once, both = plain.provenance.usage, image.provenance.usage
    assert both["input"]["TEXT"] == 2 * once["input"]["TEXT"], "both requests are paid"


@pytest.mark.parametrize("fault", [f.Status(400), f.PromptBlocked(), f.CandidateBlocked()])
async def test_what_was_begun_may_be_billed_whatever_the_rest_of_it_says(
    client: GeminiImageClient, sim: Simulator, fault: Any
) -> None:
    sim.then(f.Continuation(), fault)
    with pytest.raises(mt.ProviderError) as caught:
        await client.generate(FOX)
    assert caught.value.may_have_been_billed


async def test_several_pictures_are_calls_of_their_own(
    client: GeminiImageClient, sim: Simulator
) -> None:
    images = await client.generate_several(mt.ImagePrompt("a fox", seed=5), 3)
    assert len(images) == 3
    seeds = {request.body["generationConfig"]["seed"] for request in sim.requests}
    assert seeds == {5, 6, 7}


async def test_all_of_several_pictures_are_checked_before_the_first_is_sent(
    client: GeminiImageClient, sim: Simulator
) -> None:
    with pytest.raises(mt.PromptError, match="2,147,483,648"):
        await client.generate_several(mt.ImagePrompt("a fox", seed=2**31 - 1), 2)
    assert sim.requests == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (f.PromptBlocked("PROHIBITED_CONTENT", "not this"), "PROHIBITED_CONTENT"),
        (f.CandidateBlocked("IMAGE_SAFETY", "Unable to show it."), "IMAGE_SAFETY"),
        (f.TextOnly("I cannot draw that."), "TEXT_ONLY"),
        (f.UnknownFinish("SOMETHING_NEW"), "SOMETHING_NEW"),
    ],
)
async def test_a_refusal_carries_the_vendors_reason_and_word(
    client: GeminiImageClient, sim: Simulator, fault: Any, reason: str
) -> None:
    sim.then(fault)
    with pytest.raises(mt.RefusalError) as caught:
        await client.generate(FOX)
    assert caught.value.reason == reason
    texts: list[str] = [getattr(fault, name, "") for name in ("message", "finish_message", "text")]
    assert all((text or "") in str(caught.value) for text in texts)
    assert len(sim.requests) == 1


async def test_a_missing_signature_is_no_refusal(client: GeminiImageClient, sim: Simulator) -> None:
    sim.then(f.CandidateBlocked("MISSING_THOUGHT_SIGNATURE"))
    with pytest.raises(mt.ProviderError, match="previous=") as caught:
        await client.generate(FOX)
    assert not isinstance(caught.value, mt.RefusalError)


async def test_a_bad_key_is_an_authentication_error_though_it_is_a_400(sim: Simulator) -> None:
    async with GeminiImageClient(api_key="wrong", base_url=sim.url) as client:
        with pytest.raises(mt.AuthenticationError, match="GEMINI_API_KEY") as caught:
            await client.generate(FOX)
    assert caught.value.status == 400
    assert "wrong" not in str(caught.value)
    assert len(sim.requests) == 1


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", "gemini-9-image"])
async def test_a_retired_or_unknown_model_names_live_ones(sim: Simulator, model: str) -> None:
    async with GeminiImageClient(api_key=KEY, base_url=sim.url, model=model) as client:
        with pytest.raises(mt.ModelNotFoundError, match=r"gemini-3\.1-flash-image"):
            await client.generate(FOX)
    assert len(sim.requests) == 1


@pytest.mark.parametrize(
    ("client", "prompt", "live"),
    [
        (mt.GeminiSpeechClient, "Hello.", "gemini-3.8-flash-tts, gemini-3.8-flash-lite-tts"),
        (mt.GeminiVideoClient, "a fox", "gemini-omni-1.2-flash"),
    ],
)
async def test_speech_and_film_name_models_of_their_own(
    sim: Simulator, client: Any, prompt: str, live: str
) -> None:
    async with client(api_key=KEY, base_url=sim.url, model="gemini-0") as gemini:
        with pytest.raises(mt.ModelNotFoundError, match=live):
            await gemini.generate(prompt)


async def test_a_model_newer_than_the_tables_is_passed_through() -> None:
    async with (
        Simulator(picture=picture(), models=("gemini-9-image",)) as sim,
        GeminiImageClient(api_key="k", base_url=sim.url, model="gemini-9-image") as client,
    ):
        sim.always(None)
        with pytest.raises(mt.AuthenticationError):
            await client.generate(mt.ImagePrompt("x", size="4K", aspect="8:1"))


async def test_the_delay_in_the_body_is_obeyed(client: GeminiImageClient, sim: Simulator) -> None:
    heard: list[str] = []
    sim.then(f.Status(429, retry_delay="0.25s"))
    async with mt.ImageGenAgent(client) as agent:
        job = agent.start("a fox")
        job.subscribe(lambda progress: heard.append(str(progress.event)))
        await job
    assert len(sim.requests) == 2
    assert any(word.startswith("retry 2 of 4") for word in heard)


async def test_a_quota_of_the_day_is_not_asked_again(
    client: GeminiImageClient, sim: Simulator
) -> None:
    sim.always(f.Status(429, retry_delay="0.01s", per_day=True))
    with pytest.raises(mt.RateLimitError, match="tomorrow") as caught:
        await client.generate(FOX)
    assert caught.value.quota_exhausted
    assert len(sim.requests) == 1


async def test_a_delay_beyond_the_deadline_is_given_up_at_once(
    client: GeminiImageClient, sim: Simulator
) -> None:
    sim.always(f.Status(429, retry_delay="3600s"))
    with pytest.raises(mt.RateLimitError) as caught:
        await client.generate(FOX, timeout=60)
    assert caught.value.retry_after == 3600
    assert len(sim.requests) == 1


async def test_a_read_time_out_sends_one_post_and_says_it_may_be_billed(
    client: GeminiImageClient, sim: Simulator
) -> None:
    sim.always(f.Silence())
    with pytest.raises(mt.DeadlineError, match="may have billed") as caught:
        await cut_short(
            lambda call: client.make(FOX, call),
            lambda call: sim.requests and call.event.name == "waiting",
        )
    assert caught.value.may_have_been_billed
    assert caught.value.stage == "waiting"
    assert len(sim.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [f.CutBody(500), f.Truncated(), *(f.BadPicture(kind) for kind in ("svg", "html", "truncated"))],
    ids=repr,
)
async def test_an_answer_that_is_no_picture_is_final(
    client: GeminiImageClient, sim: Simulator, fault: Any
) -> None:
    sim.always(fault)
    with pytest.raises(mt.MediaToolkitError) as caught:
        await client.generate(FOX, timeout=20)
    assert caught.value.may_have_been_billed
    assert len(sim.requests) == 1


async def test_a_bomb_is_refused_by_its_header(client: GeminiImageClient, sim: Simulator) -> None:
    sim.then(f.BadPicture("bomb"))
    with pytest.raises(mt.MediaError, match="30000"):
        await client.generate(FOX)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aspect": "7:5"}, "16:9"),
        ({"size": "1024x768"}, 'size="1K", aspect="4:3"'),
        ({"mask": picture(), "references": [picture()]}, "which part"),
        ({"seed": 2**32 - 1}, "2,147,483,647"),
        ({"temprature": 1}, "temperature"),
        ({"temperature": 3}, "from 0 to 2"),
        ({"temperature": "hot"}, "is not a number"),
        ({"top_k": 0.5}, "whole number"),
        ({"safety": {"violence": "off"}}, "harassment"),
        ({"safety": {"harassment": "maybe"}}, "block_none"),
        ({"safety": "off"}, "Mapping"),
        ({"thinking": "very"}, "minimal"),
        ({"thinking_budget": -2}, "from -1"),
        ({"include_thoughts": "yes"}, "takes bool"),
        ({"media_resolution": "huge"}, "low, medium, high"),
        ({"system": 5}, "takes str"),
        ({"system": "be\x00brief"}, "control character"),
        ({"top_p": 1.1}, "from 0 to 1"),
        ({"service_tier": "gold"}, "flex"),
    ],
)
async def test_what_gemini_does_not_take_is_refused_before_it_is_sent(
    client: GeminiImageClient, sim: Simulator, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError, match=re.escape(words)):
        await client.generate(mt.ImagePrompt.of("a fox", **options))
    assert sim.requests == []


_USUAL = "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9"
_LONG = f"{_USUAL} 1:4 4:1 1:8 8:1"


@pytest.mark.parametrize(
    ("model", "sizes", "aspects"),
    [
        ("gemini-3.1-flash-image", "512 1K 2K 4K", _LONG),
        ("gemini-3.1-flash-lite-image", "1K", _USUAL),
        ("gemini-3-pro-image", "1K 2K 4K", _USUAL),
        ("gemini-nano-banana-2.1", "1K 2K 4K", _LONG),
    ],
)
def test_each_model_has_its_sizes_and_aspects(model: str, sizes: str, aspects: str) -> None:
    client = GeminiImageClient(api_key=KEY, model=model)
    for size in ("512", "1K", "2K", "4K"):
        prompt = mt.ImagePrompt("a fox", size=size)
        with contextlib.nullcontext() if size in sizes.split() else refused(sizes):
            client.check(prompt)
    for aspect in (*_LONG.split(), "7:5"):
        prompt = mt.ImagePrompt("a fox", aspect=aspect)
        with contextlib.nullcontext() if aspect in aspects.split() else refused(aspects):
            client.check(prompt)


def refused(values: str) -> Any:
    """The error lists what can be had instead."""
    return pytest.raises(mt.PromptError, match=", ".join(values.split()))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, mt.AuthenticationError),
        ({"api_key": ""}, mt.AuthenticationError),
        ({"api_key": "a\nb"}, mt.AuthenticationError),
        ({"api_key": "k", "base_url": "localhost:80"}, mt.UnsafeURLError),
        ({"api_key": "k", "base_url": "ftp://host"}, mt.UnsafeURLError),
        ({"api_key": "k", "model": "../files"}, mt.PromptError),
        ({"api_key": "k", "model": ""}, mt.PromptError),
        ({"api_key": "k", "api_version": "v9"}, mt.PromptError),
        ({"api_key": "k", "banana": 1}, TypeError),
    ],
)
def test_a_client_that_cannot_work_is_never_made(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        GeminiImageClient(**arguments)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), "soon"])
async def test_an_impossible_timeout_is_refused(
    client: GeminiImageClient, sim: Simulator, timeout: Any
) -> None:
    with pytest.raises(mt.PromptError, match="timeout"):
        await client.generate(FOX, timeout=timeout)
    assert sim.requests == []


async def test_a_missing_key_lists_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        mt.AuthenticationError, match="GOOGLE_API_KEY or GEMINI_API_KEY in the environment"
    ):
        GeminiImageClient()
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    assert "GEMINI_API_KEY" in repr(GeminiImageClient.credentials())
    monkeypatch.setenv("GOOGLE_API_KEY", "first")
    assert "GOOGLE_API_KEY" in repr(GeminiImageClient.credentials())


def test_a_wrong_address_is_named_where_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "localhost:8765")
    with pytest.raises(mt.UnsafeURLError, match=r"^GOOGLE_GEMINI_BASE_URL takes"):
        GeminiImageClient(api_key="k")
    with pytest.raises(mt.UnsafeURLError, match=r"^base_url= takes"):
        GeminiImageClient(api_key="k", base_url="localhost:8765")


async def test_a_closed_client_sends_nothing(client: GeminiImageClient, sim: Simulator) -> None:
    await client.close()
    await client.close()
    with pytest.raises(mt.ClosedError):
        await client.generate(FOX)
    assert sim.requests == []


async def test_a_thousand_calls_open_one_session(client: GeminiImageClient) -> None:
    from mediatoolkit.transport.session import sessions

    before = sessions.opened
    async with mt.ImageGenAgent(client) as agent:
        await agent.generate_many(["a fox"] * 1_000, concurrency=50)
    assert sessions.opened - before == 1

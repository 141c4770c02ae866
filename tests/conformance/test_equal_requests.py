"""The vendors' own SDKs and our clients send equal requests, but for differences with a reason.

Compared are method, path, query, body and the field of the key, of the first request of each
purpose. ElevenLabs' are compared in `test_elevenlabs_equal.py`, Google's in `test_wire.py`.
"""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from tests.conformance import sdks
from tests.conformance.compared import differences, flat
from tests.conformance.rows import BASE_PATHS, KEY
from tests.test_prompts import picture

PICTURE = picture()
DATA_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
REFERENCE = {"type": "image_url", "image_url": {"url": DATA_URL}}
RECORDING = wav(speak([Utterance("this is me", "me")]))
SCHNELL = "fal-ai/flux/schnell"
EDITOR = "fal-ai/nano-banana-2"
Theirs = Callable[[Simulator], Awaitable[object]]


async def openrouter_picture(sim: Simulator) -> None:
    async with sdks.openrouter(sim) as sdk:
        await sdk.images.generate_async(
            model="google/gemini-3.1-flash-image",
            prompt="a fox",
            resolution="1K",
            aspect_ratio="16:9",
            seed=7,
            quality="low",
            input_references=[REFERENCE],
            provider={"allow_fallbacks": False},
        )


async def openrouter_speech(sim: Simulator) -> None:
    async with sdks.openrouter(sim) as sdk:
        await sdk.tts.create_speech_async(
            model="google/gemini-3.8-flash-tts",
            input=[{"text": "Hello.", "voice": "Kore"}, {"text": "Hi.", "voice": "Puck"}],
            instructions="calm",
            response_format="mp3",
        )


async def openrouter_film(sim: Simulator) -> None:
    async with sdks.openrouter(sim) as sdk:
        job = await sdk.video_generation.generate_async(
            model="google/veo-3.1",
            prompt="waves",
            duration=4,
            aspect_ratio="16:9",
            resolution="720p",
            seed=7,
            generate_audio=False,
            frame_images=[{**REFERENCE, "frame_type": "first_frame"}],
            input_references=[REFERENCE],
        )
        await sdk.video_generation.get_generation_async(job_id=job.id)


async def together_picture(sim: Simulator) -> None:
    async with sdks.together(sim) as sdk:
        await sdk.images.generate(
            model="black-forest-labs/FLUX.2-pro",
            prompt="a fox",
            width=1024,
            height=768,
            seed=7,
            steps=20,
            image_url=DATA_URL,
            response_format="base64",
        )


async def together_speech(sim: Simulator) -> None:
    async with sdks.together(sim) as sdk:
        await sdk.audio.speech.create(
            model="cartesia/sonic-3",
            input="hi",
            voice="friendly sidekick",
            language="en",
            response_format="mp3",
            bit_rate=128_000,
        )


async def together_film(sim: Simulator) -> None:
    async with sdks.together(sim) as sdk:
        job = await sdk.videos.create(
            model="google/veo-3.1",
            prompt="waves",
            seconds="4",
            ratio="16:9",
            resolution="720p",
            seed=7,
            fps=24,
            media={"frame_images": [{"input_image": DATA_URL, "frame": "first"}]},
        )
        await sdk.videos.retrieve(job.id)


async def mistral_speech(sim: Simulator) -> None:
    async with sdks.mistral(sim) as sdk:
        await sdk.audio.speech.complete_async(
            model="voxtral-mini-tts-3-0",
            input="hi",
            ref_audio=base64.b64encode(RECORDING).decode(),
            expressiveness=2.0,
            response_format="mp3",
        )


async def xai_picture(sim: Simulator) -> None:
    async with sdks.openai(sim, "xai", strict=False) as sdk:
        await sdk.images.generate(
            model="grok-imagine-image-2.0",
            prompt="a fox",
            quality="low",
            response_format="b64_json",
            extra_body={"aspect_ratio": "16:9", "resolution": "1k"},
        )


async def xai_edit(sim: Simulator) -> None:
    """By `post`, since `images.edit` sends a form, which xAI refuses."""
    body = {
        "model": "grok-imagine-image-2.0",
        "prompt": "join <IMAGE_0> and <IMAGE_1>",
        "images": [{"url": DATA_URL}, {"url": DATA_URL}],
        "response_format": "b64_json",
    }
    async with sdks.openai(sim, "xai", strict=False) as sdk:
        await sdk.post("/images/edits", body=body, cast_to=object)


async def xai_film(sim: Simulator) -> None:
    """By `post`: the SDK has no films of xAI."""
    import httpx

    body = {
        "model": "grok-imagine-video-1.5",
        "prompt": "waves",
        "duration": 2,
        "aspect_ratio": "16:9",
        "resolution": "480p",
        "image": {"url": DATA_URL},
    }
    async with sdks.openai(sim, "xai", strict=False) as sdk:
        job = await sdk.post("/videos/generations", body=body, cast_to=object)
        await sdk.get(f"/videos/{job['request_id']}", cast_to=httpx.Response)


async def fal_picture(sim: Simulator) -> None:
    async with sdks.fal(sim) as sdk:
        size = {"width": 256, "height": 128}
        await sdk.subscribe(
            SCHNELL,
            {"prompt": "a fox", "image_size": size, "seed": 7},
            with_logs=True,
            on_queue_update=lambda _: None,
            hint="h1",
            priority="low",
            start_timeout=30.0,
        )


async def fal_edit(sim: Simulator) -> None:
    import fal_client

    async with sdks.fal(sim) as sdk:
        url = fal_client.encode(PICTURE, "image/png")
        await sdk.submit(EDITOR, {"prompt": "now red", "image_url": url})


async def fal_speech(sim: Simulator) -> None:
    async with sdks.fal(sim) as sdk:
        await sdk.submit("simulated/speech", {"text": "hi", "voice": "a"})


async def fal_film(sim: Simulator) -> None:
    async with sdks.fal(sim) as sdk:
        arguments = {"prompt": "waves", "duration": 3, "aspect_ratio": "16:9"}
        await sdk.submit("simulated/film/text-to-video", arguments)


async def replicate_picture(sim: Simulator) -> None:
    async with sdks.replicate(sim) as sdk:
        inputs = {"prompt": "a fox", "aspect_ratio": "16:9", "seed": 7}
        await sdk.async_run("black-forest-labs/flux-schnell", input=inputs)


async def replicate_edit(sim: Simulator) -> None:
    async with sdks.replicate(sim) as sdk:
        inputs = {"prompt": "a fox", "image": io.BytesIO(PICTURE)}
        await sdk.async_run("black-forest-labs/flux-schnell", input=inputs)


async def replicate_speech(sim: Simulator) -> None:
    async with sdks.replicate(sim) as sdk:
        await sdk.async_run("simulated/speech", input={"text": "hi"})


async def replicate_film(sim: Simulator) -> None:
    async with sdks.replicate(sim) as sdk:
        prediction = await sdk.models.predictions.async_create(
            model="simulated/film", input={"prompt": "waves", "duration": 3}, wait=1
        )
        await prediction.async_reload()


HUB = {
    "negative_prompt": "blur",
    "width": 96,
    "height": 64,
    "num_inference_steps": 4,
    "guidance_scale": 3.5,
    "seed": 1,
}


async def huggingface_picture(sim: Simulator) -> None:
    """By the router's own inference."""
    url = f"{sim.huggingface.url}/hf-inference/models/acme/flux"
    async with sdks.huggingface(sim, {}) as make:
        await asyncio.to_thread(make(model=url).text_to_image, "a fox", **HUB)


async def huggingface_by(sim: Simulator, maker: str, task: str, model: str, **options: Any) -> None:
    """By another provider."""
    async with sdks.huggingface(sim, {(maker, task): model}) as make:
        method = getattr(make(provider=maker), task.replace("-", "_"))
        await asyncio.to_thread(method, "a fox", model=f"me/{task}", **options)


async def huggingface_fal(sim: Simulator) -> None:
    size = {"width": 96, "height": 64}
    await huggingface_by(sim, "fal-ai", "text-to-image", "fal-ai/flux/dev", **size, seed=3)


async def huggingface_replicate(sim: Simulator) -> None:
    model = "black-forest-labs/flux-schnell"
    await huggingface_by(sim, "replicate", "text-to-image", model, width=96, height=64)


async def huggingface_speech(sim: Simulator) -> None:
    await huggingface_by(sim, "fal-ai", "text-to-speech", "fal-ai/kokoro")


async def huggingface_film(sim: Simulator) -> None:
    await huggingface_by(sim, "fal-ai", "text-to-video", "fal-ai/ltx-video", seed=3)


IMAGE = mt.ImagePrompt.of(
    "a fox",
    size="1K",
    aspect="16:9",
    seed=7,
    quality="low",
    references=[PICTURE],
    provider={"allow_fallbacks": False},
)
DIALOGUE = mt.SpeechPrompt(
    "Joe: Hello.\nAnn: Hi.", speakers={"Joe": "Kore", "Ann": "Puck"}, style="calm"
)
FILM = mt.VideoPrompt.of(
    "waves",
    seconds=4,
    aspect="16:9",
    resolution="720p",
    seed=7,
    image=PICTURE,
    references=[PICTURE],
    generate_audio=False,
)
PLAIN_IMAGE = mt.ImagePrompt.of("a fox", size="1024x768", seed=7, steps=20, references=[PICTURE])
SPOKEN = mt.SpeechPrompt.of("hi", language="en", response_format="mp3", bit_rate=128_000)
PLAIN_FILM = mt.VideoPrompt.of(
    "waves", seconds=4, aspect="16:9", resolution="720p", seed=7, fps=24, image=PICTURE
)
CLONED = mt.SpeechPrompt.of("hi", ref_audio=mt.Audio(RECORDING), expressiveness=2.0)


XAI_IMAGE = mt.ImagePrompt.of("a fox", size="1K", aspect="16:9", quality="low")
XAI_EDIT = mt.ImagePrompt("join <IMAGE_0> and <IMAGE_1>", references=[PICTURE, PICTURE])
XAI_FILM = mt.VideoPrompt("waves", seconds=2, aspect="16:9", resolution="480p", image=PICTURE)
FAL_IMAGE = mt.ImagePrompt.of(
    "a fox", size="256x128", seed=7, runner_hint="h1", queue_priority="low", start_timeout=30
)
FAL_EDIT = mt.ImagePrompt("now red", references=[PICTURE])
FAL_FILM = mt.VideoPrompt("waves", seconds=3, aspect="16:9")
SAID = mt.SpeechPrompt("hi")
REPLICATE_FILM = mt.VideoPrompt("waves", seconds=3)
REPLICATE_EDIT = mt.ImagePrompt("a fox", references=[PICTURE])
HUB_IMAGE = mt.ImagePrompt.of(
    "a fox",
    size="96x64",
    seed=1,
    negative_prompt="blur",
    num_inference_steps=4,
    guidance_scale=3.5,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One call, by both.

    Attributes:
        theirs: By the SDK.
        client: Our client.
        model: Its name of the model; None is the usual one.
        prompt: The same for our client.
        differences: The parts in which the requests differ, each with its reason.
    """

    theirs: Theirs
    client: Any
    model: str | None
    prompt: Any
    differences: Mapping[str, str] = field(default_factory=dict)


WAIT = {"start.head.prefer": "we want the name of the prediction soon, to be able to stop it"}
FILE = {
    "upload.body.content.filename": "the SDK calls every file so",
    "upload.body.content.type": "the SDK does not look what it is",
}
ROUTER = {
    "poll.path": "the SDK adds fal's name at router.huggingface.co alone, and so not on loopback",
    "poll.query.logs": "our board shows the last line",
}
CASES = (
    Case(openrouter_picture, mt.OpenRouterImageClient, None, IMAGE),
    Case(openrouter_speech, mt.OpenRouterSpeechClient, None, DIALOGUE),
    Case(openrouter_film, mt.OpenRouterVideoClient, None, FILM),
    Case(together_picture, mt.TogetherImageClient, None, PLAIN_IMAGE),
    Case(together_speech, mt.TogetherSpeechClient, "cartesia/sonic-3", SPOKEN),
    Case(together_film, mt.TogetherVideoClient, None, PLAIN_FILM),
    Case(mistral_speech, mt.MistralSpeechClient, None, CLONED),
    Case(xai_picture, mt.XAIImageClient, None, XAI_IMAGE),
    Case(xai_edit, mt.XAIImageClient, None, XAI_EDIT),
    Case(xai_film, mt.XAIVideoClient, None, XAI_FILM),
    Case(
        fal_picture,
        mt.FalImageClient,
        SCHNELL,
        FAL_IMAGE,
        {"start.head.x-fal-request-timeout": "30 seconds are 30 to us, and 30.0 to the SDK"},
    ),
    Case(
        fal_edit,
        mt.FalImageClient,
        EDITOR,
        FAL_EDIT,
        {"start.body.image_urls.0": "whoever calls the SDK knows which field the app has"},
    ),
    Case(fal_speech, mt.FalSpeechClient, "simulated/speech", mt.SpeechPrompt("hi", voice="a")),
    Case(fal_film, mt.FalVideoClient, "simulated/film/text-to-video", FAL_FILM),
    Case(
        replicate_picture,
        mt.ReplicateImageClient,
        None,
        mt.ImagePrompt("a fox", aspect="16:9", seed=7),
        WAIT,
    ),
    Case(replicate_edit, mt.ReplicateImageClient, None, REPLICATE_EDIT, {**WAIT, **FILE}),
    Case(
        replicate_speech, mt.ReplicateSpeechClient, "simulated/speech", mt.SpeechPrompt("hi"), WAIT
    ),
    Case(
        replicate_film,
        mt.ReplicateVideoClient,
        "simulated/film",
        mt.VideoPrompt("waves", seconds=3),
    ),
    Case(huggingface_picture, mt.HuggingFaceImageClient, "acme/flux", HUB_IMAGE),
    Case(
        huggingface_fal,
        mt.HuggingFaceImageClient,
        "fal-ai/fal-ai/flux/dev",
        mt.ImagePrompt("a fox", size="96x64", seed=3),
    ),
    Case(
        huggingface_replicate,
        mt.HuggingFaceImageClient,
        "replicate/black-forest-labs/flux-schnell",
        mt.ImagePrompt("a fox", size="96x64"),
    ),
    Case(
        huggingface_speech,
        mt.HuggingFaceSpeechClient,
        "fal-ai/fal-ai/kokoro",
        mt.SpeechPrompt("a fox"),
    ),
    Case(
        huggingface_film,
        mt.HuggingFaceVideoClient,
        "fal-ai/fal-ai/ltx-video",
        mt.VideoPrompt("a fox", seed=3),
        ROUTER,
    ),
)
PLACES = {**BASE_PATHS, "fal": "/queue"}
"""Base URLs of our clients; fal's SDK has its queue there."""
PURPOSES: tuple[Any, ...] = ("upload", "start", "poll")


async def sent(vendor: str, call: Theirs) -> dict[str, dict[str, Any]]:
    """The first request of each purpose."""
    async with Simulator(vendors=(vendor,), key=KEY, detail=64) as sim:
        await call(sim)
        first = {purpose: sim.requests_for(purpose)[:1] for purpose in PURPOSES}
        return {purpose: flat(each[0], KEY) for purpose, each in first.items() if each}


@pytest.mark.parametrize("case", CASES, ids=[case.theirs.__name__ for case in CASES])
async def test_both_send_the_same(case: Case) -> None:
    vendor = case.client.provider

    async def ours(sim: Simulator) -> None:
        options = {"base_url": sim.url + PLACES.get(vendor, ""), "model": case.model}
        async with case.client(KEY, trusted_origins=(sim.files_url,), **options) as client:
            client.polling = Polling(first=0.01, cap=0.01)
            await client.generate(case.prompt)

    their, our = await sent(vendor, case.theirs), await sent(vendor, ours)

    found = {
        f"{purpose}.{name}"
        for purpose in their
        for name in differences(our[purpose], their[purpose])
    }
    assert found == set(case.differences), (their, our)
    assert "KEY" in our["start"]["head.authorization"]

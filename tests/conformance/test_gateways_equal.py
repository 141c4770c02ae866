"""The SDKs of OpenRouter, Together and Mistral and our clients send equal requests."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from mistralai.client import Mistral
from openrouter import OpenRouter
from together import AsyncTogether

import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from tests.test_prompts import picture

KEY = "a-key-of-tests"
PICTURE = picture()
DATA_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
REFERENCE = {"type": "image_url", "image_url": {"url": DATA_URL}}
RECORDING = wav(speak([Utterance("this is me", "me")]))
Theirs = Callable[[Simulator], Awaitable[object]]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    vendors = ("openrouter", "together", "mistral")
    async with Simulator(vendors=vendors, key=KEY, detail=64) as running:
        yield running


def openrouter(sim: Simulator) -> Any:
    url = f"{sim.openrouter.url}/api/v1"
    return OpenRouter(api_key=KEY, server_url=url, timeout_ms=60_000)


def together(sim: Simulator) -> Any:
    return AsyncTogether(api_key=KEY, base_url=sim.together.url, max_retries=0)


async def openrouter_picture(sim: Simulator) -> None:
    async with openrouter(sim) as sdk:
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
    async with openrouter(sim) as sdk:
        await sdk.tts.create_speech_async(
            model="google/gemini-3.8-flash-tts",
            input=[{"text": "Hello.", "voice": "Kore"}, {"text": "Hi.", "voice": "Puck"}],
            instructions="calm",
            response_format="mp3",
        )


async def openrouter_film(sim: Simulator) -> None:
    async with openrouter(sim) as sdk:
        await sdk.video_generation.generate_async(
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


async def together_picture(sim: Simulator) -> None:
    async with together(sim) as sdk:
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
    async with together(sim) as sdk:
        await sdk.audio.speech.create(
            model="cartesia/sonic-3",
            input="hi",
            voice="friendly sidekick",
            language="en",
            response_format="mp3",
            bit_rate=128_000,
        )


async def together_film(sim: Simulator) -> None:
    async with together(sim) as sdk:
        await sdk.videos.create(
            model="google/veo-3.1",
            prompt="waves",
            seconds="4",
            ratio="16:9",
            resolution="720p",
            seed=7,
            fps=24,
            media={"frame_images": [{"input_image": DATA_URL, "frame": "first"}]},
        )


async def mistral_speech(sim: Simulator) -> None:
    async with Mistral(api_key=KEY, server_url=sim.mistral.url) as sdk:
        await sdk.audio.speech.complete_async(
            model="voxtral-mini-tts-3-0",
            input="hi",
            ref_audio=base64.b64encode(RECORDING).decode(),
            expressiveness=2.0,
            response_format="mp3",
        )


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


@pytest.mark.parametrize(
    ("theirs", "kind", "model", "prompt"),
    [
        (openrouter_picture, mt.OpenRouterImageClient, None, IMAGE),
        (openrouter_speech, mt.OpenRouterSpeechClient, None, DIALOGUE),
        (openrouter_film, mt.OpenRouterVideoClient, None, FILM),
        (together_picture, mt.TogetherImageClient, None, PLAIN_IMAGE),
        (together_speech, mt.TogetherSpeechClient, "cartesia/sonic-3", SPOKEN),
        (together_film, mt.TogetherVideoClient, None, PLAIN_FILM),
        (mistral_speech, mt.MistralSpeechClient, None, CLONED),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_both_send_the_same(
    sim: Simulator, theirs: Theirs, kind: Any, model: str | None, prompt: Any
) -> None:
    await theirs(sim)
    url = f"{getattr(sim, kind.provider).url}{'/api/v1' if kind.provider == 'openrouter' else ''}"
    async with kind(KEY, base_url=url, model=model, trusted_origins=(sim.files_url,)) as client:
        client.polling = Polling(first=0.01, cap=0.01)
        await client.generate(prompt)

    their, our = (
        (request.method, request.path, request.query, request.body)
        for request in sim.requests_for("start")
    )
    assert our == their

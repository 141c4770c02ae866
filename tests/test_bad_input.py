"""Whatever a user puts into a public keyword: it works, or says what to do; nothing else."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Image, Video
from mediatoolkit.prompts import ImagePrompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.base import ImageClient, SpeechClient, VideoClient
from mediatoolkit.runtime.context import CallContext
from tests.test_prompts import picture

NOWHERE = "http://127.0.0.1:9"
LONGEST_MESSAGE = 600


class Mute:
    """Says nothing about itself, as some half-made objects do."""

    def _no(self, *_: object) -> Any:
        raise RuntimeError("mute")

    __repr__ = __str__ = __format__ = __bool__ = __eq__ = _no
    __hash__ = object.__hash__


class NoPath:
    """Claims to be a path."""

    __fspath__ = int


ODD: dict[str, Callable[[], Any]] = {
    "object": object,
    "mute": Mute,
    "no path": NoPath,
    "zero": lambda: 0,
    "minus": lambda: -1,
    "float": lambda: 3.7,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "huge": lambda: 10**5000,
    "true": lambda: True,
    "false": lambda: False,
    "decimal": lambda: Decimal(1),
    "complex": lambda: 1j,
    "empty": str,
    "blank": lambda: "  ",
    "nul": lambda: "x\0",
    "surrogate": lambda: "\ud800",
    "long": lambda: "x" * 200_000,
    "bytes": lambda: b"x",
    "no bytes": bytes,
    "bytearray": lambda: bytearray(b"ab"),
    "view": lambda: memoryview(b"ab"),
    "list": list,
    "numbers": lambda: [1],
    "nested": lambda: [[[[]]]],
    "pair": lambda: (object(), None),
    "dict": dict,
    "words": lambda: {"a": 1},
    "no words": lambda: {1: 2},
    "set": set,
    "generator": lambda: (one for one in [object()]),
    "array": lambda: np.array([1, 2]),
    "zeros": lambda: np.zeros((2, 2)),
    "objects": lambda: np.array([object()]),
    "numpy": lambda: np.float32("nan"),
    "type": lambda: int,
    "function": lambda: len,
    "path": lambda: Path("/nowhere/at/all"),
    "error": lambda: ValueError("x"),
    "timeout": lambda: mt.Timeout(total=5),
}


class _Deaf:
    """A client that takes every prompt and makes nothing of it."""

    provider = "deaf"
    timeout = mt.Timeout(total=5)

    def check(self, prompt: Any) -> None:
        """All is well."""

    async def make(self, prompt: Any, context: CallContext) -> Any:
        raise mt.RefusalError(f"no {prompt.text[:9]} after {context.event}", reason="DEAF")

    async def close(self) -> None:
        """Nothing is open."""


class DeafPainter(_Deaf, ImageClient):
    pass


class DeafSpeaker(_Deaf, SpeechClient):
    pass


class DeafFilmer(_Deaf, VideoClient):
    pass


PICTURE = picture()
PROMPT_WORDS = {
    "image": "text size aspect seed references mask previous options",
    "speech": "text voice style speed language speakers options",
    "video": "text image last references previous seconds aspect resolution seed options",
}
PROMPTS = {"image": ImagePrompt, "speech": SpeechPrompt, "video": VideoPrompt}
AGENTS: dict[str, tuple[type[Any], Callable[[], Any]]] = {
    "image": (mt.ImageGenAgent, DeafPainter),
    "speech": (mt.VoiceAgent, DeafSpeaker),
    "video": (mt.VideoGenAgent, DeafFilmer),
}
VERBS: dict[str, Callable[..., Any]] = {"image": mt.image, "speech": mt.speech, "video": mt.video}
LOCAL = {"image": mt.LocalImageClient, "speech": mt.LocalSpeechClient, "video": mt.LocalVideoClient}
GEMINI: dict[str, type[Any]] = {
    "image": mt.GeminiImageClient,
    "speech": mt.GeminiSpeechClient,
    "video": mt.GeminiVideoClient,
}
MEDIA: dict[str, Any] = {"image": Image, "speech": Audio, "video": Video}
Make = Callable[..., Any]


def with_usual(make: Make, **usual: Any) -> Make:
    """*make* with keywords that a test replaces one at a time."""
    return lambda **odd: make(**{**usual, **odd})


def places() -> dict[str, tuple[Make, str]]:
    """What can be called, and its keywords; each call starts from scratch."""
    found: dict[str, tuple[Make, str]] = {}
    for kind, words in PROMPT_WORDS.items():
        said = words.removeprefix("text ")
        text = {"text" if kind == "speech" else "prompt": "x"}
        found |= {
            f"mt.{kind}": (
                partial(spoken, kind, **text),
                f"{next(iter(text))} {said} timeout agent unknown",
            ),
            f"mt.{kind} by model": (with_usual(VERBS[kind], **text), "model"),
            f"{kind} prompt": (with_usual(PROMPTS[kind], text="x"), words),
            f"{kind} agent": (
                with_usual(AGENTS[kind][0], clients="local"),
                "clients store timeout size unknown",
            ),
            f"{kind} agent.generate": (
                partial(asked, kind, "generate"),
                f"prompt timeout {said} unknown",
            ),
            f"{kind} agent.start": (partial(asked, kind, "start"), f"prompt timeout {said}"),
            f"{kind} agent.generate_many": (
                with_usual(partial(asked, kind, "generate_many"), prompts=["x"]),
                "prompts concurrency return_exceptions timeout unknown",
            ),
            f"local {kind}": (LOCAL[kind], "model timeout"),
            f"gemini {kind}": (
                with_usual(GEMINI[kind], api_key="k", base_url=NOWHERE),
                "api_key base_url model api_version session timeout retry limits trusted_origins",
            ),
            f"{kind} media": (MEDIA[kind], "data"),
            f"{kind} media.of": (MEDIA[kind].of, "thing"),
            f"{kind} media.open": (MEDIA[kind].open, "path"),
        }
    return found | singles()


def spoken(kind: str, **odd: Any) -> Any:
    """A verb with an agent that is new."""
    return VERBS[kind](**{"agent": new_agent(kind), **odd})


def asked(kind: str, verb: str, **odd: Any) -> Any:
    """A method of an agent that is new."""
    usual = {} if "prompts" in odd else {"prompt": "x"}
    return getattr(new_agent(kind), verb)(**{**usual, **odd})


def new_agent(kind: str) -> Any:
    agent_type, client_type = AGENTS[kind]
    return agent_type(client_type())


def singles() -> dict[str, tuple[Make, str]]:
    """What there is only once."""

    def options(kind: type[Any], **odd: Any) -> None:
        kind(api_key="k", base_url=NOWHERE).check(ImagePrompt.of("x", **odd))

    def voices(**odd: Any) -> Any:
        return mt.GeminiSpeechClient(api_key="k", base_url=NOWHERE).voices(**odd)

    def stream(**odd: Any) -> Any:
        return mt.VoiceAgent(DeafSpeaker()).stream(**{"prompt": "x", **odd})

    film = with_usual(mt.film, images=[], size="64x64", seconds=0.1)
    return {
        "mt.film": (film, "images narration captions seconds size timeout"),
        "mt.download": (
            with_usual(mt.download, url="x", path="/nowhere/x"),
            "url path check timeout",
        ),
        "mt.jobs.forget": (with_usual(mt.jobs.forget, job_id="x"), "job_id"),
        "mt.jobs.resume": (with_usual(mt.jobs.resume, job_id="x"), "job_id timeout"),
        "stream": (stream, "prompt voice style speed language speakers timeout"),
        **{
            f"{kind.provider} options": (
                partial(options, kind),
                " ".join(sorted(kind.catalog[0].capabilities.options)),
            )
            for kind in (mt.GeminiImageClient, mt.OpenAIImageClient)
        },
        "openai image": (
            with_usual(mt.OpenAIImageClient, api_key="k", base_url=NOWHERE),
            "api_key base_url model session timeout retry limits",
        ),
        "gemini voices": (voices, "unknown"),
        "Timeout": (mt.Timeout, "total connect read"),
        "Retry": (mt.Retry, "attempts ambiguous base cap"),
        "Limits": (mt.Limits, "concurrency per_second json error image video"),
        "Store": (with_usual(mt.Store, folder="x"), "folder create"),
        "save": (with_usual(Image(PICTURE).save), "path"),
        "samples": (
            with_usual(Audio.from_samples, samples=[0.0], sample_rate=8000),
            "samples sample_rate",
        ),
    }


PLACES = places()


@pytest.fixture(autouse=True)
async def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Files go to a folder that is thrown away, and no key is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path))
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield
    await mt.close()


@pytest.mark.parametrize(
    ("place", "keyword"),
    [(place, keyword) for place, (_, keywords) in PLACES.items() for keyword in keywords.split()],
)
async def test_an_odd_value_works_or_says_what_to_do(place: str, keyword: str) -> None:
    """No foreign error gets out, no message floods the page, and nothing is sent."""
    make, _ = PLACES[place]
    for name, odd in ODD.items():
        try:
            await done(make(**{keyword: odd()}))
        except MediaToolkitError as error:
            said, family = str(error), error.family
        except Exception as error:
            error.add_note(f"{place}({keyword}={name})")
            raise
        else:
            continue
        assert len(said) <= LONGEST_MESSAGE, name
        assert family != "transport", name


async def done(result: Any) -> None:
    """Wait for whatever a call gave back."""
    if inspect.isasyncgen(result):
        async with aclosing(result) as pieces:
            async for _ in pieces:
                pass
    elif inspect.isawaitable(result):
        await asyncio.wait_for(_awaited(result), 100)


async def _awaited(result: Any) -> Any:
    return await result

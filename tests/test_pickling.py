"""Values go to another process and back; what cannot go says why, and what to do."""

import asyncio
import copy
import dataclasses
import inspect
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit import errors
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Image, Media, Provenance, Video
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.compare import compare
from tests.media.clips import clip
from tests.test_prompts import picture

FOX = Provenance(model="a/b", prompt="a fox", engine="a", options={"size": "1K"}, notes={"n": [1]})
PROMPTS: dict[str, Any] = {
    "picture": ImagePrompt("a fox", size="1K", seed=7, options={"temperature": 1.0, "tags": ["x"]}),
    "edit": ImagePrompt("a fox", references=[picture(), picture()], mask=picture()),
    "next": ImagePrompt("a fox", previous=Image(picture(), FOX)),
    "dialogue": SpeechPrompt("Joe: Hi\nAnn: Ho", speakers={"Joe": "Kore", "Ann": "Puck"}),
    "film": VideoPrompt("a fox", image=picture(), seconds=3, options={"fps": 24}),
    "longer": VideoPrompt("a fox", previous=clip(frames=2)),
}


def _pickled(protocol: int, thing: object) -> Any:
    return pickle.loads(pickle.dumps(thing, protocol))  # noqa: S301 - our own


WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {number}": partial(_pickled, number) for number in range(2, 6)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_comes_back_equal(name: str, way: str) -> None:
    prompt = PROMPTS[name]
    again = WAYS[way](prompt)
    assert type(again) is type(prompt)
    assert again == prompt
    assert hash(again) == hash(prompt)
    assert {prompt: 1}[again] == 1


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_that_came_back_is_as_immutable(name: str) -> None:
    again = pickle.loads(pickle.dumps(PROMPTS[name]))  # noqa: S301 - our own
    with pytest.raises(dataclasses.FrozenInstanceError):
        again.text = "a cat"
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda options: options.__setitem__("n", 1),
        lambda options: options.update(n=1),
        lambda options: options.__ior__({"n": 1}),
        lambda options: options.setdefault("n", 1),
        lambda options: options.clear(),
        lambda options: options.pop("n", None),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="make another"):
            change(again.options)
    assert again == PROMPTS[name]


def test_prompts_that_ask_for_something_else_differ() -> None:
    fox = PROMPTS["edit"]
    assert fox != dataclasses.replace(fox, references=[picture(), picture((9, 9))], mask=None)
    assert fox != dataclasses.replace(fox, options={"n": 1})
    assert ImagePrompt("a fox") != VideoPrompt("a fox")
    assert ImagePrompt("a fox") != "a fox"


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_becomes_a_table_row_and_another_prompt(name: str) -> None:
    prompt = PROMPTS[name]
    row = dataclasses.asdict(prompt)
    assert json.loads(json.dumps(row["options"])) == prompt.options
    assert row["text"] == prompt.text
    replaced = getattr(copy, "replace", dataclasses.replace)(prompt, options={"n": 1})
    assert replaced.options == {"n": 1}
    assert dataclasses.replace(prompt) == prompt


def test_the_pickle_of_a_prompt_is_the_same_each_time() -> None:
    """A cache by pickle, such as joblib's, finds it again."""

    def prompt() -> Prompt:
        return ImagePrompt("a fox", size="1K", options={"temperature": 1.0})

    assert pickle.dumps(prompt()) == pickle.dumps(prompt())


def _media_of(prompt: Any) -> list[Media]:
    values = [getattr(prompt, field.name) for field in dataclasses.fields(prompt)]
    several = [
        part for value in values for part in (value if isinstance(value, tuple) else [value])
    ]
    return [part for part in several if isinstance(part, Media)]


@pytest.mark.parametrize("name", ["edit", "film", "longer"])
def test_a_look_at_its_pictures_leaves_the_pickle_of_a_prompt_as_it_was(name: str) -> None:
    prompt = copy.deepcopy(PROMPTS[name])
    before = pickle.dumps(prompt)
    for media in _media_of(prompt):
        media.preview()
    assert pickle.dumps(prompt) == before


@pytest.mark.parametrize(
    "media",
    [
        Image(picture(), FOX),
        Audio.from_samples(np.zeros(800), 8_000, provenance=FOX),
        Video(clip(frames=2), FOX),
    ],
    ids=lambda media: media.noun,
)
@pytest.mark.parametrize("way", WAYS)
def test_media_comes_back_whole(media: Media, way: str) -> None:
    again = WAYS[way](media)
    assert (type(again), again.data, again.provenance) == (type(media), media.data, FOX)
    assert again.facts == media.facts
    assert repr(again) == repr(media)


@pytest.mark.parametrize(
    "value",
    [FOX, mt.Timeout(3), mt.Retry(), mt.Limits(), mt.Store(Path(__file__).parent)],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("way", WAYS)
def test_settings_come_back_equal(value: object, way: str) -> None:
    again = WAYS[way](value)
    assert again == value or again.folder == value.folder  # type: ignore[attr-defined]


ERRORS: list[type[MediaToolkitError]] = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, MediaToolkitError)
]
_ARGUMENTS: dict[str, Any] = {
    "stage": "waiting",
    "seconds": 3.0,
    "reason": "SAFETY",
    "provider": "gemini",
    "may_have_been_billed": True,
    "status": 429,
    "request_id": "r-7",
    "family": "other",
    "retry_after": 5.0,
    "quota_exhausted": True,
}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_comes_back_with_all_it_says(kind: type[MediaToolkitError], way: str) -> None:
    taken = set(inspect.signature(kind).parameters) & _ARGUMENTS.keys()
    error = kind("No.", **{name: _ARGUMENTS[name] for name in taken})
    error.results = (1, 2)
    vars(error)["media"] = b"paid for"

    again = WAYS[way](error)

    assert type(again) is kind
    assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)
    assert again.results == (1, 2)


async def _wait(_call: object) -> None:
    await asyncio.sleep(60)


async def test_what_lives_in_this_process_says_why_it_stays() -> None:
    job = Job(_wait, CallContext(30), label="a fox")
    gallery, comparison = mt.Gallery([]), compare(picture(), picture())
    things: list[tuple[object, str]] = [
        (mt.ImageGenAgent("local/painter"), r"make it in the worker: ImageGenAgent"),
        (mt.VoiceAgent("local/hibari"), r"make it in the worker: VoiceAgent"),
        (mt.LocalImageClient(), r"make it in the worker: LocalImageClient"),
        (job, r"start it in the worker"),
        (gallery, r"make it where it is shown: Gallery"),
        (comparison, r"make it where it is shown: Comparison"),
    ]
    for thing, words in things:
        with pytest.raises(TypeError, match=words):
            pickle.dumps(thing)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    for widget in (gallery, comparison):
        widget.close()


def test_a_client_with_a_key_is_not_pickled_with_it() -> None:
    client = mt.GeminiImageClient(api_key="AIzaSyD-0123456789-abcdefghijklmnopqrst")
    with pytest.raises(TypeError) as refused:
        pickle.dumps(client)
    assert "AIza" not in str(refused.value)

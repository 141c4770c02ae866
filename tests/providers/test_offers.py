"""What a person may choose from: every offer is true, and asking costs nothing."""

import asyncio
import subprocess
import sys
from importlib.metadata import EntryPoint
from itertools import product
from typing import Any, ClassVar

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.providers import registry
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.capabilities import ModelInfo
from mediatoolkit.providers.gemini import GeminiImageClient, GeminiSpeechClient
from mediatoolkit.providers.local import LocalImageClient
from mediatoolkit.simulator.gemini import catalog as served

pytestmark = pytest.mark.filterwarnings("ignore:gemini/.* end:FutureWarning")

KINDS: list[type[Client[Any, Any]]] = [ImageClient, SpeechClient, VideoClient]
KEY = "test-key"


@pytest.fixture(params=KINDS, ids=["picture", "speech", "film"])
def kind(request: pytest.FixtureRequest) -> type[Client[Any, Any]]:
    chosen: type[Client[Any, Any]] = request.param
    return chosen


def test_without_a_key_the_local_engine_comes_first_and_the_others_say_why(
    kind: type[Client[Any, Any]],
) -> None:
    first, *others = registry.models(kind)

    assert first.model_id.startswith("local/")
    assert first.reason == ""
    remote = [one for one in others if not one.model_id.startswith("local/")]
    assert {one.reason for one in remote} == {"Needs a key: set GOOGLE_API_KEY or GEMINI_API_KEY."}


def test_with_a_key_its_vendor_comes_first(
    kind: type[Client[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)

    listed = registry.models(kind)

    assert listed[0].model_id == registry.client_for("gemini", kind).model_id
    assert listed[-1].model_id.startswith("local/")
    assert not any(one.reason for one in listed)


def test_every_choice_is_taken(
    kind: type[Client[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the very check that runs before anything is sent; each with each."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    for offer in registry.models(kind):
        client = registry.client_for(offer.model_id, kind)
        for values in product(*offer.choices.values()):
            asked: dict[str, Any] = dict(zip(offer.choices, values, strict=True))
            if "seconds" in asked:
                asked["seconds"] = float(asked["seconds"])
            client.check(kind.prompt_type.of("a fox", **asked))


@pytest.mark.parametrize(
    ("keyword", "value"), [("seed", 7), ("style", "calm"), ("speed", 1.2), ("seconds", 5)]
)
def test_what_an_offer_does_not_take_is_refused(
    kind: type[Client[Any, Any]], keyword: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it takes is not."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    for offer in registry.models(kind):
        client = registry.client_for(offer.model_id, kind)
        try:
            client.check(kind.prompt_type.of("a fox", **{keyword: value}))
        except PromptError:
            assert keyword not in offer.takes | offer.choices.keys()
        else:
            assert keyword in offer.takes | offer.choices.keys()


@pytest.mark.parametrize("kind", [GeminiImageClient, GeminiSpeechClient])
def test_only_live_models_are_offered(kind: type[Client[Any, Any]]) -> None:
    live = {f"gemini/{model.id}" for model in served.MODELS}

    assert {offer.model_id for offer in kind.models()} <= live


def test_the_voices_are_the_vendors() -> None:
    assert set(GeminiSpeechClient.models()[0].choices["voice"]) == set(served.VOICES)


def test_a_missing_extra_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatoolkit.providers.local.workers.find_spec", lambda _name: None)
    for kind in (SpeechClient, VideoClient):
        local = next(one for one in registry.models(kind) if one.model_id.startswith("local/"))
        assert local.reason.endswith('pip install "mediatoolkit[local]".')


class PlainClient(LocalImageClient):
    """Of a package that says nothing of its models."""

    provider = "plain"
    catalog: ClassVar[tuple[ModelInfo, ...]] = ()


def test_a_vendor_without_a_list_is_offered_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("plain", f"{__name__}:PlainClient", ImageClient.entry_points)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: PlainClient)
    monkeypatch.setattr(registry, "_installed", lambda _group: {"plain": entry, "local": entry})

    assert ModelInfo("plain") in registry.models(ImageClient)


def test_asking_loads_nothing_heavy_and_needs_no_loop() -> None:
    code = (
        "import sys\n"
        "from mediatoolkit.providers import base, registry\n"
        "kinds = base.ImageClient, base.SpeechClient, base.VideoClient\n"
        "assert all(registry.models(kind) for kind in kinds)\n"
        "print([n for n in ('numpy', 'PIL', 'av', 'hibari', 'IPython') if n in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()

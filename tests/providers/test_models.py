"""What a person may choose from: every model is as it says, and asking costs nothing."""

import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import EntryPoint, entry_points
from itertools import chain
from typing import Any, ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import PromptError
from mediatoolkit.providers import registry
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.capabilities import ModelInfo
from mediatoolkit.providers.gemini import GeminiImageClient, GeminiSpeechClient
from mediatoolkit.providers.local import LocalImageClient
from mediatoolkit.simulator.gemini import catalog as served
from mediatoolkit.testing.contract import combinations
from mediatoolkit.transport import Secret

pytestmark = pytest.mark.filterwarnings("ignore:.* ends on:FutureWarning")

KINDS: list[type[Client[Any, Any]]] = [ImageClient, SpeechClient, VideoClient]
KEY = "test-key"
NAMELESS = {"comfyui", "diffusers", "fal", "huggingface", "replicate"}
"""Vendors of which some kind of media has no usual model, workflow or pipeline."""


def set_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in chain(*registry.ORDER.values()):
        monkeypatch.setenv(name, "http://127.0.0.1:9" if name.endswith("_URL") else KEY)


def usable(kind: type[Client[Any, Any]]) -> list[ModelInfo]:
    """What lacks nothing."""
    return [info for info in registry.models(kind) if not info.reason]


def client_of(info: ModelInfo, kind: type[Client[Any, Any]]) -> Client[Any, Any]:
    """A client for a listed model; where a vendor lists none, any name is one."""
    model_id = info.model_id if "/" in info.model_id else f"{info.model_id}/fal-ai/any"
    return registry.client_for(model_id, kind)


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
    remote = [info for info in others if not info.model_id.startswith("local/")]
    for info in remote:
        names = registry.ORDER[info.model_id.split("/")[0]]
        what = "an address" if "BASE_URL" in str(names) else "a key"
        reason = f"Needs {what}: set {' or '.join(names)}."
        assert info.reason == reason or "workflow" in info.reason or "pipeline" in info.reason


def test_with_a_key_its_vendor_comes_first(
    kind: type[Client[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_keys(monkeypatch)

    listed = registry.models(kind)

    assert listed[0].model_id == registry.client_for("gemini", kind).model_id
    assert usable(kind)[-1].model_id.startswith("local/")
    assert {info.model_id.partition("/")[0] for info in listed} - {
        info.model_id.partition("/")[0] for info in usable(kind)
    } <= NAMELESS


def test_every_choice_is_taken(
    kind: type[Client[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the very check that runs before anything is sent; each with each."""
    set_keys(monkeypatch)
    for info in usable(kind):
        client = client_of(info, kind)
        for keywords in combinations(info.capabilities):
            client.check(kind.prompt_type.of("a fox", **keywords))


@pytest.mark.parametrize(
    ("keyword", "value"), [("seed", 7), ("style", "calm"), ("speed", 1.2), ("seconds", 5)]
)
def test_what_a_model_does_not_take_is_refused(
    kind: type[Client[Any, Any]], keyword: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it takes is not."""
    set_keys(monkeypatch)
    for info in usable(kind):
        client = client_of(info, kind)
        try:
            client.check(kind.prompt_type.of("a fox", **{keyword: value}))
        except PromptError:
            assert keyword not in info.takes | info.choices.keys()
        else:
            assert keyword in info.takes | info.choices.keys()


@pytest.mark.parametrize("kind", [GeminiImageClient, GeminiSpeechClient])
def test_only_live_models_are_offered(kind: type[Client[Any, Any]]) -> None:
    live = {f"gemini/{model.id}" for model in served.MODELS}

    assert {info.model_id for info in kind.models()} <= live


def test_the_voices_are_the_vendors() -> None:
    assert set(GeminiSpeechClient.models()[0].choices["voice"]) == set(served.VOICES)


def test_a_missing_extra_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediatoolkit.providers.local.workers.find_spec", lambda _name: None)
    for kind in (SpeechClient, VideoClient):
        local = next(info for info in registry.models(kind) if info.model_id.startswith("local/"))
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


def plant(monkeypatch: pytest.MonkeyPatch, **plug_ins: type[Client[Any, Any]]) -> None:
    """As if packages were installed that bring these vendors of pictures."""
    own = entry_points(group=ImageClient.entry_points)
    values = {name: f"{kind.__module__}:{kind.__name__}" for name, kind in plug_ins.items()}
    planted = [EntryPoint(name, value, ImageClient.entry_points) for name, value in values.items()]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [*own, *planted])
    registry._installed.cache_clear()


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """What a test plants is gone after it."""
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


class KeyedClient(LocalImageClient):
    """Of a package whose key is always at hand."""

    provider = "aaa"

    @classmethod
    def credentials(cls) -> Secret | None:
        return Secret(KEY, "AAA_KEY")


@pytest.mark.usefixtures("fresh_registry")
def test_a_plug_in_never_takes_the_place_of_a_vendor_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither by a name that comes first nor by the name of one of ours."""
    plant(monkeypatch, aaa=KeyedClient, gemini=KeyedClient, local=KeyedClient)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)

    assert registry.default_choice(ImageClient).model_ids == ("gemini",)
    assert registry.models(ImageClient)[0].model_id == GeminiImageClient.catalog[0].model_id
    assert registry.class_for("gemini", ImageClient) is GeminiImageClient
    assert registry.class_for("local", ImageClient) is LocalImageClient


@pytest.mark.usefixtures("fresh_registry")
def test_a_plug_in_with_a_key_is_asked_before_the_local_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch, zzz=PlainClient, aaa=KeyedClient)

    assert registry.default_choice(ImageClient).model_ids == ("aaa",)
    assert registry.vendors(ImageClient)[-3:] == ["aaa", "zzz", "local"]


@pytest.mark.usefixtures("fresh_registry")
def test_with_the_key_of_openai_alone_openai_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, aaa=KeyedClient, openai=mt.OpenAIImageClient)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert registry.default_choice(ImageClient).model_ids == ("openai",)
    assert registry.models(ImageClient)[0].model_id == "openai/gpt-image-2.6-sunburst"

    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert registry.default_choice(ImageClient).model_ids == ("gemini",)


def test_our_vendors_stand_in_an_order_of_their_own(kind: type[Client[Any, Any]]) -> None:
    in_order = (*registry.ORDER, "local")
    ours = [name for name in in_order if name in registry.vendors(kind)]

    assert registry.vendors(kind) == ours


OURS: list[type[Client[Any, Any]]] = [
    registry._loaded(entry)
    for group in sorted(registry.VARIABLES)
    for entry in sorted(entry_points(group=group))
    if entry.value.startswith("mediatoolkit.")
]


@pytest.mark.parametrize("client", OURS)
def test_a_default_model_has_sixty_days_to_live(client: type[Client[Any, Any]]) -> None:
    """When this fails, the vendor's successor is to become the first of the catalog."""
    assert not any(info.ends_within(timedelta(days=60)) for info in client.catalog[:1])


@pytest.mark.parametrize("client", OURS)
def test_a_model_that_ends_names_one_that_does_not(client: type[Client[Any, Any]]) -> None:
    lasting = {info.model_id for info in client.catalog if info.ends is None}

    assert {info.successor for info in client.catalog if info.ends} <= lasting


@pytest.mark.parametrize("client", OURS)
def test_the_class_tells_every_argument_of_its_constructor(client: type[Client[Any, Any]]) -> None:
    documentation = inspect.getdoc(client) or ""
    if re.search(r"rguments (?:and `options` )?as for ", documentation):
        pytest.skip("tests/providers/test_vendor_words.py reads the class that is named")

    assert inspect.signature(client).parameters
    for name in inspect.signature(client).parameters:
        assert f"\n    {name}: " in documentation


def today_plus(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (today_plus(-1), "acme/one ended on .*; use acme/two"),
        (today_plus(5), "acme/one ends on .*; use acme/two"),
        (today_plus(100), None),
        (None, None),
    ],
)
def test_a_model_that_ends_soon_is_warned_about_once(ends: date | None, words: str | None) -> None:
    info = ModelInfo("acme/one", ends=ends, successor="acme/two")
    if words is not None:
        with pytest.warns(FutureWarning, match=words):
            info.warn_of_end()

    info.warn_of_end()


@pytest.mark.filterwarnings("error")
def test_a_retired_model_is_warned_about_and_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor knows best, and its own answer is typed."""
    model = replace(GeminiImageClient.catalog[0], ends=today_plus(-7), successor="gemini/next")
    monkeypatch.setattr(GeminiImageClient, "catalog", (*GeminiImageClient.catalog[1:], model))
    with pytest.warns(FutureWarning, match="ended on .*; use gemini/next") as caught:
        client = GeminiImageClient(KEY, model=model.model_id)
    assert caught[0].filename == __file__, "it points to the line that chose the model"

    client.check(GeminiImageClient.prompt_type.of("a fox"))
    assert model.model_id not in {info.model_id for info in client.models()}


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

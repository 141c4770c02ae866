"""Which model is taken when a call names none."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import mediatoolkit as mt
from mediatoolkit.providers import registry
from mediatoolkit.providers.base import ImageClient, SpeechClient
from mediatoolkit.verbs import starting


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for kind in registry.VARIABLES:
        monkeypatch.delenv(registry.VARIABLES[kind], raising=False)
    monkeypatch.setattr(registry, "_chosen", {})
    starting._tell.cache_clear()
    yield
    starting._tell.cache_clear()


def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (ImageClient, SpeechClient):
        for vendor in registry.vendors(kind):
            client = registry.class_for(vendor, kind)
            names = (*getattr(client, "key_names", ()), *getattr(client, "base_url_names", ()))
            for name in names:
                monkeypatch.delenv(name, raising=False)


def test_the_first_vendor_in_the_order_whose_key_is_set_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_keys(monkeypatch)
    assert registry.default_choice(ImageClient).model_ids == ("local",)
    monkeypatch.setenv("FAL_KEY", "key-of-fal")
    assert registry.default_choice(ImageClient).model_ids == ("fal",)
    monkeypatch.setenv("XAI_API_KEY", "key-of-xai")
    choice = registry.default_choice(ImageClient)
    assert choice.model_ids == ("xai",)
    assert choice.reason == "XAI_API_KEY is in the environment"
    # The models of fal that speak are to be named, so there is no usual one.
    assert registry.default_choice(SpeechClient).model_ids == ("local",)


def test_the_order_names_every_built_in_vendor_once_with_its_variables() -> None:
    built_in = {
        (vendor, group)
        for group in registry.VARIABLES
        for vendor, entry in registry._installed(group).items()
        if entry.value.startswith("mediatoolkit.") and vendor != "local"
    }
    assert {vendor for vendor, _ in built_in} == registry.ORDER.keys()
    for vendor, group in built_in:
        client = registry._loaded(registry._installed(group)[vendor])
        is_own = getattr(client, "is_own_server", False)
        names = client.base_url_names if is_own else getattr(client, "key_names", ())
        assert names == registry.ORDER[vendor]


def test_without_a_key_no_vendor_is_imported() -> None:
    script = (
        "import sys\n"
        "import mediatoolkit as mt\n"
        "mt.image('a red fox', size='64x64').result()\n"
        "ours = 'mediatoolkit.providers.'\n"
        "print(sorted({name.removeprefix(ours).split('.')[0] for name in sys.modules\n"
        "              if name.startswith(ours)} & {'http', 'gemini', 'openai', 'fal'}))\n"
    )
    keyless = {
        name: value
        for name, value in os.environ.items()
        if not any(name in names for names in registry.ORDER.values())
    }
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], env=keyless, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_configure_chooses_for_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    no_keys(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    mt.configure(image="local/painter", speech=None)
    assert mt.ImageGenAgent().clients[0].model_id == "local/painter"
    mt.configure(image=["openai/gpt-image-2", "local"])
    assert [each.model_id for each in mt.ImageGenAgent().clients] == [
        "openai/gpt-image-2",
        "local/painter",
    ]
    mt.configure(image=None)
    assert mt.ImageGenAgent().clients[0].provider == "openai"


def test_the_environment_chooses_where_nothing_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_IMAGE", "local/painter")
    choice = registry.default_choice(ImageClient)
    assert (choice.model_ids, choice.is_configured) == (("local/painter",), True)


@pytest.mark.parametrize("wrong", ["nobody/x", ["local", "nobody/x"], 7, []])
def test_what_is_no_model_changes_nothing(wrong: object) -> None:
    mt.configure(image="local/painter")
    with pytest.raises((mt.UnknownModelError, mt.PromptError)):
        mt.configure(image=wrong, cache=True)  # type: ignore[arg-type]
    assert registry.default_choice(ImageClient).model_ids == ("local/painter",)
    assert mt.cache.default is None


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("opena/gpt-image-2", "did you mean 'openai/gpt-image-2'?"),
        ("OpenAI/gpt-image-2", "did you mean 'openai/gpt-image-2'?"),
        ("Fal", "did you mean 'fal'?"),
        ("gpt-image-2", "did you mean 'openai/gpt-image-2'?"),
        ("fal-ai/flux/dev", "did you mean 'fal/fal-ai/flux/dev' or 'huggingface/"),
        ("elevenlabs/eleven_v4", "elevenlabs makes no images here, but speech; for images there"),
        ("xyzzy", "a model id is vendor/model, and the vendors here are automatic1111, bfl,"),
        ("", "a model id is vendor/model, and the vendors here are automatic1111, bfl,"),
    ],
)
def test_what_was_probably_meant_is_named(model: str, answer: str) -> None:
    asks: list[Callable[[], object]] = [
        lambda: mt.image("a red fox", model=model),
        lambda: mt.quote("a red fox", kind="image", model=model),
        lambda: mt.configure(image=model),
        lambda: mt.ImageGenAgent(model),
    ]
    for ask in asks:
        with pytest.raises(mt.UnknownModelError) as caught:
            ask()
        assert answer in str(caught.value)


async def test_what_is_taken_is_told_once_and_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    no_keys(monkeypatch)
    caplog.set_level("INFO", logger="mediatoolkit")

    await mt.image("a red fox", size="64x64")
    await mt.image("a red fox", size="64x64")

    told = [record.message for record in caplog.records if "is used since" in record.message]
    (text,) = told
    assert text.startswith("local/painter is used since no vendor's key is set; mt.configure(image")


async def test_a_choice_of_the_users_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="mediatoolkit")
    mt.configure(image="local/painter")

    await mt.image("a red fox", size="64x64")

    assert not [record for record in caplog.records if "is used since" in record.message]

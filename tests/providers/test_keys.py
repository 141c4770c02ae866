"""Where a key is looked for, in which order, and what is said when it is nowhere."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

import mediatoolkit as mt
from mediatoolkit.providers import keys

NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (*NAMES, "FAL_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    keys.look_again()
    keys._is_installed.cache_clear()
    monkeypatch.setattr(keys, "_typed", {})
    monkeypatch.setattr(keys, "ask", lambda _line: None)
    yield
    keys.look_again()
    keys._is_installed.cache_clear()


def put_into_keyring(monkeypatch: pytest.MonkeyPatch, **entries: str) -> None:
    """As if the package keyring were installed, with a keyring that holds *entries*."""
    module = ModuleType("keyring")
    module.__spec__ = SimpleNamespace()  # type: ignore[assignment]
    module.get_password = lambda service, name: (  # type: ignore[attr-defined]
        entries.get(name) if service == "mediatoolkit" else None
    )
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_the_environment_comes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_keyring(monkeypatch, GOOGLE_API_KEY="from-the-keyring")
    monkeypatch.setenv("GEMINI_API_KEY", "from-the-environment")

    found = keys.find(NAMES)

    assert found is not None
    assert (found.secret.name, found.place) == ("GEMINI_API_KEY", "in the environment")


def test_a_key_is_found_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_keyring(monkeypatch, GEMINI_API_KEY="from-the-keyring")

    client = mt.GeminiImageClient()

    assert "from-the-keyring" not in repr(vars(client))
    assert mt.GeminiImageClient.key_place() == "GEMINI_API_KEY is in the keyring"


def test_a_keyring_that_fails_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_keyring(monkeypatch)
    sys.modules["keyring"].get_password = lambda *_: 1 / 0  # type: ignore[attr-defined]

    assert keys.find(NAMES) is None


def test_a_secret_of_colab_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    userdata = ModuleType("google.colab.userdata")
    userdata.get = {"GEMINI_API_KEY": "of-colab"}.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)

    assert mt.GeminiImageClient.key_place() == "GEMINI_API_KEY is a secret of Colab"


def test_a_secret_of_kaggle_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("kaggle_secrets")
    module.__spec__ = SimpleNamespace()  # type: ignore[assignment]
    secrets = SimpleNamespace(get_secret={"GOOGLE_API_KEY": "of-kaggle"}.__getitem__)
    module.UserSecretsClient = lambda: secrets  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kaggle_secrets", module)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")

    assert mt.GeminiImageClient.key_place() == "GOOGLE_API_KEY is a secret of Kaggle"


def test_a_person_is_asked_last_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def ask(line: str) -> str:
        lines.append(line)
        return "typed-by-a-person "

    monkeypatch.setattr(keys, "ask", ask)

    before = mt.GeminiImageClient.environment()
    mt.GeminiImageClient()
    mt.GeminiImageClient()

    assert len(lines) == 1
    assert "Gemini needs a key (GOOGLE_API_KEY)" in lines[0]
    assert mt.GeminiImageClient.environment() != before
    assert "typed-by-a-person" not in repr(mt.GeminiImageClient.environment())
    assert mt.GeminiImageClient.key_place().endswith("typed in this session")


def test_nobody_is_asked_where_a_price_or_a_table_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(_line: str) -> str:
        raise AssertionError("a person was asked")

    monkeypatch.setattr(keys, "ask", ask)

    mt.quote("a red fox", model="gemini")
    mt.models()
    mt.keys()


def test_the_error_names_every_place_and_shows_no_key() -> None:
    with pytest.raises(mt.AuthenticationError) as caught:
        mt.GeminiImageClient()

    for place in ("api_key=", *NAMES, "environment", "Colab", "Kaggle", "keyring", "typed"):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (lambda: mt.FalImageClient("fal/fal-ai/flux/dev"), "a model id; give it as model=."),
        (
            lambda: mt.OpenAICompatibleImageClient("http://127.0.0.1:9/v1"),
            "an address; give it as base_url=.",
        ),
        (lambda: mt.ComfyUIImageClient("http://127.0.0.1:9"), "give it as base_url=."),
        (lambda: mt.ComfyUIImageClient("portrait.json"), "give a workflow as workflow=."),
    ],
)
def test_what_stands_in_the_place_of_the_key_is_no_key(
    make: Callable[[], object], answer: str
) -> None:
    """Else it went out as a key, and the server's usual address and workflow were taken."""
    with pytest.raises(mt.AuthenticationError) as caught:
        make()
    assert answer in str(caught.value)


def test_the_list_of_keys_shows_places_and_never_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-that-nobody-sees")

    listed = mt.keys()
    rows = {row.vendor: row for row in listed}

    assert rows["gemini"].key == "GEMINI_API_KEY is in the environment"
    assert rows["gemini"].makes == "image, speech, video"
    assert rows["fal"].key == ""
    assert "FAL_KEY" in rows["fal"].missing
    assert rows["local"].key == "needs none"
    assert [row.vendor for row in listed][-1] == "local"
    assert "a-key-that-nobody-sees" not in f"{listed!r}{listed._repr_html_()}"

"""What the verbs cost: asked before, bounded, and nothing when it was made before."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.caching import settings
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.proxy import proxy_for
from mediatoolkit.verbs.cache import ResultCache
from tests.media.clips import clip
from tests.test_prompts import picture

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")
Verb = Callable[..., mt.Job[Any]]


@pytest.fixture(autouse=True)
async def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A store of its own, no key, no limit, no word for the cache."""
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    for name in (*KEYS, "MEDIATOOLKIT_CACHE", "MEDIATOOLKIT_BUDGET"):
        monkeypatch.delenv(name, raising=False)
    mt.budget.release()
    mt.budget.reset()
    yield
    mt.configure(cache=None)
    mt.budget.limit = None
    await mt.close()


@pytest.fixture
async def sim(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    """Both vendors, and a key for each."""
    monkeypatch.setattr(QueuedClient, "polling", Polling(first=0.01, cap=0.01))
    async with Simulator(film=clip(), looks=1) as simulator:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", simulator.url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{simulator.openai.url}/v1")
        for name in ("GEMINI_API_KEY", "OPENAI_API_KEY"):
            monkeypatch.setenv(name, "test-key")
        yield simulator


class TestQuote:
    """`mt.quote`: the price of what a verb would send."""

    @pytest.mark.parametrize(
        ("verb", "prompt", "words"),
        [
            (mt.image, "a red fox", {"size": "1K"}),
            (mt.image, "a red fox", {"references": [picture()]}),
            (mt.image, "a red fox", {"model": "openai/gpt-image-2", "quality": "low"}),
            (mt.speech, "A red fox looks up.", {"voice": "Kore"}),
            (mt.video, "a red fox", {"seconds": 3, "resolution": "720p"}),
        ],
        ids=["tier", "reference", "openai", "speech", "film"],
    )
    async def test_what_is_billed_lies_in_it_and_it_sends_nothing(
        self, sim: Simulator, verb: Verb, prompt: str, words: dict[str, Any]
    ) -> None:
        price = mt.quote(prompt, **words)
        assert not sim.requests
        assert price.low is not None
        assert price.high is not None

        await verb(prompt, **words)

        assert price.low <= sim.meter.total <= price.high

    def test_the_local_engine_is_free(self) -> None:
        assert str(mt.quote("a red fox")) == "free"
        assert str(mt.quote("Hello.", kind="speech")) == "free"

    @pytest.mark.parametrize(
        ("kind", "prompt", "words"),
        [
            ("speech", "Hello.", {"kind": "speech"}),
            ("video", "a fox", {"kind": "video"}),
            ("image", mt.ImagePrompt("a fox"), {}),
            ("speech", mt.SpeechPrompt("Hello."), {}),
            ("video", mt.VideoPrompt("a fox"), {}),
            ("speech", "Hello.", {"model": "gemini/gemini-3.8-flash-lite-tts"}),
            ("video", "a fox", {"model": "gemini/gemini-omni-1.2-flash"}),
            ("image", "a fox", {"model": "openai"}),
            ("image", "a fox", {"model": "openai/gpt-image-of-tomorrow"}),
            ("speech", "Hello.", {"voice": "Kore"}),
            ("speech", "Hello.", {"style": "calm"}),
            ("speech", "Hello.", {"model": "gemini", "language": "de"}),
            ("video", "a fox", {"seconds": 6}),
            ("video", "a fox", {"resolution": "720p"}),
            ("image", "a fox", {"size": "2K"}),
            ("image", "a fox", {"aspect": "16:9"}),
            ("image", "a fox", {"aspect": "16:9", "voice": None, "references": ()}),
            ("image", "a fox", {}),
        ],
    )
    @pytest.mark.usefixtures("sim")
    def test_the_kind_follows_from_the_words(
        self, kind: str, prompt: Any, words: dict[str, Any]
    ) -> None:
        agents: dict[str, Any] = {
            "image": mt.ImageGenAgent,
            "speech": mt.VoiceAgent,
            "video": mt.VideoGenAgent,
        }
        own = {name: word for name, word in words.items() if name not in {"kind", "model"} and word}
        expected = agents[kind](words.get("model", "gemini")).quote(prompt, **own)

        assert mt.quote(prompt, **words) == expected

    @pytest.mark.usefixtures("sim")
    def test_what_is_said_first_decides(self) -> None:
        """The kind before the prompt, the prompt before the model, the model before the words."""
        with pytest.raises(mt.PromptError, match="takes a VideoPrompt, not a SpeechPrompt"):
            mt.quote(mt.SpeechPrompt("Hello."), kind="video")
        with pytest.raises(mt.UnknownModelError, match="openai makes no speech here, but images"):
            mt.quote(mt.SpeechPrompt("Hello."), model="openai")
        with pytest.raises(mt.PromptError, match="openai/gpt-image-2 has no option seconds"):
            mt.quote("a fox", model="openai/gpt-image-2", seconds=6)

    @pytest.mark.usefixtures("sim")
    def test_an_agent_says_its_kind_and_its_price(self) -> None:
        agent = mt.VoiceAgent("gemini/gemini-3.8-flash-lite-tts", voice="Kore")

        assert mt.quote("Hello.", agent=agent) == agent.quote("Hello.")
        with pytest.raises(mt.PromptError, match=r"takes an mt\.ImageGenAgent"):
            mt.quote("a fox", kind="image", agent=agent)
        with pytest.raises(mt.MediaToolkitError, match="either"):
            mt.quote("Hello.", model="local", agent=agent)

    def test_speech_is_quoted_by_the_name_of_its_text(self) -> None:
        assert mt.quote(text="Hello.", model="gemini") == mt.quote(
            "Hello.", model="gemini", kind="speech"
        )

    def test_no_key_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        without = mt.quote("a fox", model="openai/gpt-image-2", size="1K", quality="low")
        with pytest.raises(mt.AuthenticationError):
            mt.image("a fox", model="openai/gpt-image-2")

        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        assert mt.quote("a fox", model="openai/gpt-image-2", size="1K", quality="low") == without
        assert without.high is not None
        assert without.high < Decimal("0.01")

    @pytest.mark.parametrize(
        ("verb", "prompt", "words"),
        [
            (mt.image, "", {}),
            (mt.image, 7, {}),
            (mt.image, "a fox", {"size": "banana"}),
            (mt.image, "a fox", {"colour": "red"}),
            (mt.image, "a fox", {"timeout": -1}),
            (mt.image, "a fox", {"cache": "fresh"}),
            (mt.image, "a fox", {"cache": 1}),
            (mt.image, "a fox", {"take": 0}),
            (mt.image, "a fox", {"take": 1.5}),
            (mt.image, "a fox", {"model": "acme/one"}),
            (mt.image, "a fox", {"model": 7}),
            (mt.speech, "Hello.", {"speed": 99}),
            (mt.video, "a fox", {"seconds": 0}),
        ],
    )
    def test_it_refuses_what_the_verb_refuses(
        self, verb: Verb, prompt: Any, words: dict[str, Any]
    ) -> None:
        with pytest.raises(mt.MediaToolkitError) as by_verb:
            verb(prompt, **words)
        with pytest.raises(type(by_verb.value)) as by_quote:
            mt.quote(prompt, **words)

        assert str(by_quote.value) == str(by_verb.value)

    def test_another_kind_is_refused(self) -> None:
        kind: Any = "picture"
        with pytest.raises(mt.PromptError, match="did you mean 'image'"):
            mt.quote("a fox", kind=kind)

    async def test_media_is_neither_awaited_nor_read(self, sim: Simulator) -> None:
        job = mt.image("a red fox", model="gemini")
        price = mt.quote("now in the snow", model="gemini", references=[job, "no-such-file.png"])
        assert not job.done()
        assert price.is_known

        await job
        assert len(sim.requests) == 1

    def test_what_changes_no_price_changes_none(self) -> None:
        plain = mt.quote("a fox", model="gemini")
        same = mt.quote("a fox", model="gemini", timeout=5, cache="only", take=3)
        assert same == plain


class TestCache:
    """`cache=` and `take=` of the verbs."""

    @pytest.mark.parametrize(
        ("verb", "prompt"),
        [(mt.image, "a red fox"), (mt.speech, "A red fox."), (mt.video, "a red fox")],
        ids=["image", "speech", "film"],
    )
    async def test_what_was_made_before_sends_nothing(
        self, sim: Simulator, verb: Verb, prompt: str
    ) -> None:
        first = await verb(prompt, cache=True, take=1)
        sent, billed = len(sim.requests), sim.meter.total
        again = await verb(prompt, cache=True, take=1)

        assert (len(sim.requests), sim.meter.total) == (sent, billed)
        assert again.data == first.data
        assert (first.cached, again.cached) == (False, True)

    async def test_another_take_is_another_request(self, sim: Simulator) -> None:
        await mt.image("an owl", model="gemini", cache=True, take=1)
        await mt.image("an owl", model="gemini", cache=True, take=2)
        assert len(sim.requests) == 2

        await mt.image("an owl", model="gemini", cache="only", take=2)
        assert len(sim.requests) == 2

    async def test_only_sends_nothing(self, sim: Simulator) -> None:
        with pytest.raises(mt.NotCachedError):
            await mt.image("a whale", model="gemini", cache="only", take=1)
        assert not sim.requests

    async def test_refresh_sends_and_replaces(self, sim: Simulator) -> None:
        for word in (True, "refresh"):
            kept = await mt.image("a castle", model="gemini", cache=word, take=1)
        assert len(sim.requests) == 2

        again = await mt.image("a castle", model="gemini", cache="only", take=1)
        assert again.data == kept.data

    async def test_false_wins_over_what_holds_for_all(self, sim: Simulator) -> None:
        mt.configure(cache=True)
        for _ in range(2):
            await mt.image("a tree", model="gemini", cache=False)
        assert len(sim.requests) == 2
        assert (await mt.cache.size()).entries == 0

    async def test_one_line_turns_it_on_for_all_verbs(self, sim: Simulator) -> None:
        mt.configure(cache=True)
        for _ in range(2):
            await mt.image("a lake", model="gemini", take=1)
            await mt.speech("A lake.", model="gemini", take=1)
        assert len(sim.requests) == 2

    async def test_a_call_above_the_limit_is_refused_and_nothing_is_sent(
        self, sim: Simulator
    ) -> None:
        with mt.budget.cap("0.01") as cap, pytest.raises(mt.BudgetError):
            await mt.image("a red fox", model="gemini")
        assert not sim.requests
        assert cap.spent == 0


class TestCacheOfTheKernel:
    """`mt.cache`: what was kept in the default store."""

    async def test_it_counts_and_forgets(self) -> None:
        for prompt in ("a fox", "an owl"):
            fox = await mt.image(prompt, size=64, cache=True, take=1)
        size = await mt.cache.size()
        assert size.entries == 2
        assert size.bytes > len(fox.data)

        assert await mt.cache.clear(model="gemini") == 0
        assert await mt.cache.clear(older_than=timedelta(hours=1)) == 0
        assert await mt.cache.clear(model="local/painter") == 2
        assert (await mt.cache.size()).entries == 0
        assert fox.path
        assert fox.path.exists(), "the media stays"

    async def test_a_call_without_await_goes_on_by_itself(self) -> None:
        await mt.image("a fox", size=64, cache=True, take=1)

        job = mt.cache.clear()
        assert isinstance(job, mt.Job)
        await asyncio.wait([asyncio.ensure_future(job)])
        assert (await mt.cache.size()).entries == 0

    def test_a_script_asks_for_the_result(self) -> None:
        code = (
            "import mediatoolkit as mt\n"
            "mt.image('a fox', size=64, cache=True).result()\n"
            "print(mt.cache.size().result().entries, mt.cache.clear().result())"
        )
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["1", "1"]

    @pytest.mark.parametrize("words", [{"older_than": -1}, {"older_than": "x"}, {"model": 7}])
    async def test_it_refuses_what_it_does_not_take(self, words: dict[str, Any]) -> None:
        with pytest.raises(mt.PromptError):
            await mt.cache.clear(**words)

    def test_its_default_is_the_one_that_configure_sets(self) -> None:
        def defaults() -> tuple[object, object]:
            return mt.cache.default, settings.default

        mt.configure(cache="only")
        assert defaults() == ("only", "only")
        mt.cache.default = True
        mt.configure(embed=None)
        assert defaults() == (True, True), "what is left out stays"
        mt.configure(cache=None)
        assert defaults() == (None, None)

    @pytest.mark.parametrize("word", ["onyl", 1, "", 0.5, "False"])
    def test_a_word_that_does_not_exist_changes_nothing(self, word: Any) -> None:
        mt.configure(proxy=None, cache="refresh")
        with pytest.raises(mt.PromptError):
            mt.configure(proxy="http://127.0.0.1:9", cache=word)
        proxy = proxy_for(Origin.of("https://example.org"))
        mt.configure(proxy="env")
        with pytest.raises(mt.PromptError):
            mt.cache.default = word

        assert proxy is None
        assert mt.cache.default == "refresh"

    def test_it_shows_itself_in_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert repr(mt.cache) == "cache off: nothing is read or kept"
        monkeypatch.setenv("MEDIATOOLKIT_CACHE", "1")
        assert repr(mt.cache).startswith("cache on:")
        monkeypatch.setenv("MEDIATOOLKIT_CACHE", "perhaps")
        assert "MEDIATOOLKIT_CACHE" in repr(mt.cache), "to look is no reason to fail"
        mt.configure(cache="only")
        assert repr(mt.cache).startswith("cache only:")
        assert isinstance(mt.cache, ResultCache)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda: mt.image("a fox", use_cache=True), "use cache=True."),
        (lambda: mt.image("a fox", no_cache=True), 'use cache="refresh".'),
        (lambda: mt.image("a fox", rollout_id=2), "use take=2"),
        (lambda: mt.image("a fox", max_cost=2), "mt.budget.limit"),
        (lambda: mt.quote("a fox", n=4), "call it once for each"),
    ],
)
def test_a_keyword_of_others_is_answered_with_ours(call: Callable[[], Any], answer: str) -> None:
    with pytest.raises(mt.PromptError) as caught:
        call()
    assert answer in str(caught.value)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("cost", "use mt.quote."),
        ("price", "use mt.quote."),
        ("estimate", "use mt.quote."),
        ("limit", "use mt.budget.limit."),
        ("list_models", "use mt.models."),
        ("model", "did you mean mt.models?"),
        ("clear_cache", "use mt.cache.clear()."),
        ("quotes", "did you mean mt.quote?"),
    ],
)
def test_a_name_of_others_is_answered_with_ours(name: str, answer: str) -> None:
    with pytest.raises(mt.UnknownNameError) as caught:
        getattr(mt, name)
    assert answer in str(caught.value)


def test_prices_add_up_and_what_is_unknown_stays_so() -> None:
    one = mt.quote("a fox", model="openai/gpt-image-2", size="1K", quality="low")
    unknown = Price(None, None, "nobody knows")
    assert 4 * one == one + one + one + one == sum([one] * 4)
    assert 3 * unknown == one + unknown == unknown + one == unknown
    with pytest.raises(TypeError):
        _ = 1.5 * one


@pytest.mark.parametrize(("word", "meant"), [("on", "True"), ("off", "False"), ("No", "False")])
def test_a_word_of_the_magic_is_answered_with_what_python_takes(word: str, meant: str) -> None:
    with pytest.raises(mt.PromptError, match=f"did you mean {meant}"):
        mt.cache.default = word


def test_a_model_without_its_vendor_is_none_of_the_cache() -> None:
    with pytest.raises(
        mt.PromptError, match=r"nor a vendor: automatic1111, .*gemini, .*local, .*openai"
    ):
        mt.cache.clear(model="gpt-image-2")


def test_a_limit_may_have_its_dollar_sign() -> None:
    mt.budget.limit = "$5"
    assert mt.budget.limit == 5
    mt.budget.limit = None

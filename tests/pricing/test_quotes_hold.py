"""A quote holds what the simulator bills, and a cost is that bill, for every model that we serve.

The simulator has prices and token counts of its own, and what it bills stands here once more, in
millionths of a dollar, as the price lists give it. So three that know nothing of each other agree.

With a size, a quality and seconds the least is at most a tenth below the most. It is less where

- the vendor's sources disagree: Nano Banana 2.1 at 4K has 2,520 tokens or 3,780;
- the model decides, such as `quality="auto"`, or how long a film becomes;
- it is speech: nobody knows before how long the words of a text last;
- something goes in whose tokens the vendor does not tell, such as a picture;
- a picture costs so little that the tokens of its prompt are a tenth of it, or half a patch is.
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple

import pytest

import mediatoolkit as mt
from mediatoolkit.pricing.prices import prices
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt, VideoPrompt
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.capabilities import COMMON_ASPECTS, ModelInfo
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.transport.session import sessions
from tests.media.clips import clip
from tests.test_prompts import picture

KEY = "test-key"
FOX = "a red fox under the stars"  # 25 letters: 7 tokens of input at both vendors
ENDED = ("gemini-2.5-flash-image", "gpt-image-1")  # of which people still have pictures
A_TENTH_OF_A_CENT = Decimal("0.001")

pytestmark = pytest.mark.filterwarnings("ignore:.* ende?[ds]? on:FutureWarning")


class Call(NamedTuple):
    """What was said before, what was billed, and what was said afterwards."""

    quote: Price
    billed: Decimal
    cost: Price


async def pay(sim: Simulator, client: Client[Any, Any], prompt: Prompt) -> Call:
    """Make what *prompt* asks for."""
    requests, billed = len(sim.requests), sim.meter.total
    quote = client.quote(prompt)
    assert len(sim.requests) == requests
    media = await client.generate(prompt)
    cost = client.cost(prompt, media.provenance.usage)
    return Call(quote, sim.meter.total - billed, cost)


def bounds(price: Price) -> tuple[Decimal, Decimal]:
    assert price.low is not None
    assert price.high is not None
    return price.low, price.high


def check(call: Call, billed: Decimal | None = None) -> None:
    """The quote holds the bill, which is the cost to the last figure."""
    least, most = bounds(call.quote)
    assert 0 < least <= call.billed <= most
    assert bounds(call.cost) == (call.billed, call.billed)
    if billed is not None:
        assert call.billed == billed


def is_narrow(quote: Price) -> bool:
    """Whether the least is at most a tenth below the most."""
    least, most = bounds(quote)
    return most - least <= most / 10


def millionths(dollars: str) -> Decimal:
    return Decimal(dollars) / 1_000_000


def by_model(catalog: tuple[ModelInfo, ...]) -> dict[str, ModelInfo]:
    return {info.model_id.partition("/")[2]: info for info in catalog}


@pytest.fixture(autouse=True)
async def close_sessions() -> AsyncIterator[None]:
    yield
    await sessions.close()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(picture=picture(), film=clip(), looks=0, models=ENDED) as simulator:
        yield simulator


def gemini(sim: Simulator, model: str) -> mt.GeminiImageClient:
    return mt.GeminiImageClient(KEY, base_url=sim.url, model=model)


def openai(sim: Simulator, model: str) -> mt.OpenAIImageClient:
    return mt.OpenAIImageClient(KEY, base_url=f"{sim.openai.url}/v1", model=model)


def speaker(sim: Simulator, model: str) -> mt.GeminiSpeechClient:
    return mt.GeminiSpeechClient(KEY, base_url=sim.url, model=model)


def director(sim: Simulator, model: str) -> mt.GeminiVideoClient:
    client = mt.GeminiVideoClient(KEY, base_url=sim.url, model=model)
    client.polling = Polling(first=0.001, cap=0.001)
    return client


# The tokens of the picture, 518 of text beside it and 7 of the prompt, each at its price.
GEMINI = {
    ("gemini-3.1-flash-image", "512"): "46377.5",  # 747 x 60 + 518 x 3 + 7 x 0.5
    ("gemini-3.1-flash-image", "1K"): "68757.5",  # 1120 x 60
    ("gemini-3.1-flash-image", "2K"): "102357.5",  # 1680 x 60
    ("gemini-3.1-flash-image", "4K"): "152757.5",  # 2520 x 60
    ("gemini-3.1-flash-lite-image", "1K"): "34378.75",  # 1120 x 30 + 518 x 1.5 + 7 x 0.25
    ("gemini-3-pro-image", "1K"): "140630",  # 1120 x 120 + 518 x 12 + 7 x 2
    ("gemini-3-pro-image", "2K"): "140630",
    ("gemini-3-pro-image", "4K"): "246230",  # 2000 x 120
    ("gemini-nano-banana-2.1", "1K"): "37495.5",  # 1120 x 30 + 518 x 7.5 + 7 x 1.5
    ("gemini-nano-banana-2.1", "2K"): "54295.5",  # 1680 x 30
    ("gemini-nano-banana-2.1", "4K"): "79495.5",  # 2520 x 30
    ("gemini-2.5-flash-image", "1K"): "39997.1",  # 1290 x 30 + 518 x 2.5 + 7 x 0.3
}


DISPUTED = ("gemini-nano-banana-2.1", "4K")


@pytest.mark.parametrize(("model", "size"), GEMINI)
async def test_a_picture_by_gemini(sim: Simulator, model: str, size: str) -> None:
    call = await pay(sim, gemini(sim, model), ImagePrompt(FOX, size=size))

    check(call, millionths(GEMINI[model, size]))
    assert is_narrow(call.quote) == ((model, size) != DISPUTED)


@pytest.mark.parametrize("model", by_model(mt.GeminiImageClient.catalog))
async def test_a_picture_by_gemini_without_a_size(sim: Simulator, model: str) -> None:
    """Each model draws 1K then."""
    call = await pay(sim, gemini(sim, model), ImagePrompt(FOX))

    check(call, millionths(GEMINI[model, "1K"]))
    assert is_narrow(call.quote)


@pytest.mark.parametrize("model", by_model(mt.GeminiImageClient.catalog))
async def test_the_text_beside_a_picture_varies(model: str) -> None:
    """Recorded pictures came with 390 to 677 tokens of text and thinking."""
    async with Simulator(
        picture=picture(), models=ENDED, thoughts=range(90, 178), unnamed=range(300, 500)
    ) as sim:
        calls = [await pay(sim, gemini(sim, model), ImagePrompt(FOX)) for _ in range(30)]

    for call in calls:
        check(call)
    assert len({call.billed for call in calls}) > 20


TIERS = {*product(by_model(mt.GeminiImageClient.catalog), ("flex", "standard", "priority"))}
UNKNOWN = ("gemini-3.1-flash-lite-image", "priority")


@pytest.mark.parametrize(("model", "tier"), sorted(TIERS - {UNKNOWN}))
async def test_a_service_tier_of_gemini(sim: Simulator, model: str, tier: str) -> None:
    """Some models cost half in the tier `flex`, or the full price where it is full."""
    prompt = ImagePrompt(FOX, options={"service_tier": tier})
    call = await pay(sim, gemini(sim, model), prompt)

    for price in (call.quote, call.cost):
        least, most = bounds(price)
        assert least <= call.billed <= most
        assert most <= 2 * least * Decimal("1.1")


def test_a_tier_whose_price_nobody_names_is_unknown(sim: Simulator) -> None:
    model, tier = UNKNOWN
    prompt = ImagePrompt(FOX, options={"service_tier": tier})
    assert str(gemini(sim, model).quote(prompt)) == "price unknown"


@pytest.mark.parametrize("model", by_model(mt.GeminiImageClient.catalog))
async def test_pictures_to_start_from_at_gemini(sim: Simulator, model: str) -> None:
    """A reference goes in once, and all earlier turns of a conversation again."""
    client, references = gemini(sim, model), (mt.Image(picture()), mt.Image(picture((9, 9))))
    check(await pay(sim, client, ImagePrompt(FOX, references=references)))

    first = await client.generate(ImagePrompt(FOX, references=references))
    check(await pay(sim, client, ImagePrompt("in the rain", previous=first)))


# Tokens by OpenAI's rule, which fits fal's list of prices, by the patches of the longer side.
SIZES = ("1024x1024", "1536x1024", "1024x1536", "816x816", "2048x1152", "3840x2160")
PATCHES = {
    16: (196, 158, 158, 171, 157, 371),
    24: (439, 343, 343, 384, 367, 865),
    48: (1756, 1372, 1372, 1536, 1413, 3336),
    64: (3122, 2459, 2459, 2730, 2511, 5930),
    96: (7024, 5488, 5488, 6143, 5650, 13342),
}
OF_2 = {"low": 16, "medium": 48, "high": 96}
LATER = {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}
RULE = {
    "gpt-image-2": OF_2,
    "gpt-image-2.5-sunburst": LATER,
    "gpt-image-2.5-flare": LATER,
    "gpt-image-2.6-sunburst": LATER,
    "gpt-image-2.6-flare": LATER,
}
# OpenAI's own table of tokens, and the prices of a million: of text that goes in, of a picture.
TABLE = {
    "low": (272, 400, 408),
    "medium": (1056, 1568, 1584),
    "high": (4160, 6208, 6240),
}
OLDER = {
    "gpt-image-1.5": (5, 32),
    "chatgpt-image-latest": (5, 32),
    "gpt-image-1": (5, 40),
    "gpt-image-1-mini": (2, 8),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", RULE)
async def test_a_picture_by_openai(sim: Simulator, model: str, size: str) -> None:
    """A token of a picture costs $30 a million, one of text $5."""
    client, place = openai(sim, model), SIZES.index(size)
    for quality, side in RULE[model].items():
        prompt = ImagePrompt(FOX, size=size, options={"quality": quality})
        call = await pay(sim, client, prompt)

        check(call, millionths("1") * (PATCHES[side][place] * 30 + 7 * 5))
        assert is_narrow(call.quote)


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("model", OLDER)
async def test_a_picture_by_an_older_model_of_openai(sim: Simulator, model: str, size: str) -> None:
    client, (text, token) = openai(sim, model), OLDER[model]
    for quality, tokens in TABLE.items():
        prompt = ImagePrompt(FOX, size=size, options={"quality": quality})
        call = await pay(sim, client, prompt)

        check(call, millionths("1") * (tokens[SIZES.index(size)] * token + 7 * text))
        assert is_narrow(call.quote)


@pytest.mark.parametrize("tier", ["512", "1K", "2K"])
@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-2.6-sunburst"])
async def test_a_shape_at_openai(sim: Simulator, model: str, tier: str) -> None:
    """Small and long pictures of low quality cost so little that their prompt counts."""
    client = openai(sim, model)
    for aspect, quality in product(COMMON_ASPECTS, RULE[model]):
        prompt = ImagePrompt(FOX, size=tier, aspect=aspect, options={"quality": quality})
        call = await pay(sim, client, prompt)

        check(call)
        least, most = bounds(call.quote)
        assert is_narrow(call.quote) or most - least < A_TENTH_OF_A_CENT


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("quality", LATER)
async def test_what_openai_decides_is_within_the_range(quality: str, size: str) -> None:
    auto = {"quality": quality, "size": size}
    async with Simulator(picture=picture(), models=ENDED, auto=auto) as sim:
        for model in (*RULE, *OLDER):
            client = openai(sim, model)
            check(await pay(sim, client, ImagePrompt(FOX)))
            check(await pay(sim, client, ImagePrompt(FOX, options={"quality": "auto"})))
            if quality in RULE.get(model, TABLE):
                check(await pay(sim, client, ImagePrompt(FOX, options={"quality": quality})))


@pytest.mark.parametrize("model", by_model(mt.OpenAIImageClient.catalog))
async def test_pictures_that_go_in_or_are_shown_at_openai(sim: Simulator, model: str) -> None:
    """What goes in is counted, and each unfinished picture is billed."""
    client, fox = openai(sim, model), mt.Image(picture((16, 16)))
    form = {"quality": "low"}
    check(await pay(sim, client, ImagePrompt(FOX, references=(fox, fox), options=form)))
    masked = ImagePrompt(FOX, references=(fox,), mask=fox, options=form)
    check(await pay(sim, client, masked))
    check(await pay(sim, client, ImagePrompt("in the rain", previous=fox, options=form)))
    for shown in (1, 3):
        options = {**form, "partial_images": shown}
        check(await pay(sim, client, ImagePrompt(FOX, options=options)))


# A second of film; beside it 120 tokens of thinking at $9 a million and 7 of the prompt at $1.50.
FILMS = {
    ("gemini-omni-1.2-flash", "360p"): "23172",  # 1931 x 12
    ("gemini-omni-1.2-flash", "720p"): "69504",  # 5792 x 12
    ("gemini-omni-1.2-flash", "1080p"): "104256",  # 8688 x 12
    ("gemini-omni-1.2-flash", "4k"): "208512",  # 17376 x 12
    ("gemini-omni-1.1-flash", "360p"): "33792.5",  # 1931 x 17.5
    ("gemini-omni-1.1-flash", "720p"): "101360",  # 5792 x 17.5
    ("gemini-omni-1.1-flash", "1080p"): "152040",  # 8688 x 17.5
    ("gemini-omni-1.1-flash", "4k"): "304080",  # 17376 x 17.5
}


@pytest.mark.parametrize(("model", "resolution"), FILMS)
async def test_a_film(sim: Simulator, model: str, resolution: str) -> None:
    client = director(sim, model)
    for seconds in (3, 6, 10):
        prompt = VideoPrompt(FOX, seconds=seconds, resolution=resolution)
        call = await pay(sim, client, prompt)

        check(call, millionths(FILMS[model, resolution]) * seconds + millionths("1090.5"))
        assert is_narrow(call.quote)

    check(await pay(sim, client, VideoPrompt(FOX, resolution=resolution)))


@pytest.mark.parametrize("model", by_model(mt.GeminiVideoClient.catalog))
async def test_a_film_of_720p_unless_it_is_asked_for_otherwise(sim: Simulator, model: str) -> None:
    client, fox = director(sim, model), mt.Image(picture())
    call = await pay(sim, client, VideoPrompt(FOX, seconds=3))

    check(call, millionths(FILMS[model, "720p"]) * 3 + millionths("1090.5"))
    assert is_narrow(call.quote)
    check(await pay(sim, client, VideoPrompt(FOX, seconds=3, image=fox, references=(fox,))))


@pytest.mark.parametrize("model", by_model(mt.GeminiSpeechClient.catalog))
async def test_speech(sim: Simulator, model: str) -> None:
    """How long a text sounds is known afterwards; long ones go in parts, each with its style."""
    client = speaker(sim, model)
    sentence = "A red fox looks up at the stars. "
    for text in ("No.", "A red fox.", sentence * 30, sentence * 400, "狐が星を見上げる。" * 30):
        check(await pay(sim, client, SpeechPrompt(text)))
        check(await pay(sim, client, SpeechPrompt(text, style="slowly")))
    lines = "Ann: Look, a fox.\nBob: Where?"
    duet = SpeechPrompt(lines, speakers={"Ann": "Kore", "Bob": "Puck"})
    check(await pay(sim, client, duet))


def test_every_model_and_size_that_we_serve_is_asserted_here() -> None:
    """A model, a size or a quality that is added needs a line above."""
    assert set(GEMINI) == {
        (model, size)
        for model, info in by_model(mt.GeminiImageClient.catalog).items()
        for size in info.choices["size"]
    }
    assert set(FILMS) == {
        (model, resolution)
        for model, info in by_model(mt.GeminiVideoClient.catalog).items()
        for resolution in info.choices["resolution"]
    }
    assert {model: {*RULE.get(model, TABLE)} for model in (*RULE, *OLDER)} == {
        model: {*info.capabilities.options["quality"].choices} - {"auto"}
        for model, info in by_model(mt.OpenAIImageClient.catalog).items()
    }


def test_every_model_that_we_serve_has_a_price() -> None:
    clients = (
        mt.GeminiImageClient,
        mt.GeminiSpeechClient,
        mt.GeminiVideoClient,
        mt.OpenAIImageClient,
    )
    models = {info.model_id for client in clients for info in client.catalog}
    assert models <= {row.model for row in prices}

"""Quotes and costs against examples that were reckoned by hand from the vendors' price lists."""

from datetime import date
from decimal import Decimal, Inexact, localcontext
from typing import Any

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.amounts import Facts
from mediatoolkit.pricing.prices import PriceRow, prices
from mediatoolkit.pricing.quotes import FREE, Price, cost, quote

NOVEMBER, JANUARY = date(2026, 11, 28), date(2027, 1, 1)
FOX: Facts = {"bytes": 40, "characters": 40}  # "a red fox under the stars, in watercolour"


def row_of(model: str, day: date = NOVEMBER) -> PriceRow:
    row = prices.find(model, day)
    assert row, model
    return row


def bounds(price: Price) -> tuple[Decimal, Decimal]:
    assert price.low is not None
    assert price.high is not None
    assert price.low <= price.high
    return price.low, price.high


def dollars(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


@pytest.mark.parametrize(
    ("model", "size", "picture", "high"),
    [
        # Tokens of the picture at its price; at most 1,500 of text and 40 of the prompt on top.
        ("gemini-3.1-flash-image", "512", "0.04482", "0.04934"),  # 747 at $60 a million
        ("gemini-3.1-flash-image", "1K", "0.0672", "0.07172"),  # 1,120
        ("gemini-3.1-flash-image", "2K", "0.1008", "0.10532"),  # 1,680
        ("gemini-3.1-flash-image", "4K", "0.1512", "0.15572"),  # 2,520
        ("gemini-3.1-flash-lite-image", "1K", "0.0336", "0.03586"),  # 1,120 at $30
        ("gemini-3-pro-image", "1K", "0.1344", "0.15248"),  # 1,120 at $120
        ("gemini-3-pro-image", "4K", "0.24", "0.25808"),  # 2,000
        ("gemini-2.5-flash-image", "1K", "0.0387", "0.042462"),  # 1,290 at $30
        ("gemini-nano-banana-2.1", "1K", "0.0336", "0.040035"),  # 1,120 at $30, text at $7.50
    ],
)
def test_a_gemini_picture_costs_its_tokens_and_the_text_beside_it(
    model: str, size: str, picture: str, high: str
) -> None:
    price = quote(row_of(f"gemini/{model}"), {**FOX, "size": size})
    least, most = bounds(price)
    assert Decimal(picture) < least
    assert most == Decimal(high)
    assert most - least <= least / 10
    assert price.checked
    assert price.checked >= NOVEMBER


@pytest.mark.parametrize(
    ("quality", "size", "tokens"),
    [
        # fal's list of gpt-image-2.5, divided by $30 a million; low to high by OpenAI's at 1024².
        ("low", "1024x1024", 196),
        ("medium", "1024x1024", 439),
        ("high", "1024x1024", 1756),
        ("xhigh", "1024x768", 2140),
        ("xhigh", "1024x1024", 3122),
        ("xhigh", "1024x1536", 2459),
        ("xhigh", "1920x1080", 2347),
        ("xhigh", "2560x1440", 3276),
        ("xhigh", "3840x2160", 5930),
        ("max", "1024x768", 4815),
        ("max", "1024x1024", 7024),
        ("max", "1536x1024", 5488),
        ("max", "1920x1080", 5280),
        ("max", "2560x1440", 7370),
        ("max", "3840x2160", 13342),
    ],
)
@pytest.mark.parametrize("model", ["gpt-image-2.5-sunburst", "gpt-image-2.6-flare"])
def test_openai_counts_patches_not_area(model: str, quality: str, size: str, tokens: int) -> None:
    """A long picture costs less than a square one, and a large one not so much more."""
    price = quote(row_of(f"openai/{model}"), {"bytes": 40, "quality": quality, "size": size})
    least, most = bounds(price)
    picture = tokens * Decimal("0.00003")
    assert least == picture + Decimal("0.0000125")  # 2.5 tokens of text at $5 a million
    assert most == picture + Decimal("0.00036")  # 72 tokens: one a byte, and 32 around them
    assert most - least <= least / 10


def test_half_a_patch_may_count_or_not() -> None:
    """10.5 of 16 patches: 160 or 176 of them, times 2,688,128 / 4,000,000."""
    facts: Facts = {"bytes": 40, "quality": "low", "size": "672x1024"}
    least, most = bounds(quote(row_of("openai/gpt-image-2"), facts))
    assert least == 108 * Decimal("0.00003") + Decimal("0.0000125")
    assert most == 119 * Decimal("0.00003") + Decimal("0.00036")


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"quality": "low", "size": "1024x1024"}, "$0.006"),
        ({"quality": "medium", "size": "1024x1024"}, "$0.013"),
        ({"quality": "high", "size": "1024x1024"}, "$0.053"),
        ({"quality": "xhigh", "size": "1024x1024"}, "$0.094"),
        ({"quality": "max", "size": "1024x1024"}, "$0.211"),
        ({"quality": "auto", "size": "1024x1024"}, "$0.006 to $0.211"),
        ({"quality": "max", "size": "1K", "aspect": "1:1"}, "$0.211"),
        ({}, "$0.005 to $0.211"),
    ],
)
def test_what_the_model_decides_is_a_range(facts: dict[str, str], text: str) -> None:
    assert str(quote(row_of("openai/gpt-image-2.5-flare"), {"bytes": 26, **facts})) == text


def test_an_unfinished_picture_is_a_hundred_tokens() -> None:
    row = row_of("openai/gpt-image-2")
    facts: Facts = {"bytes": 40, "quality": "high", "size": "1024x1024"}
    _, without = bounds(quote(row, facts))
    _, most = bounds(quote(row, {**facts, "partial_images": 3}))
    assert most - without == Decimal("0.009")


@pytest.mark.parametrize(
    ("quality", "size", "picture"),
    [
        ("low", "1024x1024", "0.008704"),  # 272 at $32 a million
        ("medium", "1536x1024", "0.050176"),  # 1,568
        ("high", "1024x1536", "0.198656"),  # 6,208
    ],
)
def test_older_pictures_of_openai_go_by_a_table(quality: str, size: str, picture: str) -> None:
    facts: Facts = {"bytes": 40, "quality": quality, "size": size}
    least, most = bounds(quote(row_of("openai/gpt-image-1.5"), facts))
    assert Decimal(picture) < least <= most <= Decimal(picture) * Decimal("1.1")


def test_a_film_costs_its_seconds() -> None:
    """5,792 tokens a second of 720p, 6 seconds, $12 a million: $0.417024."""
    row = row_of("gemini/gemini-omni-1.2-flash")
    least, most = bounds(quote(row, {**FOX, "resolution": "720p", "seconds": 6}))
    assert least == Decimal("0.417024") + Decimal("0.00000375")
    assert most == Decimal("0.417024") + Decimal("0.0054") + Decimal("0.00006")
    usual = quote(row, {**FOX, "seconds": 6})
    assert bounds(usual) == (least, most)
    older = quote(row_of("gemini/gemini-omni-1.1-flash"), {**FOX, "seconds": 1})
    assert Decimal("0.10136") < bounds(older)[0] < Decimal("0.1014")  # $17.50 a million
    open_end = bounds(quote(row, FOX))
    assert open_end[0] < Decimal("0.2086")  # 3 seconds
    assert open_end[1] > Decimal("0.695")  # 10 seconds
    assert not quote(row, {**FOX, "seconds": 6, "resolution": "8k"}).is_known


@pytest.mark.parametrize(
    ("model", "facts", "low", "high"),
    [
        ("gemini/veo-3.1-generate-preview", {"seconds": 8, "resolution": "4k"}, "4.8", "4.8"),
        ("gemini/veo-3.1-generate-preview", {"resolution": "720p"}, "1.6", "3.2"),
        ("openai/sora-2-pro", {"seconds": "12", "size": "1024x1792"}, "6", "6"),
        ("openai/tts-1", {"characters": 1000}, "0.015", "0.015"),
        ("openai/tts-1-hd", {"bytes": 1000}, "0.0075", "0.03"),  # 250 to 1,000 characters
        ("xai/grok-imagine-video", {"seconds": 5}, "0.25", "0.25"),
        ("xai/grok-imagine-image-2.0", {"quality": "low", "input_images": 2}, "0.06", "0.06"),
        ("mistral/voxtral-mini-tts-3-0", {"characters": 1_000_000}, "13", "13"),
        ("bfl/flux-2-pro", {"size": "1024x1024"}, "0.03", "0.03"),
        ("bfl/flux-2-pro", {"pixels": 1048576, "input_images": 1}, "0.045", "0.045"),
        ("bfl/flux-2-pro", {"pixels": 4194304}, "0.075", "0.075"),  # and three more megapixels
        ("elevenlabs/eleven_v4", {"characters": 1000}, "0.08", "0.3"),
        ("stability/sd3.5-medium", {}, "0.035", "0.035"),
        ("fal/fal-ai/nano-banana-2", {"size": "4K"}, "0.16", "0.16"),
        ("replicate/black-forest-labs/flux-schnell", {"count": 4}, "0.012", "0.012"),
    ],
)
def test_other_units(model: str, facts: dict[str, str | int], low: str, high: str) -> None:
    assert bounds(quote(row_of(model), facts)) == dollars(low, high)


def test_speech_has_dates() -> None:
    """From $9 to $18 a million audio tokens; from $0.50 to $1 for text."""
    facts: Facts = {"bytes": 1000, "characters": 1000}
    before = quote(row_of("gemini/gemini-3.8-flash-tts", date(2026, 12, 31)), facts)
    after = quote(row_of("gemini/gemini-3.8-flash-tts", JANUARY), facts)
    # At most 8 tokens a byte and 125 of pauses: 8,125; and 1,000 of text.
    assert bounds(before)[1] == Decimal("0.073625")
    assert bounds(after)[1] == 2 * Decimal("0.073625")
    assert bounds(before)[0] < 90 * 25 * Decimal("0.000009") < bounds(before)[1]  # usual pace


def test_several_pictures_are_paid_each() -> None:
    row = row_of("gemini/gemini-3.1-flash-image")
    one, four = (bounds(quote(row, {**FOX, "size": "1K", "count": n})) for n in (1, 4))
    assert four[1] == 4 * one[1]
    assert 3 * one[0] < four[0] <= 4 * one[0]


def test_lanes() -> None:
    row = row_of("gemini/gemini-3-pro-image")
    usual = bounds(quote(row, FOX))
    batch, priority = (quote(row, {**FOX, "service_tier": lane}) for lane in ("batch", "PRIORITY"))
    assert bounds(batch) == (usual[0] / 2, usual[1] / 2)
    assert bounds(priority) == (usual[0] * Decimal("1.8"), usual[1] * Decimal("1.8"))
    assert bounds(quote(row, {**FOX, "service_tier": "standard"})) == usual
    unknown = quote(row, {**FOX, "service_tier": "moon"})
    assert not unknown.is_known
    assert "moon" in unknown.basis


def test_an_unknown_price_is_never_0() -> None:
    for price in (
        quote(prices.find("gemini/gemini-9"), FOX),
        quote(row_of("gemini/gemini-3-pro-image"), {}),  # how long the text is
        quote(row_of("gemini/gemini-3-pro-image"), {**FOX, "size": "16K"}),
        cost(None, {"output": {"IMAGE": 1120}}, FOX),
    ):
        assert (price.low, price.high, price.is_known) == (None, None, False)
        assert str(price) == "price unknown"
        assert price.basis


@pytest.mark.parametrize(
    "facts",
    [{"bytes": -1}, {"bytes": float("nan")}, {"bytes": float("inf")}, {"bytes": "many"}],
)
def test_a_fact_that_is_no_number_is_refused(facts: dict[str, str | float]) -> None:
    with pytest.raises(PromptError, match="bytes is a number from 0"):
        quote(row_of("gemini/gemini-3-pro-image"), facts)
    with pytest.raises(PromptError, match="bytes is a number"):
        quote(row_of("gemini/gemini-3-pro-image"), {"bytes": True})


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("0.0672", "0.0672", "$0.067"),
        ("0.00588", "0.21072", "$0.006 to $0.211"),
        ("0", "0", "free"),
        ("0", "0.02", "$0 to $0.020"),
        ("1.6", "1234.5", "$1.60 to $1,234.50"),
        ("0.00003", "0.00003", "$0.00003"),
    ],
)
def test_how_a_price_reads(low: str, high: str, text: str) -> None:
    assert str(Price(Decimal(low), Decimal(high))) == text
    assert str(FREE) == "free"


# cost


FLASH, PRO = "gemini/gemini-3.1-flash-lite-image", "gemini/gemini-3-pro-image"


@pytest.mark.parametrize(
    ("model", "usage", "dollar"),
    [
        # 1,120 at $30, 398 and no thoughts at $1.50, 9 of text at $0.25 a million
        (
            FLASH,
            {"input": {"TEXT": 9}, "output": {"IMAGE": 1120, "TEXT": 398}, "total": 1527},
            "0.03419925",
        ),
        # 2,000 at $120, 340 and 337 at $12, 326 at $2: $0.248776, as claude-code-hub#663 has it
        (
            PRO,
            {
                "input": {"TEXT": 326},
                "output": {"IMAGE": 2000, "TEXT": 340},
                "thoughts": 337,
                "total": 3003,
            },
            "0.248776",
        ),
        # 560 of a reference at the price of text
        (PRO, {"input": {"TEXT": 10, "IMAGE": 560}, "output": {"IMAGE": 1120}}, "0.13554"),
        # OpenAI: 50 at $5, 323 of pictures at $8, 1,756 at $30
        (
            "openai/gpt-image-2.5-flare",
            {"input": {"TEXT": 50, "IMAGE": 323}, "output": {"IMAGE": 1756}, "total": 2129},
            "0.055514",
        ),
        # a film: 34,752 at $12, 120 of thinking at $9, 20 at $1.50
        (
            "gemini/gemini-omni-1.2-flash",
            {"input": {"TEXT": 20}, "output": {"VIDEO": 34752}, "thoughts": 120},
            "0.418134",
        ),
        # speech: 250 at $9, 30 at $0.50
        (
            "gemini/gemini-3.8-flash-tts",
            {"input": {"TEXT": 30}, "output": {"AUDIO": 250}, "total": 280},
            "0.002265",
        ),
        # 100 tokens that the total has and no side names are billed as text at $12
        (PRO, {"input": {"TEXT": 10}, "output": {"IMAGE": 1120}, "total": 1230}, "0.13562"),
    ],
)
def test_tokens_are_billed_by_kind(model: str, usage: dict[str, Any], dollar: str) -> None:
    price = cost(row_of(model), usage, {**FOX, "size": "1K"})
    assert bounds(price) == dollars(dollar, dollar)
    assert "tokens" in price.basis


@pytest.mark.parametrize(
    "output",
    [{"TEXT": 1518}, {"text": 1518}, {"UNSPECIFIED": 1518}],
)
def test_without_a_split_the_picture_is_not_taken_for_text(output: dict[str, int]) -> None:
    """All at the price of text would be $0.0023 here, a fifteenth."""
    usage = {"input": {"TEXT": 9}, "output": output, "total": 1527}
    known = cost(row_of(FLASH), usage, {**FOX, "size": "1K"})
    assert bounds(known) == dollars("0.03419925", "0.03419925")
    least, most = bounds(cost(row_of(FLASH), usage, {**FOX, "size": "16K"}))
    assert least < Decimal("0.0342") < most == 1518 * Decimal("0.00003") + 9 * Decimal("0.00000025")


def test_a_count_of_pictures_is_no_count_of_tokens() -> None:
    """One picture for $0.00003 would be a present."""
    least, most = bounds(cost(row_of(FLASH), {"output": {"IMAGES": 1}}, {**FOX, "size": "1K"}))
    assert most >= Decimal("0.0336")
    assert least < most


@pytest.mark.parametrize(
    "usage",
    [{}, {"output": {}, "total": 15}, {"output": "much"}, {"output": {"IMAGE": -3, "TEXT": True}}],
)
def test_without_tokens_the_request_counts(usage: dict[str, Any]) -> None:
    facts: Facts = {**FOX, "size": "1K"}
    assert bounds(cost(row_of(PRO), usage, facts)) == bounds(quote(row_of(PRO), facts))


def test_what_has_no_tokens_costs_what_was_asked_for() -> None:
    usage = {"output": {"VIDEO": 5}}
    price = cost(row_of("xai/grok-imagine-video"), usage, {"seconds": 5, "resolution": "720p"})
    assert bounds(price) == dollars("0.35", "0.35")


def test_a_batch_costs_half_afterwards_too() -> None:
    usage = {"input": {"TEXT": 10}, "output": {"IMAGE": 1120}}
    price = cost(row_of(PRO), usage, {**FOX, "service_tier": "batch"})
    assert bounds(price) == dollars("0.06721", "0.06721")


@pytest.mark.parametrize("told", ["0.0712", 0.0712, Decimal("0.0712")])
def test_the_vendor_knows_best(told: object) -> None:
    usage = {"cost_usd": told, "output": {"IMAGE": 9999}}
    for row in (row_of(PRO), None):
        price = cost(row, usage, FOX)
        assert bounds(price) == dollars("0.0712", "0.0712")
        assert price.basis == "told by the vendor"


@pytest.mark.parametrize("told", [-1, float("nan"), "free", True, None, [1], "1e99"])
def test_a_told_cost_that_is_none_does_not_count(told: object) -> None:
    usage = {"cost_usd": told, "input": {"TEXT": 10}, "output": {"IMAGE": 1120}}
    assert bounds(cost(row_of(PRO), usage, FOX)) == dollars("0.13442", "0.13442")
    assert not cost(None, usage, FOX).is_known


SHAPES = [
    *((f"gemini/{model}", size, "") for model, sizes in (
        ("gemini-3.1-flash-image", ("512", "1K", "2K", "4K")),
        ("gemini-3.1-flash-lite-image", ("1K",)),
        ("gemini-3-pro-image", ("1K", "2K", "4K")),
        ("gemini-nano-banana-2.1", ("1K", "2K")),
        ("gemini-2.5-flash-image", ("1K",)),
    ) for size in sizes),
    *((f"openai/gpt-image-{model}", size, quality)
      for model in ("2", "2.5-flare", "2.5-sunburst", "2.6-flare", "2.6-sunburst")
      for size in ("512x512", "1024x1024", "1024x1536", "3840x2160", "2K")
      for quality in ("low", "medium", "high")),
    *((f"openai/{model}", size, quality)
      for model in ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest")
      for size in ("1024x1024", "1536x1024", "1024x1536")
      for quality in ("low", "medium", "high")),
]  # fmt: skip


@pytest.mark.parametrize(("model", "size", "quality"), SHAPES)
def test_a_given_size_and_quality_leave_a_tenth_open(model: str, size: str, quality: str) -> None:
    facts: Facts = {"bytes": 26, "size": size, "quality": quality}
    least, most = bounds(quote(row_of(model), facts))
    assert most - least <= least / 10


def test_a_price_is_the_same_whatever_the_decimal_context_of_the_thread() -> None:
    row, facts = row_of("openai/gpt-image-2"), {**FOX, "size": "1K", "quality": "low"}
    usage = {"input": {"TEXT": 9}, "output": {"IMAGE": 196}}
    prices_before = quote(row, facts), cost(row, usage, facts)
    with localcontext() as context:
        context.prec = 2
        context.traps[Inexact] = True
        assert (quote(row, facts), cost(row, usage, facts)) == prices_before

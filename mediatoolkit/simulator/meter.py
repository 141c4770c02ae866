"""What the vendors bill for what they served.

Prices and token counts are the vendors' own, written down in the simulator's data, so that a client
that reckons with prices of its own is measured and not repeated. A vendor bills a generation when
its work is done, whether or not the client hears of it:

| what happens | what is billed |
|---|---|
| a picture or speech, at once or as a stream | the tokens that its usage counts |
| partial pictures of a stream | 100 tokens of picture each |
| work in the background | when it is finished; until then it is `Meter.unfinished` |
| work that is cancelled, or ends as anything but `completed` (`EndsAs`) | nothing |
| work that ends as `completed` and brings nothing (`EndsAs("completed")`) | its input |
| a cancel that comes too late, or is answered with `EndsAs("completed")` | the work |
| a cancel that is lost or not confirmed, a running interaction that is deleted | the work goes on |
| a batch | each request that is done, when the batch ends, at its share of the price; until then \
it is `Meter.unfinished` |
| a batch that is cancelled or expires | OpenAI: what was done; Gemini: nothing |
| a batch that fails as a whole | nothing |
| a request of a batch that fails, by `InBatch` or by itself | as if it came alone |
| a request of a batch whose result is missing | as if it were there |
| a batch that is deleted while it runs | everything: the vendor works on |
| a request that is refused: 4xx, `Status` of any code, `EchoKey` | nothing |
| the content policy: `PromptBlocked`, `CandidateBlocked`, `UnknownFinish`, a film's `TextOnly` | \
nothing |
| `Moderated` | xAI: a film, and pictures in a response without an error; the rest nothing |
| `StreamError` outside a stream | nothing: it is a 5xx |
| `StreamError` in a stream | OpenAI: input and partial pictures, if any came; others: \
everything |
| `NoCandidates`, `Continuation`, `BrokenOff`, `TextOnly` | the tokens that the usage counts |
| `BadPicture`, `PictureAs`, `BadSound`, `SoundAs`, `ResultAt`, `Stumbles`, `Expired` | \
everything |
| `Garbage` in the place of a response | everything |
| `Latency`, `SlowHead`, `SlowBody`, `Trickle`, `Gate`, `CutBody`, `Truncated`, `WrongLength`, \
`MalformedChunk`, `BadGzip` | as without the fault |
| `Silence`, `CutBeforeHead`, `Reset`, `MalformedHead`, `TooLarge`, `GzipBomb` in the place of a \
response | everything: the request came in, and the response is lost |
| `Redirect` in the place of a response | nothing: the vendor was not reached |
| a client that leaves | everything: the vendor works on |

No vendor publishes what becomes of a lost response or of a client that leaves; the meter assumes
the dearer case. That 4xx and 5xx are free is Google's word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

_MILLION = 1_000_000
_TIERS = {"flex": Decimal("0.5"), "priority": Decimal("1.8")}  # of the standard price
_NOT_RATES = ("model", "from")


@dataclass(frozen=True, slots=True)
class BilledRequest:
    """One request that was billed.

    Attributes:
        vendor: Who bills it, such as `"gemini"`.
        model: The vendor's name of the model.
        path: Of the request that began the work.
        units: Tokens by direction and modality: `input_text`, `input_image`, `output_image`,
            `output_audio`, `output_video`, `output_text`; thoughts are output of text. Vendors that
            count otherwise have units of their own, such as `character` or `second`.
        usd: What it costs.
    """

    vendor: str
    model: str
    path: str
    units: Mapping[str, int]
    usd: Decimal


class Meter:
    """What was billed. Any thread may read it while the simulator serves.

    Args:
        vendor: Whose requests are read; left out, everyone's.
    """

    def __init__(self, vendor: str | None = None) -> None:
        """Start at nothing."""
        self._vendor = vendor
        self._billed: list[BilledRequest] = []
        self._running: dict[str, BilledRequest] = {}

    @property
    def records(self) -> tuple[BilledRequest, ...]:
        """Every billed request, in the order of the bills."""
        return self._mine(self._billed.copy())

    @property
    def total(self) -> Decimal:
        """The sum of the bills, in USD."""
        return sum((record.usd for record in self.records), Decimal())

    @property
    def unfinished(self) -> Decimal:
        """What work in the background will cost unless it is cancelled, in USD."""
        running = self._mine(list(self._running.copy().values()))
        return sum((record.usd for record in running), Decimal())

    def of(self, vendor: str) -> "Meter":
        """The same meter, of one vendor alone."""
        meter = Meter(vendor)
        meter._billed, meter._running = self._billed, self._running
        return meter

    def add(self, record: BilledRequest) -> None:
        """Bill *record*."""
        self._billed.append(record)

    def begin(self, name: str, record: BilledRequest) -> None:
        """Expect *record* for work in the background, until it ends."""
        self._running[name] = record

    def finish(self, name: str) -> None:
        """Bill that work, once."""
        record = self._running.pop(name, None)
        if record is not None:
            self.add(record)

    def drop(self, name: str) -> None:
        """Bill nothing for that work."""
        self._running.pop(name, None)

    def _mine(self, records: Sequence[BilledRequest]) -> tuple[BilledRequest, ...]:
        return tuple(each for each in records if self._vendor in {None, each.vendor})


class Tariff:
    """The prices of one vendor.

    Args:
        vendor: Its name.
        rows: One for each model, or several with the day `from` which they hold, in order; USD for
            a million of each unit.
        day: The day whose prices hold; None is today.
    """

    def __init__(
        self, vendor: str, rows: Sequence[Mapping[str, str]], day: date | None = None
    ) -> None:
        """Keep them."""
        self._vendor = vendor
        self._rows = rows
        self._day = day

    def bill(
        self, model: str, path: str, units: Mapping[str, int], tier: str = "standard"
    ) -> BilledRequest:
        """What the vendor bills for *units* of *model*.

        A model whose price nobody has written down costs what the dearest of its kind does.
        """
        units = {name: count for name, count in units.items() if count}
        rates = self._rates()
        kind = [each for each in rates.values() if units.keys() <= each.keys()]
        candidates = [rates[model]] if model in rates else kind
        usd = max(
            sum((rate[name] * count for name, count in units.items()), Decimal()) / _MILLION
            for rate in candidates
        )
        return BilledRequest(self._vendor, model, path, units, usd * _TIERS.get(tier, 1))

    def _rates(self) -> dict[str, dict[str, Decimal]]:
        """USD for a million, by model and unit."""
        day = (self._day or datetime.now(UTC).date()).isoformat()
        return {
            row["model"]: {k: Decimal(v) for k, v in row.items() if k not in _NOT_RATES}
            for row in self._rows
            if row.get("from", "") <= day
        }

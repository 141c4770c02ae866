"""Compare `prices.json` with two public tables: `python -m mediatoolkit.pricing.refresh`.

    python -m mediatoolkit.pricing.refresh --litellm FILE --genai FILE [--write]

Both files lie inside wheels, which are unpacked and never installed:

    pip download litellm genai-prices --no-deps --dest wheels
    unzip 'wheels/*.whl' -d unpacked
    # litellm/model_prices_and_context_window_backup.json, genai_prices/data.py

Prices that differ by more than 10 % end the comparison with status 1, and nothing is written: a
maintainer looks at the vendor's page and corrects the row, or puts both figures into it as a range.
Else `--write` fills in which tables agree, how many sources that makes, the day, and the day of
shutdown where the row has none. Other days of shutdown are shown and left alone, as a table may be
behind the vendor. No figure is ever taken over by itself.

The table of genai-prices is Python; its values are read from the syntax tree and nothing is run.
"""

import argparse
import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.pricing.amounts import Amount, ByFact, Fixed
from mediatoolkit.pricing.prices import PriceRow, parse
from mediatoolkit.runtime.files import read_file, write_file

TOLERANCE = Decimal("0.1")
"""By how much two prices may differ, as a part of ours."""

Figures: TypeAlias = dict[tuple[str, str], Decimal]
"""US dollars by unit and case; the case is empty where the price has none."""

_OURS = Path(__file__).with_name("prices.json")
_LITELLM, _GENAI = "litellm", "genai-prices"
_MILLION = Decimal(1_000_000)
_LITELLM_VENDORS = {"bfl": "black_forest_labs", "fal": "fal_ai"}
_GENAI_VENDORS = {"gemini": "google", "xai": "x-ai"}
# Prices by second and by picture also end in a case, as output_cost_per_second_720p does.
_LITELLM_UNITS = {
    "input_cost_per_token": "input_token",
    "input_cost_per_image_token": "input_image_token",
    "input_cost_per_character": "character",
    "output_cost_per_token": "output_text_token",
    "output_cost_per_image_token": "output_image_token",
    "output_cost_per_audio_token": "output_audio_token",
    "output_cost_per_video_token": "output_video_token",
    "output_cost_per_video_per_second": "second",
    "output_cost_per_second": "second",
    "output_cost_per_image": "image",
}
_GENAI_UNITS = {
    "input_mtok": "input_token",
    "input_image_mtok": "input_image_token",
    "output_image_mtok": "output_image_token",
    "output_audio_mtok": "output_audio_token",
    "output_video_mtok": "output_video_token",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a table says of one model.

    Attributes:
        figures: Prices.
        shutdown: Day on which the vendor stops serving it, or None.
    """

    figures: Figures
    shutdown: date | None = None


@dataclass(slots=True)
class PriceComparison:
    """What came of comparing all rows.

    Attributes:
        disagreements: One line for each price that differs by more than `TOLERANCE`.
        remarks: One line for each day of shutdown that differs.
        agreeing: Names of the tables that agree, by the number of the row.
        shutdowns: Days of shutdown for rows that have none, by the number of the row.
    """

    disagreements: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    agreeing: dict[int, list[str]] = field(default_factory=dict)
    shutdowns: dict[int, date] = field(default_factory=dict)


class LitellmTable:
    """litellm's `model_prices_and_context_window.json`.

    Args:
        data: The file.

    Raises:
        PromptError: It is no such table.
    """

    name = _LITELLM

    def __init__(self, data: bytes) -> None:
        """Parse the file; its numbers are read as decimals."""
        try:
            table = json.loads(data, parse_float=Decimal)
        except ValueError as error:
            raise PromptError(f"The table of litellm is no JSON: {error}.") from error
        if not isinstance(table, dict):
            raise PromptError("The table of litellm is no object of models.")
        self._models: dict[str, Any] = table

    def find(self, row: PriceRow, day: date) -> Listing | None:
        """What it says of the row's model; it knows today's price alone."""
        vendor, name = row.model.split("/", 1)
        own = f"{_LITELLM_VENDORS.get(vendor, vendor)}/{name}"
        entry = self._models.get(own) or (self._models.get(name) if vendor == "openai" else None)
        if not isinstance(entry, dict) or not row.holds_on(day):
            return None
        figures: Figures = {}
        for key, value in entry.items():
            place = _litellm_place(key)
            if place and isinstance(value, (int, Decimal)):
                figures.setdefault(place, Decimal(value))
        if ("image", "") not in figures and "input_cost_per_image" in entry:
            figures["image", ""] = Decimal(entry["input_cost_per_image"])  # of what comes out
        return Listing(figures, _day_of(entry.get("deprecation_date")))


class GenaiTable:
    """genai-prices' `data.py`.

    Args:
        data: The file.

    Raises:
        PromptError: It is no such table.
    """

    name = _GENAI

    def __init__(self, data: bytes) -> None:
        """Parse the file, which is not run."""
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError) as error:
            raise PromptError(f"The table of genai-prices is no Python: {error}.") from error
        self._models: dict[str, ast.expr] = {}
        for provider in _calls(tree, "Provider"):
            vendor = _text(_keyword(provider, "id"))
            for model in _calls(provider, "ModelInfo"):
                prices = _keyword(model, "prices")
                for name in {_text(_keyword(model, "id")), *_equal_names(model)}:
                    if prices is not None:
                        self._models[f"{vendor}/{name}"] = prices
        if not self._models:
            raise PromptError("The table of genai-prices has no model.")

    def find(self, row: PriceRow, day: date) -> Listing | None:
        """What it says of the row's model on the row's days."""
        vendor, name = row.model.split("/", 1)
        prices = self._models.get(f"{_GENAI_VENDORS.get(vendor, vendor)}/{name}")
        if prices is None:
            return None
        if not row.holds_on(day):
            day = row.starts or day
        figures: Figures = {}
        for key, value in _prices_on(prices, day).items():
            unit = _GENAI_UNITS.get(key)
            if key == "output_mtok":
                unit = _unit_of_output(row)
            if unit:
                figures[unit, ""] = value / _MILLION
        return Listing(figures)


def compare(
    rows: Sequence[PriceRow], tables: Sequence[LitellmTable | GenaiTable], day: date
) -> PriceComparison:
    """Compare every row with every table that has its model.

    Args:
        rows: Ours.
        tables: The others.
        day: Today.
    """
    result = PriceComparison()
    for number, row in enumerate(rows):
        for table in tables:
            listing = table.find(row, day)
            if listing is None:
                continue
            wrong = list(_differences(row, listing.figures))
            result.disagreements += [f"{row.model}: {line}, {table.name}" for line in wrong]
            if not wrong and any(key in ours(row) for key in listing.figures):
                result.agreeing.setdefault(number, []).append(table.name)
            if listing.shutdown and row.shutdown is None:
                result.shutdowns[number] = listing.shutdown
            elif listing.shutdown and listing.shutdown != row.shutdown:
                result.remarks.append(
                    f"{row.model}: ends on {row.shutdown}, by {table.name} on {listing.shutdown}"
                )
    return result


def ours(row: PriceRow) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """The prices of a row, by unit and case; the least and the most of each."""
    figures: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for unit, amount in row.per.items():
        for case, price in _cases(amount):
            if isinstance(price, Fixed):
                figures[unit, case] = (price.low, price.high)
    return figures


def filled(document: dict[str, Any], result: PriceComparison, day: date) -> dict[str, Any]:
    """The document of `prices.json` with what the comparison found out."""
    entries = []
    for number, entry in enumerate(document["rows"]):
        names = result.agreeing.get(number, [])
        others = [name for name in entry["sources"] if name not in {_LITELLM, _GENAI}]
        without_tables = entry["agree"] - (len(entry["sources"]) - len(others))
        agree = max(without_tables + len(names), 1)
        new = {**entry, "sources": others + names or entry["sources"], "agree": agree}
        if names:
            new["checked"] = str(day)
        if number in result.shutdowns:
            new["shutdown"] = str(result.shutdowns[number])
        entries.append(new)
    return {**document, "made": str(day), "rows": entries}


def render(document: Mapping[str, Any]) -> str:
    """The document as text: a line for each source and each row, so that a change is a line."""
    sources = [
        f"  {_line(name)}: {_line(address)}" for name, address in document["sources"].items()
    ]
    rows = [_line(row) for row in document["rows"]]
    head = f'{{"made": {_line(document["made"])}, "sources": {{'
    return "\n".join([head, ",\n".join(sources), '}, "rows": [', ",\n".join(rows), "]}", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its status."""
    parser = argparse.ArgumentParser(
        prog="python -m mediatoolkit.pricing.refresh",
        description="Compare the prices of this package with two public tables.",
    )
    parser.add_argument("--litellm", type=Path, required=True, help="litellm's JSON of models")
    parser.add_argument("--genai", type=Path, required=True, help="data.py of genai-prices")
    parser.add_argument("--prices", type=Path, default=_OURS, help="ours, %(default)s")
    parser.add_argument("--write", action="store_true", help="fill in what the tables agree on")
    options = parser.parse_args(arguments)
    try:
        return _refresh(options.prices, options.litellm, options.genai, write=options.write)
    except MediaToolkitError as error:
        return _fail(str(error))


def _refresh(place: Path, litellm: Path, genai: Path, *, write: bool) -> int:
    day = datetime.now(UTC).date()
    data = read_file(place)
    rows = parse(data, place.name)
    tables = (LitellmTable(read_file(litellm)), GenaiTable(read_file(genai)))
    result = compare(rows, tables, day)
    for remark in result.remarks:
        _say(remark)
    if result.disagreements:
        return _fail("\n".join(["These prices differ by more than 10 %:", *result.disagreements]))
    text = render(filled(json.loads(data), result, day))
    parse(text.encode(), place.name)
    if write:
        write_file(place, [text.encode()])
    _say(f"{len(result.agreeing)} of {len(rows)} rows agree with a table.")
    return 0


def _differences(row: PriceRow, figures: Figures) -> Iterator[str]:
    for (unit, case), (low, high) in ours(row).items():
        theirs = figures.get((unit, case))
        if theirs is None:
            continue
        if not low * (1 - TOLERANCE) <= theirs <= high * (1 + TOLERANCE):
            mine = f"${low}" if low == high else f"${low} to ${high}"
            yield f"{' '.join(filter(None, (unit, case)))} is {mine} in ours, ${theirs} in theirs"


def _cases(amount: Amount) -> Iterator[tuple[str, Amount]]:
    if not isinstance(amount, ByFact):
        yield "", amount
        return
    yield from amount.cases.items()
    if amount.otherwise:
        yield "", amount.otherwise


def _litellm_place(key: str) -> tuple[str, str] | None:
    """Unit and case that a key of litellm's stands for."""
    if key in _LITELLM_UNITS:
        return _LITELLM_UNITS[key], ""
    for stem in ("output_cost_per_second", "output_cost_per_image"):
        if key.startswith(f"{stem}_"):
            return _LITELLM_UNITS[stem], key.removeprefix(f"{stem}_").casefold()
    return None


def _unit_of_output(row: PriceRow) -> str:
    """What genai-prices' price of all output is for: text, else the only thing that comes out."""
    outputs = [unit for unit in row.per if unit.startswith("output_")]
    return outputs[0] if len(outputs) == 1 else "output_text_token"


def _prices_on(prices: ast.expr, day: date) -> dict[str, Decimal]:
    """The figures of a `ModelPrice`, or of the last dated one that has begun."""
    chosen, since = prices, date.min
    for conditional in _calls(prices, "ConditionalPrice"):
        starts = next((_start(call) for call in _calls(conditional, "StartDateConstraint")), None)
        begins = starts or date.min
        model_price = _keyword(conditional, "prices")
        if model_price is not None and since <= begins <= day:
            chosen, since = model_price, begins
    price = next(_calls(chosen, "ModelPrice"), None)
    figures = {}
    for keyword in price.keywords if price else ():
        value = keyword.value
        if isinstance(value, ast.Call) and _name(value) == "Decimal" and keyword.arg:
            figures[keyword.arg] = Decimal(_text(value.args[0]))
    return figures


def _start(call: ast.Call) -> date | None:
    value = _keyword(call, "start_date")
    if not isinstance(value, ast.Call):
        return None
    numbers = [arg.value for arg in value.args if isinstance(arg, ast.Constant)]
    return date(*(number for number in numbers if isinstance(number, int)))


def _equal_names(model: ast.Call) -> Iterator[str]:
    match = _keyword(model, "match")
    if match is not None:
        for clause in _calls(match, "ClauseEquals"):
            yield _text(_keyword(clause, "equals"))


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) == name:
            yield node


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _text(value: ast.expr | None) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else ""


def _day_of(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The table of a run as a file: media by its path, errors in words."""

import csv
import io
import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import MissingExtraError, StorageError
from mediatoolkit.media import Media
from mediatoolkit.runs.results import Results
from mediatoolkit.runs.rows import is_nan, plain_number
from mediatoolkit.runs.work import Outcome, RowStatus
from mediatoolkit.runtime import files

SUFFIXES = (".csv", ".jsonl", ".parquet")

_PLAIN = (str, int, float, bool, type(None))


def table_bytes(results: Results, suffix: str) -> bytes:
    """The table as a file; blocks, about 10 µs a row.

    Args:
        results: Of the run.
        suffix: `.csv`, `.jsonl` or `.parquet`.

    Raises:
        StorageError: *suffix* is none of these.
        MissingExtraError: Parquet needs pandas and pyarrow, and one of them is not installed.
    """
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise StorageError(f"A table is saved as {known}, not as {suffix!r}.")
    if suffix == ".parquet":
        return _parquet(results)
    records = (_record(results, number) for number in range(len(results.rows)))
    file = io.StringIO(newline="")
    if suffix == ".jsonl":
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return file.getvalue().encode("utf-8", "replace")
    outcome = ("file", "status", "usd", results.seconds_column, "tries", "error")
    names = [*map(str, results.rows.columns), *outcome]
    writer = csv.DictWriter(file, list(dict.fromkeys(names)))
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode("utf-8", "replace")


def _record(results: Results, number: int) -> dict[str, Any]:
    outcome = results.outcomes[number] or Outcome(number, RowStatus.WAITING)
    path = results.maker.store.path_of(outcome.file) if outcome.file else None
    row = results.rows.row(number)
    usd = outcome.usd if outcome.status is RowStatus.DONE else outcome.unclear
    return {
        **{str(name): _cell(value) for name, value in row.items()},
        "file": str(path or outcome.file),
        "status": outcome.status.value,
        "usd": None if usd is None else float(usd),
        results.seconds_column: round(outcome.seconds, 3),
        "tries": outcome.attempts,
        "error": f"{type(outcome.error).__name__}: {outcome.error}" if outcome.error else "",
    }


def _cell(value: Any) -> Any:
    """*value* as plain JSON has it."""
    value = None if is_nan(value) else plain_number(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Media):
        return str(value.path or value)
    if isinstance(value, (list, tuple)):
        return [_cell(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _cell(each) for name, each in value.items()}
    return visible(str(value), 1_000)


def _parquet(results: Results) -> bytes:
    for package in ("pandas", "pyarrow"):
        if find_spec(package) is None:
            raise MissingExtraError(
                f"Parquet needs {package}: pip install pandas pyarrow; or save as .csv."
            )
    records = [_record(results, number) for number in range(len(results.rows))]
    for record in records:
        for name, value in record.items():
            if isinstance(value, (list, dict)):
                record[name] = json.dumps(value, ensure_ascii=False)
    file = io.BytesIO()
    frame = import_module("pandas").DataFrame(records)
    try:
        frame.to_parquet(file, index=False)
    except (TypeError, ValueError) as error:  # columns of several types
        raise StorageError(f"This table does not fit into Parquet: {error}") from error
    return file.getvalue()


def write_table(results: Results, path: Path) -> None:
    """Write the table to *path*, whole or not at all; blocks."""
    files.write_file(path, [table_bytes(results, path.suffix.lower())])

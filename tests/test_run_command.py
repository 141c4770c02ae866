"""`python -m mediatoolkit run`: a whole table from a shell."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mediatoolkit.agents import ImageGenAgent
from mediatoolkit.errors import PromptError
from mediatoolkit.run_command import read_rows

ROOT = Path(__file__).parents[1]
RUN = (sys.executable, "-m", "mediatoolkit", "run")
TABLE = 'prompt,seed,size,animal\n"a fox, red",1,64,fox\nan owl,,64,owl\n\na bear,3,64,bear\n'


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the command."""
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "store"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.csv"
    path.write_text(TABLE)
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*RUN, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_it_makes_all_rows_and_says_where_they_are(table: Path, store: Path) -> None:
    code, said, error = run(table, "--run", "posters")
    assert (code, error) == (0, "")
    line, *paths = said.splitlines()
    assert re.fullmatch(r"posters: 3 of 3 done, \d+ s", line)
    folder = store / "runs" / "posters"
    assert paths == [str(folder / "table.csv"), str(folder / "ledger.sqlite3")]
    assert len(list(store.glob("*.png"))) == 3

    before = sorted(store.glob("*.png"))
    code, said, _ = run(table, "--run", "posters")
    assert (code, said.splitlines()[0][:22]) == (0, "posters: 3 of 3 done, ")
    assert sorted(store.glob("*.png")) == before


def test_some_that_fail_are_told_and_made_by_a_retry(table: Path) -> None:
    code, said, error = run(table, "--run", "posters", "--timeout", "0.001")
    assert code == 1
    assert said.startswith("posters: 0 of 3 done, 3 failed, ")
    assert error.count("DeadlineError: ") >= 1

    code, said, _ = run(table, "--run", "posters")
    assert (code, said[:35]) == (1, "posters: 0 of 3 done, 3 failed, 1 s")
    code, said, error = run(table, "--run", "posters", "--retry")
    assert (code, error) == (0, "")
    assert said.startswith("posters: 3 of 3 done, ")


@pytest.mark.parametrize(
    ("name", "text", "arguments", "words"),
    [
        ("a.csv", "promt\na fox\n", [], 'PromptError: The rows have no column "prompt"'),
        ("a.csv", "", [], "PromptError: The table is empty"),
        ("a.csv", "prompt\n", [], "PromptError: There are no rows"),
        ("a.csv", "prompt,seed\na fox,x\n", [], "PromptError: Line 2: seed: 'x' is no number."),
        ("a.csv", "prompt\na fox, red\n", [], "PromptError: Line 2 has 2 cells, and the head 1"),
        ("a.csv", 'prompt\n"a fox\n', [], "PromptError: Line 2 is no CSV"),
        ("a.csv", "prompt,prompt\na,b\n", [], "PromptError: Two columns are called 'prompt'"),
        ("a.csv", "prompt,size\na fox,5K\n", [], "1 of 1 rows cannot be made"),
        ("a.csv", "prompt\na fox\n", ["--rate", "many"], "PromptError: "),
        ("a.csv", "prompt\na fox\n", ["--cap", "much"], "BudgetError: cap takes US dollars"),
        ("a.csv", "prompt\na fox\n", ["--on", "moon"], "PromptError: --on takes a number"),
        ("a.csv", "prompt\na fox\n", ["--on", "batch"], "PromptError: "),
        ("a.csv", "prompt\na fox\n", ["--run", "a/b"], "PromptError: run takes a name"),
        ("a.csv", "prompt\na fox\n", ["--model", "no/such"], "UnknownModelError: "),
        ("a.csv", "prompt\na fox\n", ["--model", "gemini"], "AuthenticationError: "),
        ("a.csv", "prompt\na fox\n", ["--cache=maybe"], "PromptError: --cache takes no"),
        ("a.jsonl", "{]\n", [], "PromptError: Line 1 is no JSON"),
        ("a.jsonl", "[1]\n", [], "PromptError: Line 1 is no JSON object"),
        ("a.xlsx", "PK", [], "PromptError: A table ends in .csv, .tsv, .jsonl, .ndjson"),
        ("missing.csv", None, [], "StorageError: Could not read"),
    ],
)
def test_what_is_refused_sends_nothing(
    tmp_path: Path, name: str, text: str | None, arguments: list[str], words: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    code, said, error = run(tmp_path / name, *arguments)
    assert (code, said) == (2, "")
    assert words in error
    assert not list(tmp_path.glob("store/*.png"))


def test_other_rows_under_a_name_are_refused_unless_it_says_what_to_do(table: Path) -> None:
    assert run(table, "--run", "posters")[0] == 0
    table.write_text(TABLE + "a cat,4,64,cat\n")
    code, said, error = run(table, "--run", "posters")
    assert (code, said) == (2, "")
    assert "1 new (a cat, seed=4, size=64)" in error
    code, said, _ = run(table, "--run", "posters", "--changed", "add")
    assert (code, said[:21]) == (0, "posters: 4 of 4 done,")


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "\ufeffprompt,seed,speed,references,note\nx,7,0.5,a.png;b.png,\ny,,,, 1\n"),
        (
            ".tsv",
            "prompt\tseed\tspeed\treferences\tnote\r\nx\t7\t0.5\ta.png;b.png\t\r\ny\t\t\t\t 1\r\n",
        ),
    ],
)
def test_cells_are_typed_by_their_keyword(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(text.encode())
    first, second = read_rows(str(path), ImageGenAgent("local"))
    references = ["a.png", "b.png"]
    assert first == {"prompt": "x", "seed": 7, "speed": 0.5, "references": references, "note": None}
    assert second == dict.fromkeys(first) | {"prompt": "y", "note": " 1"}
    assert type(first["seed"]) is int


def test_json_lines_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = [{"prompt": "a fox", "size": [64, 96], "tags": ["x"]}, {"prompt": "an owl"}]
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)))
    assert read_rows(str(path), ImageGenAgent("local")) == rows


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_only_line_feeds_end_a_line(tmp_path: Path, suffix: str) -> None:
    prompt = "a fox\u2028an owl\x85a deer"
    path = tmp_path / f"a{suffix}"
    record = json.dumps({"prompt": prompt}, ensure_ascii=False)
    path.write_text(record if suffix == ".jsonl" else f"prompt\n{prompt}\n", encoding="utf-8")
    assert read_rows(str(path), ImageGenAgent("local")) == [{"prompt": prompt}]


def test_a_table_that_is_no_utf8_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("prompt\nein Bär\n".encode("latin-1"))
    with pytest.raises(PromptError, match=r"a\.csv is no UTF-8 at byte 12"):
        read_rows(str(path), ImageGenAgent("local"))


def test_a_terminal_has_a_progress_line_and_stops_at_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("prompt,size\n" + "".join(f"a fox {n},256\n" for n in range(500)))
    screen, tty = pty.openpty()
    command = [*RUN, str(path), "--run", "posters", "--concurrency", "2"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, stderr=tty, text=True
    ) as process:
        os.close(tty)
        seen = ""
        while not re.search(r"[1-9]\d* of 500 done, [\d,]+/min", seen):
            seen += os.read(screen, 4096).decode()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    os.close(screen)
    assert process.returncode == 130
    assert "\r\x1b[K" in seen
    assert re.match(r"posters: cancelled; [1-9]\d* of 500 done, \d+ not sent, ", said)

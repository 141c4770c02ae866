"""The command line: it makes a file, says what and where it is, and replaces none."""

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

import mediatoolkit as mt

ROOT = Path(__file__).parents[1]
MAKE = (sys.executable, "-m", "mediatoolkit")
FOX = ("image", "a red fox", "--size", "64x64", "--seed", "7")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the command; beside it is the folder that it runs in."""
    folder = tmp_path / "store"
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", ""))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def made(folder: Path, *arguments: str) -> tuple[str, Path, str]:
    """The two lines that the command prints, and what it says on stderr."""
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, *arguments], capture_output=True, text=True, timeout=60, check=True, cwd=folder
    )
    line, path = done.stdout.splitlines()
    return line, Path(path), done.stderr


def test_it_makes_a_picture_named_by_its_prompt(tmp_path: Path, store: Path) -> None:
    line, path, said = made(tmp_path, *FOX)

    assert path == tmp_path / "a-red-fox.png"
    assert line == repr(mt.Image.open(path)) == "<Image 64×64 image/png, local/painter>"
    assert said == ""
    kept = [mt.Image.open(each) for each in store.glob("*.png")]
    assert [each.provenance for each in kept] == [mt.Image.open(path).provenance]


def test_no_file_is_replaced_unasked(tmp_path: Path) -> None:
    for out in ([], ["--out", "mine.png"]):
        first, second, third = (made(tmp_path, *FOX, *out)[1] for _ in range(3))
        assert (second.name, third.name) == (f"{first.stem}-2.png", f"{first.stem}-3.png")

    mine = tmp_path / "mine.png"
    before = mine.stat().st_mtime_ns
    assert made(tmp_path, *FOX, "--out", "mine.png", "--force")[1] == mine
    assert mine.stat().st_mtime_ns > before


def test_it_says_the_type_of_the_file_that_it_wrote(tmp_path: Path) -> None:
    line, path, _ = made(tmp_path, *FOX, "--out", "fox.jpg")
    assert (line, path.suffix) == ("<Image 64×64 image/jpeg, local/painter>", ".jpg")

    line, path, _ = made(tmp_path, "speech", "Hello.", "--out", "hello.mp3")
    assert "audio/mpeg" in line
    assert path.read_bytes()[:3] in {b"ID3", b"\xff\xf3\xe4"}


def test_it_says_what_is_not_drawn(tmp_path: Path) -> None:
    line, *_ = made(tmp_path, "image", "a fox, a zzyzx", "--size", "64")
    assert line.endswith(", not drawn: zzyzx>")
    line, *_ = made(tmp_path, "video", "a fox, a zzyzx", "--seconds", "1", "--resolution", "360p")
    assert line.endswith(", not drawn: zzyzx>")


def test_a_folder_takes_the_file(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert made(tmp_path, *FOX, "--out", "pictures")[1] == tmp_path / "pictures/a-red-fox.png"


def test_what_cannot_be_written_is_in_the_store(tmp_path: Path, store: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, "video", "a fox", "--seconds", "1", "--resolution", "360p", "--out", "fox.webm"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert Path(done.stdout.splitlines()[1]).parent == store
    assert done.stderr.startswith("MediaError: This film is saved as .mp4")
    assert not list(tmp_path.glob("fox*"))


def test_a_terminal_with_pixels_shows_the_picture(tmp_path: Path) -> None:
    """Of a terminal like Kitty; without the extra, two lines are all there is."""
    reads, writes = pty.openpty()
    fcntl.ioctl(writes, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 1000, 800))
    with subprocess.Popen(  # noqa: S603 - our own command
        [*MAKE, *FOX], stdin=writes, stdout=writes, stderr=subprocess.PIPE, cwd=tmp_path
    ) as command:
        os.close(writes)
        shown = b""
        with contextlib.suppress(OSError):  # the command has closed its side
            while piece := os.read(reads, 65_536):
                shown += piece
                if b"\x1b_G" in piece and b"a=q" in piece:
                    os.write(reads, b"\x1b_Gi=1;OK\x1b\\")
                elif b"\x1b[c" in piece:
                    os.write(reads, b"\x1b[?62;c")  # no Sixel
    os.close(reads)
    has_pixels = importlib.util.find_spec("textual_image") is not None
    assert command.returncode == 0
    assert b"a-red-fox.png" in shown
    assert (b"\x1b_G" in shown) is has_pixels
    assert (shown.count("\U0010eeee".encode()) > 100) is has_pixels


def test_it_opens_the_file_where_there_is_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, said = made(tmp_path, *FOX, "--open")
    assert said == "There is no viewer here to open it in.\n"

    pipe, viewer = tmp_path / "seen", tmp_path / "xdg-open"
    os.mkfifo(pipe)
    viewer.write_text(f'#!/bin/sh\necho "$1" > {pipe}\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DISPLAY", ":9")
    _, path, said = made(tmp_path, *FOX, "--open")
    assert (pipe.read_text(), said) == (f"{path}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["image", "", "--out", "fox.png"], "PromptError: The prompt is empty"),
        (["image", "fox", "--size", "banana"], "PromptError: size='banana'"),
        (
            ["image", "fox", "--cache=onyl"],
            "PromptError: --cache takes no 'onyl'; did you mean only?",
        ),
        (["image", "fox", "--cache=1"], "PromptError: --cache takes no '1'; it takes off, on, "),
        (["image", "fox", "--take", "0"], "PromptError: take=0 does not exist"),
        (["image", "", "--quote"], "PromptError: The prompt is empty"),
        (["image", "fox", "--cache", "only"], "NotCachedError: Nothing is kept for this request"),
        (["speech", "fox", "--out", "missing/fox.wav"], "StorageError: There is no folder"),
        (["speech", "fox", "--out", "fox.png"], "MediaError: A sound is saved as .wav,"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(words)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["image", "a red fox"], r"\$0\.06\d to \$0\.07\d \(list price of 20\d\d-\d\d-\d\d\)\n"),
        (["image", "a fox", "--model", "gemini/nobody"], r"price unknown \(no price is known .*\n"),
        (["speech", "Hello.", "--model", "local"], r"free \(made on this machine\)\n"),
        (["video", "a fox", "--seconds", "5"], r"\$0\.\d+ to \$0\.\d+ \(list price .*\n"),
    ],
)
def test_a_quote_is_one_line_and_nothing_is_made(
    arguments: list[str], line: str, tmp_path: Path
) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, *arguments, "--quote", "--out", "missing/fox.png"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
        env=asking("http://127.0.0.1:9"),
    )
    assert re.fullmatch(line, done.stdout)
    assert done.stderr == ""
    assert not list(tmp_path.iterdir())


async def test_it_says_what_it_has_cost_and_what_a_kept_result_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mt.Simulator(detail=64) as sim:
        for name, value in asking(sim.url).items():
            monkeypatch.setenv(name, value)
        first, *_ = await asyncio.to_thread(made, tmp_path, "image", "--cache", "a red fox")
        again, path, _ = await asyncio.to_thread(made, tmp_path, "image", "a red fox", "--cache")
        take = ["image", "a red fox", "--cache", "--take", "2"]
        other, *_ = await asyncio.to_thread(made, tmp_path, *take)

        assert len(sim.requests) == 2
    media = mt.Image.open(path)
    cost = str(media.cost)
    assert cost.startswith("$0.0")
    assert first == f"{media!r}, {cost}"
    again = re.sub(r"\d{4}-\d\d-\d\d", "DAY", again)
    assert again == f"{media!r}, kept DAY, $0 now, {cost} then"
    assert other.startswith(f"{media!r}, $0.0")


def test_a_free_result_that_was_kept_has_no_cost(tmp_path: Path) -> None:
    first, *_ = made(tmp_path, *FOX, "--cache")
    again, *_ = made(tmp_path, *FOX, "--cache")

    assert first == "<Image 64×64 image/png, local/painter>"
    assert re.fullmatch(re.escape(first) + r", kept \d{4}-\d\d-\d\d", again)


def test_the_budget_refuses_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, "image", "a red fox"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=asking("http://127.0.0.1:9") | {"MEDIATOOLKIT_BUDGET": "0.01"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("BudgetError: gemini/gemini-3.1-flash-image may cost up to $0.0")
    assert len(done.stderr.splitlines()) == 1


def test_it_ends_in_silence_at_ctrl_c(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        command = subprocess.Popen(  # noqa: S603 - our own command
            [*MAKE, "image", "a red fox"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=asking(f"http://127.0.0.1:{vendor.getsockname()[1]}"),
        )
        with command, vendor.accept()[0]:
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=60)
    assert said == ""
    assert command.returncode == 130


def test_an_error_takes_the_place_of_the_line_that_shows_progress(tmp_path: Path) -> None:
    reads, writes = pty.openpty()
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, "image", "a red fox"],
        stderr=writes,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=asking("http://127.0.0.1:9"),
    )
    os.close(writes)
    shown = os.read(reads, 100_000).decode()
    os.close(reads)
    assert done.returncode == 1
    assert "\r\x1b[KTransportError: " in shown


def asking(address: str) -> dict[str, str]:
    """An environment in which Gemini is at *address*."""
    vendor = {"GEMINI_API_KEY": "test-key", "GOOGLE_GEMINI_BASE_URL": address}
    return os.environ | vendor | {"PYTHONPATH": str(ROOT)}

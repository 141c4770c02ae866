"""A plain IPython terminal on a real pseudo-terminal, and scripts without one."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.chosen import chosen
from tests.kernel.driver import ROOT, WATCH

pytestmark = pytest.mark.kernel

COLUMNS = 60
LONG = "mt.video('a red fox looks up, then it walks into the wood', seconds=60)"


class Terminal:
    """IPython as a person sees it."""

    def __init__(self, home: Path) -> None:
        """Start it and wait for its first prompt."""
        self._inputs = 1
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            env=_environment(home),
            encoding="utf-8",
            dimensions=(24, COLUMNS),
            timeout=60,
        )
        self._prompted()

    def run(self, code: str) -> str:
        """What comes between *code* and the next prompt."""
        self.begin(code)
        return self.end()

    def begin(self, code: str) -> None:
        self._inputs += 1
        self._child.sendline(code)
        self._child.expect_exact(f"{code}\r\n")

    def end(self) -> str:
        self._prompted()
        return str(self._child.before)

    def press_stop(self) -> None:
        self._child.sendintr()

    def read_until(self, pattern: str) -> None:
        self._child.expect(pattern)

    def leave(self) -> str:
        """What is said at the end."""
        self._child.sendline("exit")
        self._child.expect(pexpect.EOF)
        self._child.close()
        return str(self._child.before)

    def _prompted(self) -> None:
        self._child.expect_exact(f"In [{self._inputs}]: ")


def _environment(home: Path) -> dict[str, str]:
    own = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(home / "ipython"), "TERM": "xterm"}
    keyless = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    return keyless | own | chosen("local") | {"MEDIATOOLKIT_STORE": str(home / "store")}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    running = Terminal(tmp_path)
    running.run("import mediatoolkit as mt")
    yield running
    assert not re.search("Traceback|Unclosed|destroyed", running.leave())


def _states(output: str) -> list[str]:
    """What the line was, one after the other; the last is what stays."""
    return output.split("\r\x1b[K")[1:]


def test_a_job_is_one_line_that_is_written_over_and_erased(terminal: Terminal) -> None:
    *states, rest = _states(terminal.run("await mt.image('a red fox', seed=7)"))

    assert len(states) > 2
    assert all(
        re.match(r"(\[#*-*\] )?[\w ]+, \d+\.\d s, stops in \d+ s  [a…]", state) for state in states
    )
    assert all(len(state) < COLUMNS for state in states)
    shown, kept = re.findall(r"\S[^\r\n]*", rest)
    assert shown == "Out[2]: <Image 1024×1024 image/png, local/painter>"
    assert re.fullmatch(r"a red fox: kept in \S+\.png", kept)


def test_the_last_line_says_what_is_lacking_and_where_the_file_is(terminal: Terminal) -> None:
    output = terminal.run(
        "x = await mt.image('a fox, a zzyzx', size=64); y = mt.image('', size=64)"
    )
    assert re.search(r"a fox, a zzyzx: not drawn: zzyzx; kept in \S+\.png\r\n", output)
    assert "kept in" not in terminal.run("x")

    output = terminal.run("[await mt.image('a fox', size=64) for _ in range(9)][0]")
    assert re.search(r"9 files are kept in \S+store\r\n", output)


def test_several_jobs_share_the_line(terminal: Terminal) -> None:
    output = terminal.run("await mt.image('a fox') if await mt.image('an owl') else 0")
    assert "2 jobs" not in output

    output = terminal.run("a, b = mt.image('a fox'), mt.image('an owl'); await b; await a")
    assert any(state.startswith("2 jobs, ") for state in _states(output))


def test_no_widget_is_loaded(terminal: Terminal) -> None:
    terminal.run("await mt.image('a red fox', size=64)")

    output = terminal.run("import sys; {'anywidget', 'ipywidgets'} & {*sys.modules}")
    assert output.startswith("Out[3]: set()")


def test_stop_ends_the_job_with_one_calm_line(terminal: Terminal) -> None:
    terminal.begin(f"await {LONG}")
    terminal.read_until("drawing")

    pressed = time.monotonic()
    terminal.press_stop()
    output = terminal.end()
    print(f"the prompt was back after {time.monotonic() - pressed:.2f} s")

    assert _states(output)[-1] == "JobCancelled: The job was cancelled.\r\n\r\n"
    assert terminal.run("mt.jobs").startswith("Out[3]: no jobs")


def test_stop_ends_a_computation_beside_a_job(terminal: Terminal) -> None:
    terminal.run("import asyncio, time")
    terminal.begin(f"x = {LONG}; await asyncio.sleep(0.1); print('be' + 'gun'); time.sleep(60)")
    terminal.read_until("begun")

    terminal.press_stop()
    assert "KeyboardInterrupt" in terminal.end()

    assert "JobCancelled" in terminal.run("await x")


def test_a_job_that_nobody_waits_for_leaves_the_prompt_alone(terminal: Terminal) -> None:
    output = terminal.run("job = mt.image('a red fox', seed=7)")
    assert _states(output)[-1:] in ([], ["\r\n"])

    output = terminal.run("job.result()")
    assert "Out[3]: <Image 1024×1024 image/png, local/painter>\r\n" in output
    assert "a red fox: kept in" in output


def test_stop_ends_a_blocking_wait(terminal: Terminal) -> None:
    terminal.run(f"exec({WATCH!r})")
    terminal.begin(f"job = {LONG}; watch(); job.result()")
    terminal.read_until("waits")
    terminal.read_until("drawing")

    terminal.press_stop()

    assert "KeyboardInterrupt" in terminal.end()
    assert "no jobs" in terminal.run("mt.jobs")


def test_stop_is_the_usual_one_without_jobs(terminal: Terminal) -> None:
    terminal.run("await mt.image('a red fox', size=64)")

    output = terminal.run(
        "import signal; signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    assert output.startswith("Out[3]: True")


def test_a_cell_of_words_waits_for_its_picture(terminal: Terminal) -> None:
    terminal.run("%load_ext mediatoolkit")

    output = terminal.run("get_ipython().run_cell_magic('image', '--size 64 --out fox', 'a fox')")
    assert _states(output)[-1].startswith("Out[3]: <Image 64×64 image/png")

    assert "<Image 64×64" in terminal.run("await fox")
    assert terminal.run("%media close").startswith("closed")


def test_a_quote_and_the_cache_are_one_line_each(terminal: Terminal) -> None:
    terminal.run("%load_ext mediatoolkit")

    quoted = "get_ipython().run_cell_magic('image', '--quote --out price', 'a fox')"
    assert terminal.run(quoted) == "free (made on this machine)\r\n\r\n"
    assert terminal.run("price.high == 0").startswith("Out[4]: True")
    assert terminal.run("%media cache on") == "Out[5]: on, nothing is kept\r\n\r\n"
    terminal.run("await mt.image('a fox', size=64)")
    assert "Out[7]: on, 1 result, " in terminal.run("%media cache")
    assert terminal.run("%media budget 2").endswith("left $2.00\r\n\r\n")


def _run(arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments],
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_nothing_is_told_where_stderr_is_no_terminal(tmp_path: Path) -> None:
    code = "import mediatoolkit as mt; await mt.image('a red fox')"

    done = _run(["-m", "IPython", "--colors=NoColor", "-c", code], tmp_path)

    assert done.stderr == ""


def test_a_script_is_silent_and_loads_no_jupyter(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("""
import asyncio, sys
import mediatoolkit as mt

async def main():
    await asyncio.gather(mt.image("a red fox", size=64), mt.image("an owl", size=64))
    await mt.close()

asyncio.run(main())
assert not {"IPython", "ipywidgets", "anywidget", "traitlets"} & set(sys.modules)
""")

    done = _run(["-W", "error", str(script)], tmp_path)

    assert (done.stdout, done.stderr) == ("", "")

"""Front ends that show no widgets: text while a job runs, then the picture."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import Begin
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

NO_WIDGETS = 'raise ImportError("not here")\n'
WAYS = {
    "colab": ("google/colab/__init__.py", "", "import google.colab"),
    "without anywidget": ("anywidget.py", NO_WIDGETS, ""),
    "without ipywidgets": ("ipywidgets.py", NO_WIDGETS, ""),
    "by choice": ("none.py", "", "%env MEDIATOOLKIT_WIDGETS=plain"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS)
async def front(request: pytest.FixtureRequest, begin: Begin) -> AsyncIterator[Kernel]:
    """A kernel whose front end cannot show widgets, for one reason or another."""
    file, text, cell = WAYS[request.param]
    async with begin() as kernel:
        _write(kernel.home / "first" / file, text)
        path = str(kernel.home / "first")
        await kernel.do(f"import sys; sys.path.insert(0, {path!r})\n{cell}")
        await kernel.do("import mediatoolkit as mt")
        yield kernel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def waiting(front: Kernel, vendor: Simulator) -> Run:
    """A cell that has waited for a vendor until it had said so three times."""
    gate = faults.Gate(0)
    vendor.always(gate)
    run = await front.start('await mt.image("a <b>red</b> fox")')
    await until(lambda: len(run.shown) > 2, "three texts")
    gate.open()
    return await front.finish(run)


async def test_text_is_written_anew_and_then_replaced_by_the_picture(waiting: Run) -> None:
    *texts, picture = waiting.shown

    lines = [text["data"]["text/plain"] for text in texts]
    assert 2 < len(lines) <= 2 * waiting.seconds + 2
    assert len(set(lines)) == len(lines)
    first, *others = lines
    assert first == "starting", "before anything heavy is imported"
    assert all(line.startswith("a <b>red</b> fox: ") for line in others)
    price = r"\$0\.\d{3} to \$0\.\d{3}"
    assert all(re.search(rf", stops in \d+ s, {price}$", line) for line in others)
    assert {*texts[-1]["data"]} == {"text/html", "text/plain"}
    assert "<b>" not in texts[-1]["data"]["text/html"]
    assert "image/jpeg" in picture["data"]
    assert len({shown["transient"]["display_id"] for shown in waiting.shown}) == 1


async def test_there_is_no_word_to_any_widget(front: Kernel, waiting: Run) -> None:
    assert waiting.status == "ok"
    assert not [m for m in front.messages if m["msg_type"].startswith("comm")]
    assert not waiting.widgets
    assert not front.left_behind()


async def test_several_jobs_are_counted(front: Kernel, sim: Simulator) -> None:
    gate = faults.Gate(0)
    sim.always(gate)
    run = await front.start(
        "import asyncio\n"
        "jobs = [mt.image(word) for word in ('an owl', 'a whale', 'a fox')]\n"
        "pictures = await asyncio.gather(*jobs)"
    )
    await until(lambda: run.shown and "of 3 jobs" in str(run.shown[-1]), "the number")
    gate.open()
    await front.finish(run)
    await until(lambda: run.pictures, "the pictures")

    lines = run.shown[-2]["data"]["text/plain"].splitlines()
    assert "of 3 jobs are done" in lines[0]


async def test_a_refusal_takes_the_place_of_the_text(front: Kernel, sim: Simulator) -> None:
    sim.always(faults.PromptBlocked())
    run = await front.run('mt.image("a red fox")')
    await until(lambda: "RefusalError" in str(run.shown[-1]), "the message")

    assert not [m for m in front.messages if m["msg_type"].startswith("comm")]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)

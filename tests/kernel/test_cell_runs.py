"""Identical requests are counted anew in each run of a cell, and on in what that run began."""

import pytest
import pytest_asyncio

from tests.kernel.conftest import Begin
from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

COUNT = 'print([take_of("a fox") for _ in range(3)])'


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def take_of(notebook: Kernel) -> None:
    await notebook.do(
        "import asyncio, threading\nfrom mediatoolkit.runtime.takes import take_of\nmt.image"
    )


async def test_each_run_counts_from_one(notebook: Kernel) -> None:
    assert await notebook.do(COUNT) == "[1, 2, 3]\n"
    assert await notebook.do(COUNT) == "[1, 2, 3]\n"
    assert await notebook.do(f"await asyncio.sleep(0)\n{COUNT}") == "[1, 2, 3]\n"


async def test_the_cell_that_imports_is_a_run_as_well(begin: Begin) -> None:
    async with begin() as kernel:
        text = await kernel.do(
            "import asyncio, mediatoolkit as mt\n"
            "mt.image\n"
            "from mediatoolkit.runtime.takes import take_of\n"
            "go = asyncio.Event()\n"
            "async def later():\n"
            "    await go.wait()\n"
            "    return take_of('a fox')\n"
            "task = asyncio.create_task(later())\n"
            f"{COUNT}"
        )
        assert text == "[1, 2, 3]\n"
        assert await kernel.do(f"{COUNT}\ngo.set()\nprint(await task)") == "[1, 2, 3]\n4\n"


async def test_tasks_and_threads_belong_to_the_run_that_began_them(notebook: Kernel) -> None:
    await notebook.do(
        "go = asyncio.Event()\n"
        "counts = [take_of('a fox')]\n"
        "async def later():\n"
        "    await go.wait()\n"
        "    counts.append(take_of('a fox'))\n"
        "    counts.append(await asyncio.to_thread(take_of, 'a fox'))\n"
        "task = asyncio.create_task(later())"
    )
    text = await notebook.do(
        "print(take_of('a fox'))\ngo.set()\nawait task\nprint(counts, take_of('a fox'))"
    )
    assert text == "1\n[1, 2, 3] 2\n"


async def test_a_thread_of_its_own_belongs_to_the_cell_that_runs(notebook: Kernel) -> None:
    text = await notebook.do(
        "counts = []\n"
        "def count(): counts.append(take_of('a fox'))\n"
        "for _ in range(2):\n"
        "    thread = threading.Thread(target=count)\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "count()\n"
        "print(counts)"
    )
    assert text == "[1, 2, 3]\n"


async def test_each_click_is_a_run_of_its_own(notebook: Kernel) -> None:
    """What a slider asks for when it is moved back was there before."""
    run = await notebook.run(
        "import ipywidgets\n"
        "counts = []\n"
        "button = ipywidgets.Button()\n"
        "button.on_click(lambda _: counts.append([take_of('a fox'), take_of('a fox')]))\n"
        "take_of('a fox')\n"
        "display(button)"
    )
    for clicks in (1, 2):
        await notebook.click(run.widgets[0], {"event": "click"})
        await until(lambda: len(notebook.replies) and run.reply, "the reply")
        text = ""
        while text != f"{clicks}\n":
            text = await notebook.do("print(len(counts))")

    assert await notebook.do("print(counts)") == "[[1, 2], [1, 2]]\n"

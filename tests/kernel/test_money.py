"""What a kernel says of money: prices on the board, kept results, Another, and the budget."""

import re
from functools import partial
from typing import Any

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import KEY, Begin
from tests.kernel.driver import Kernel, Run, kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

LOOP = """
jobs = [mt.image("a red fox", cache=True) for _ in range(4)]
foxes = [await job for job in jobs]
print(*[fox.digest()[:16] for fox in foxes])
"""
FOX = 'fox = await mt.image("a red fox")'
PRICE = r"\$0\.[0-9]{3}"
DAY = r"\d{4}-\d\d-\d\d"
BUDGET = "from mediatoolkit.pricing.budget import budget"


def last(run: Run) -> dict[str, str]:
    """What stands below the cell now."""
    data: dict[str, str] = run.shown[-1]["data"]
    return data


def text(run: Run) -> str:
    """The words of it, as a page shows them."""
    return re.sub("<[^>]*>", "", last(run)["text/html"])


def tokens(run: Run, label: str) -> list[str]:
    """Of the buttons *label* that stand below the cell now."""
    return re.findall(rf'data-mt-act="(\w+)"[^>]*>{label}<', last(run)["text/html"])


def pictures(run: Run) -> int:
    """How many stand below the cell."""
    return last(run)["text/html"].count("<img")


async def test_run_all_pays_once(begin: Begin, sim: Simulator, version: str) -> None:
    """Three times in one kernel, and once in a new one: the same four pictures of four takes."""
    async with begin() as first:
        await first.do("import mediatoolkit as mt")
        before = len(sim.requests)
        digests = [await first.do(LOOP) for _ in range(3)]
        last_run = await first.run(LOOP)
        store = first.home / "store"

    (first.home / "again").mkdir()
    env = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": sim.url}
    async with kernel(
        first.home / "again", version, **env, MEDIATOOLKIT_STORE=str(store)
    ) as second:
        digests.append(await second.do(f"import mediatoolkit as mt\n{LOOP}"))

    assert len(sim.requests) - before == 4
    assert len(set(digests)) == 1
    assert len(set(digests[0].split())) == 4
    assert re.search(rf"kept {DAY}, \$0 now, {PRICE} then", text(last_run))
    assert re.search(rf"in all \$0 now, {PRICE} then", text(last_run))


async def test_the_price_is_there_before_and_after(notebook: Kernel, sim: Simulator) -> None:
    gate = faults.Gate(0)
    sim.always(gate)
    run = await notebook.start(FOX)
    await until(lambda: run.widgets, "the board")
    rows = _opened(notebook, run.widgets[0])["rows"]
    gate.open()
    await notebook.finish(run)

    assert re.match(PRICE, rows["1"]["price"])
    assert re.search(f"768{PRICE}", text(run))
    assert "$" not in last(run)["text/plain"]


async def test_what_is_made_here_has_no_price(notebook: Kernel) -> None:
    run = await notebook.run('fox = await mt.image("a red fox", model="local", size="64x64")')

    assert _opened(notebook, run.widgets[0])["rows"]["1"]["price"] == ""
    assert "$" not in str(last(run))
    assert "free" not in str(last(run))


async def test_another_is_one_request_and_stands_beside_the_first(
    notebook: Kernel, sim: Simulator
) -> None:
    run = await notebook.run('fox = await mt.image("a red fox", cache=True)')
    requests, (token,) = len(sim.requests), tokens(run, "Another")
    gate = faults.Gate(0)
    sim.always(gate)
    await notebook.show_page()

    await notebook.press(token)
    await until(lambda: "data-mt-mount" in last(run)["text/html"], "the board")
    await notebook.press(token)
    meanwhile = last(run)["text/html"]
    await until(lambda: len(sim.requests) > requests, "the request")
    await notebook.do("'the clicks are heard'")
    gate.open()
    await until(lambda: pictures(run) == 2, "both pictures")

    assert re.findall(f'"{token}"[^>]*>Another<', meanwhile), "it stays, and is pressed twice"
    assert meanwhile.count("<img") == 1, "the first stays while the next is made"
    assert len(sim.requests) == requests + 1
    assert len(tokens(run, "Another")) == 2
    assert re.search(f"in all {PRICE}", text(run))


async def test_each_click_on_another_that_has_ended_is_one_more(
    notebook: Kernel, sim: Simulator
) -> None:
    run = await notebook.run('owl = await mt.image("an owl", cache=True)')
    requests = len(sim.requests)
    for _ in range(2):
        ends = partial(_has_more, run, pictures(run))
        await notebook.press(tokens(run, "Another")[0])
        await until(ends, "one more picture")

    assert len(sim.requests) == requests + 2
    code = 'print((await mt.image("an owl", cache="only", take=3)).cached)'
    assert await notebook.do(code) == "True\n"


async def test_another_that_fails_can_be_retried_and_the_first_stays(
    notebook: Kernel, sim: Simulator
) -> None:
    run = await notebook.run(FOX)
    sim.then(faults.PromptBlocked())
    await notebook.press(tokens(run, "Another")[0])
    await until(lambda: "RefusalError" in last(run)["text/html"], "the failure")
    assert pictures(run) == 1

    await notebook.press_retry(run)
    await until(lambda: pictures(run) == 2, "both pictures")


async def test_another_is_shown_in_the_panel_of_jobs_too(notebook: Kernel) -> None:
    run = await notebook.run(FOX)
    panel = await notebook.run("mt.jobs")
    await notebook.press(tokens(run, "Another")[0])

    await until(lambda: "a red fox: done after" in last(panel)["text/plain"], "the line")
    assert re.search(f", {PRICE}$", last(panel)["text/plain"])


async def test_a_button_holds_no_picture(notebook: Kernel) -> None:
    await notebook.do(f"{FOX}\nimport gc, weakref\nalive = weakref.ref(fox)")

    assert await notebook.do("del fox\ngc.collect()\nprint(alive())") == "None\n"


async def test_the_budget_is_written_anew_at_the_end_of_a_cell(
    begin: Begin, sim: Simulator
) -> None:
    """A program that executes notebooks hears nothing that comes later."""
    del sim
    async with begin() as kernel:
        await kernel.do(f"import mediatoolkit as mt\nmt.image\n{BUDGET}\nbudget.limit = 1")
        panel = await kernel.run("budget")
        assert "nothing spent" in last(panel)["text/html"]
        run = await kernel.run(FOX)

        html = last(panel)["text/html"]
        assert "<td>1</td><td>$0.06" in html
        assert html in [m["content"]["data"]["text/html"] for m in run.replaced]


async def test_a_budget_that_is_shown_often_is_watched_once(begin: Begin) -> None:
    async with begin() as kernel:
        await kernel.do(f"import mediatoolkit as mt\nmt.image\n{BUDGET}")
        for _ in range(3):
            await kernel.run("budget")
        await kernel.do("from IPython.display import clear_output")
        assert await kernel.do("print(len(budget._watchers))") == "1\n"
        await kernel.do("display(budget)\nclear_output()")
        assert await kernel.do("print(len(budget._watchers))") == "1\n", "others still show it"

    async with begin() as kernel:
        await kernel.do(f"import mediatoolkit as mt\nmt.image\n{BUDGET}")
        await kernel.do("from IPython.display import clear_output\ndisplay(budget)\nclear_output()")
        assert await kernel.do("print(len(budget._watchers))") == "0\n"


def _has_more(run: Run, than: int) -> bool:
    return pictures(run) > than


def _opened(kernel: Kernel, widget: str) -> dict[str, Any]:
    """The first state of a widget."""
    opened = [m["content"] for m in kernel.messages if m["msg_type"] == "comm_open"]
    state = next(each["data"]["state"] for each in opened if each["comm_id"] == widget)
    return dict(state)

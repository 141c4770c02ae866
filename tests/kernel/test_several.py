"""Several at once: a board while they are made, each shown once, and a grid afterwards."""

import json

import pytest

from tests.kernel.driver import Kernel, Run

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

AGENT = 'agent = mt.ImageGenAgent("local", size="64x64", seed=1)\n'
MANY = 'images = await agent.generate_many(["a red fox", "an owl", "a whale"])\n'
TABLE = (
    "import asyncio\nimport pandas as pd\n"
    'df = pd.DataFrame({"prompt": ["a red fox", "an owl"]})\n'
    'paint = lambda prompt: mt.image(prompt, model="local/painter", size=64, seed=1)\n'
)


def _html(run: Run) -> str:
    return str(run.shown[-1]["data"]["text/html"])


def _labels(run: Run) -> list[str]:
    """Of the rows of the board that a cell shows."""
    messages = run.kernel.messages
    states = [m["content"]["data"]["state"] for m in messages if m["msg_type"] == "comm_open"]
    boards = [state["rows"] for state in states if "rows" in state]
    news = [update["news"] for update in run.updates if "news" in update]
    rows: dict[str, str] = {}
    for told in [boards[-1], *news]:
        rows |= {name: row["label"] for name, row in told.items() if "label" in row}
    return list(rows.values())


@pytest.mark.parametrize("ending", ["", "images", "display(images)", "images[:2]"])
async def test_many_have_a_board_and_are_shown_once(notebook: Kernel, ending: str) -> None:
    run = await notebook.run(AGENT + MANY + ending)

    assert run.status == "ok", run.text
    assert len(run.widgets) == 1
    assert _labels(run) == ["a red fox", "an owl", "a whale"]
    assert len({shown["transient"]["display_id"] for shown in run.shown}) == 1
    assert all(f'alt="{prompt}"' in _html(run) for prompt in ("a red fox", "an owl", "a whale"))


async def test_a_later_cell_shows_them_as_a_grid(notebook: Kernel) -> None:
    await notebook.do(AGENT + MANY)

    for cell in ("images", "mt.show(images, columns=2)", "mt.show(images[:1] + images[1:])"):
        run = await notebook.run(cell)
        assert run.status == "ok", run.text
        assert len(run.shown) == 1
        assert _html(run).count("<img ") == 3
        assert not run.widgets


async def test_one_that_failed_leaves_the_others_on_the_page(notebook: Kernel) -> None:
    run = await notebook.run(
        AGENT + "agent.clients[0].check = lambda prompt: None\n"
        'images = await agent.generate_many(["a red fox", "an owl"], timeout=1e-9, '
        "return_exceptions=True)"
    )

    assert run.status == "ok", run.text
    assert _html(run).count("DeadlineError") == 2
    assert "Retry" in _html(run)


async def test_agents_alone_show_what_they_make(notebook: Kernel) -> None:
    """The verbs need not have been used before."""
    code = "import mediatoolkit as mt; mt.ImageGenAgent; import sys; print('hooked' if any("
    code += "'cells' in name for name in sys.modules) else 'not hooked')"
    assert await notebook.do(code) == "hooked\n"


async def test_a_column_of_jobs_is_one_board_and_then_thumbnails(notebook: Kernel) -> None:
    run = await notebook.run(TABLE + 'df["media"] = await asyncio.gather(*df.prompt.map(paint))')
    assert run.status == "ok", run.text
    assert _labels(run) == ["a red fox", "an owl"]

    plain = await notebook.run("df")
    assert "&lt;Image 64×64" in _html(plain)
    for cell in ("df.media.show()", "mt.show(df)"):
        table = await notebook.run(cell)
        assert table.status == "ok", table.text
        assert _html(table).count("<img ") == 2
    grid = await notebook.run('df["media"].media.show(columns=2, labels=df.prompt)')
    assert _html(grid).count("<img ") == 2


async def test_the_accessor_is_there_in_the_cell_that_imports_pandas(notebook: Kernel) -> None:
    run = await notebook.run(
        TABLE + 'df["media"] = df.prompt.map(paint)\nawait asyncio.gather(*df["media"])\n'
        "print(df.media.to_html().count('<img '))"
    )
    assert run.text == "2\n"


async def test_twenty_pictures_are_less_than_a_megabyte(notebook: Kernel) -> None:
    prompts = [f"a red fox and a castle, {number}" for number in range(20)]
    agent = 'agent = mt.ImageGenAgent("local", size=512, seed=1)\n'
    first = await notebook.run(f"{agent}images = await agent.generate_many({prompts})")
    second = await notebook.run("images")

    for run in (first, second):
        assert run.status == "ok", run.text
        size = len(json.dumps(run.shown[-1]["data"]))
        messages = len(run.messages)
        print(f"20 pictures: {size:,} bytes in {messages} messages")
        assert size < 1_000_000
    assert len(second.messages) <= 5

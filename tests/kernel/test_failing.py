"""How a job that fails looks in a notebook."""

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import KEY
from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

FOX = 'mt.image("a <b>red</b> fox", timeout=20)'


@pytest.fixture(autouse=True)
def refusing(sim: Simulator) -> None:
    """A vendor that will not draw."""
    sim.always(faults.PromptBlocked())


async def test_an_awaited_failure_is_said_once_in_one_line(notebook: Kernel) -> None:
    run = await notebook.run(f"await {FOX}")

    assert len(run.text.splitlines()) == 1
    assert run.text.startswith("RefusalError: ")
    assert run.shown[-1]["data"]["text/plain"].startswith("a <b>red</b> fox: failed after ")


async def test_the_whole_way_is_told_on_request(notebook: Kernel) -> None:
    await notebook.run(f"await {FOX}")

    traceback = await notebook.run("%tb")

    assert "Traceback" in traceback.text
    assert "mediatoolkit.errors.RefusalError: " in traceback.text


async def test_a_failure_that_nobody_awaits_is_told_in_place(notebook: Kernel) -> None:
    run = await notebook.run(FOX)
    await until(lambda: len(run.shown) == 2, "the message")

    data = run.shown[1]["data"]
    assert data["text/plain"].startswith("RefusalError: ")
    assert "<details" in data["text/html"]
    assert "a &lt;b&gt;red&lt;/b&gt; fox" in data["text/html"]


async def test_a_failure_awaited_after_it_was_told_is_a_line_in_its_own_cell(
    notebook: Kernel,
) -> None:
    first = await notebook.run(f"job = {FOX}")
    await until(lambda: len(first.shown) == 2, "the message")

    second = await notebook.run("await job")

    assert second.text.startswith("RefusalError: ")


async def test_the_key_is_nowhere(notebook: Kernel, sim: Simulator) -> None:
    """Not in a message of any kind, not in a traceback with the values of all variables."""
    sim.always(faults.Status(401))
    await notebook.run("%xmode Verbose")
    await notebook.run(f"await {FOX}")
    await notebook.run("%tb")
    await notebook.run("mt.sessions")
    await notebook.run("job = " + FOX + "\njob")
    sim.always(faults.EchoKey())
    await notebook.run(f"await {FOX}")

    assert sim.requests[-1].key == KEY
    assert not [message for message in notebook.messages if KEY in str(message)]
    assert KEY not in notebook.stderr


CALLS = """import asyncio
fox = mt.image("a red fox", model="local/painter", size="64x64")
owl = mt.image("an owl", size="9K")
"""
FUNCTION = """async def draw(prompt):
    return await mt.image(prompt)

await draw("a red fox")
"""
GATHERED = """import asyncio
jobs = [mt.image(prompt) for prompt in ("an owl", "an owl")]
await asyncio.gather(*jobs)
"""


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        (CALLS, 'line 3: owl = mt.image("an owl", size="9K")'),
        (FUNCTION, "line 2, 'a red fox': return await mt.image(prompt)"),
        (GATHERED, "line 2, 'an owl': jobs = [mt.image(prompt) for prompt in"),
        ("for p in ('a fox',):\n    await mt.image(p)", "line 2, 'a fox': await mt.image(p)"),
        ("await draw('a fox')\nawait draw('an owl')", "line 1: await draw('a fox')"),
        ("print(1)\nawait mt.image('a fox')", ""),
    ],
)
async def test_a_cell_of_several_calls_says_which_it_was(
    notebook: Kernel, cell: str, place: str
) -> None:
    await notebook.do("async def draw(prompt):\n    return await mt.image(prompt)")

    run = await notebook.run(cell)

    message, *places = run.text.removeprefix("1\n").splitlines()
    assert "Error: " in message
    assert [one.strip().startswith(place) for one in places] == ([True] if place else [])

"""A click that arrives in a thread of its own starts its job where it can live on."""

import pytest

from mediatoolkit.simulator import Simulator
from tests.kernel.driver import Kernel, until

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("clicks_while_busy"),
]

BUTTON = """
import asyncio
import ipywidgets

def clicked(_button):
    global job
    job = mt.image("a red fox")

button = ipywidgets.Button()
button.on_click(clicked)
main = asyncio.get_running_loop()
print(button.model_id)
"""


async def test_a_job_started_by_a_click_in_a_subshell_outlives_it(
    notebook: Kernel, sim: Simulator
) -> None:
    """Also the very first job of the kernel."""
    model = (await notebook.do(BUTTON)).strip()
    subshell = await notebook.open_subshell()

    await notebook.click(model, {"event": "click"}, subshell=subshell)
    await until(lambda: sim.requests, "the request")
    await notebook.close_subshell(subshell)

    output = await notebook.do("x = await job\nprint(x.width, job.loop is main)")
    assert output.strip() == "1408 True"


async def test_a_cell_in_a_subshell_awaits_a_job_of_the_cells_loop(notebook: Kernel) -> None:
    subshell = await notebook.open_subshell()

    run = await notebook.start('x = await mt.image("a red fox")\nprint(x.width)', subshell=subshell)
    await notebook.finish(run)

    assert run.status == "ok", run.text
    assert run.text.strip() == "1408"
    await until(lambda: run.pictures, "the picture")

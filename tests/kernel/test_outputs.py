"""What is sent for jobs under Output widgets, after a clear, and for pages that come back."""

import pytest

from tests.kernel.driver import Kernel, Message, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

FOX = 'mt.image("a red fox")'
VIEW = "application/vnd.jupyter.widget-view+json"
OUT = "import ipywidgets, asyncio\nout = ipywidgets.Output()\n"


def _contents(kernel: Kernel, model: str) -> list[set[str]]:
    """The MIME types that an Output widget held, one after the other."""
    held = []
    for message in kernel.messages:
        content = message["content"]
        if message["msg_type"] in {"comm_open", "comm_msg"} and content["comm_id"] == model:
            outputs = content["data"].get("state", {}).get("outputs", ())
            held += [set(output["data"]) for output in outputs]
    return held


def _closed(kernel: Kernel, model: str) -> bool:
    kinds = [m for m in kernel.messages if m["msg_type"] == "comm_close"]
    return model in {m["content"]["comm_id"] for m in kinds}


@pytest.mark.parametrize("way", [f"    {FOX}.result()", f"    await {FOX}", f"    job = {FOX}"])
async def test_an_output_is_told_the_ending_through_what_it_shows(
    notebook: Kernel, way: str
) -> None:
    """The front end ignores `update_display_data` there."""
    run = await notebook.run(f"{OUT}with out:\n{way}\nawait asyncio.sleep(0)")
    [handle] = run.widgets
    await until(lambda: "image/jpeg" in _contents(notebook, handle)[-1], "the picture")

    board, picture = _contents(notebook, handle)[0], _contents(notebook, handle)[-1]
    assert VIEW in board
    assert VIEW not in picture
    assert not run.replaced


async def test_a_result_under_an_output_is_shown_again_elsewhere(notebook: Kernel) -> None:
    run = await notebook.run(f"{OUT}with out:\n    fox = await {FOX}\n    display(fox)\nfox")

    assert len(run.pictures) == 1
    assert run.shown[-1]["data"].keys() >= {"image/jpeg"}


async def test_a_display_leaves_with_the_output_around_it(notebook: Kernel) -> None:
    run = await notebook.run(f"{OUT}with out:\n    await {FOX}")
    [handle] = run.widgets
    view = {"output_type": "display_data", "data": {VIEW: {"model_id": handle}}, "metadata": {}}
    await notebook.do(f"out.outputs = ({view!r},)")
    assert not _closed(notebook, handle)

    await notebook.do("out.outputs = ()")

    await until(lambda: _closed(notebook, handle), "the end of the display")


async def test_an_output_is_told_once_more_when_a_cell_runs(notebook: Kernel) -> None:
    """What executes notebooks without a browser hears only what comes while a cell runs."""
    run = await notebook.run(f"{OUT}with out:\n    {FOX}")
    [handle] = run.widgets
    await until(lambda: "image/jpeg" in _contents(notebook, handle)[-1], "the picture")
    before = len(_contents(notebook, handle))

    again = await notebook.run("pass")

    assert len(_contents(notebook, handle)) == before + 1
    assert any(m["content"].get("comm_id") == handle for m in again.messages)


LOOP = """from IPython.display import clear_output
for animal in ("a red fox", "an owl", "a whale"):
    clear_output(wait={wait})
    x = await mt.image(animal)
    x"""


@pytest.mark.parametrize("wait", ["True", "False"])
async def test_what_was_cleared_does_not_come_back(notebook: Kernel, wait: str) -> None:
    run = await notebook.run(LOOP.format(wait=wait))

    assert [_alt(picture) for picture in run.pictures] == ["a red fox", "an owl", "a whale"]
    assert len({picture["transient"]["display_id"] for picture in run.pictures}) == 3


async def test_a_picture_is_shown_again_after_a_clear(notebook: Kernel) -> None:
    run = await notebook.run(f"{LOOP.format(wait='True')}\nclear_output()\nx")

    assert [_alt(picture) for picture in run.pictures][2:] == ["a whale", "a whale"]


async def test_a_cleared_job_that_still_runs_leaves_the_next_one_alone(notebook: Kernel) -> None:
    run = await notebook.run(
        f"first = {FOX}\nfrom IPython.display import clear_output\nclear_output(wait=True)\n"
        'second = await mt.image("an owl")\nawait first'
    )

    last = [shown for shown in run.shown if "an owl" in str(shown["data"])][-1]
    assert "a red fox" not in last["data"]["text/html"]


async def test_a_captured_cell_shows_its_picture_later(notebook: Kernel) -> None:
    captured = await notebook.run(f"%%capture kept\n{FOX}.result()")
    run = await notebook.run("kept.show()")

    assert not captured.shown
    assert "image/jpeg" in run.shown[-1]["data"]


async def _seen(kernel: Kernel, run: Run) -> str:
    """The board of *run*, once a page has said that it shows it."""
    [board] = run.widgets
    await kernel.click(board, {"page": "here"})
    return board


async def test_a_board_that_a_page_has_shown_keeps_its_ending_until_it_is_saved(
    notebook: Kernel,
) -> None:
    run = await notebook.run(FOX)
    board = await _seen(notebook, run)
    await until(lambda: run.pictures, "the picture")
    await until(lambda: any("ending" in update for update in run.updates), "the ending")
    ending: Message = run.updates[-1]["ending"]
    assert ending["data"] == run.pictures[-1]["data"]
    assert not _closed(notebook, board)
    of_kernel = "from mediatoolkit.widgets import buttons\nprint(*buttons.of_kernel().panels)"
    assert board not in await notebook.do(of_kernel), "no page mounts it above its ending"

    await notebook.click(board, {"page": "saved"})

    await until(lambda: _closed(notebook, board), "the end of the board")


def _alt(picture: Message) -> str:
    return str(picture["metadata"]["image/jpeg"]["alt"])

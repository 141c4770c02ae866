"""Galleries, comparisons and the panel of sessions in a real kernel, without a front end."""

import pytest

from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

FOX = 'await mt.image("a red fox", model="local/painter", size="64x64")'


async def test_the_sessions_are_a_panel_before_any_job_ran(notebook: Kernel) -> None:
    run = await notebook.run("mt.sessions")

    (shown,) = run.shown
    assert not run.widgets
    assert "<p>no open sessions</p></div>" in shown["data"]["text/html"]
    assert shown["data"]["text/plain"] == "no open sessions"


async def test_a_gallery_of_the_store_lists_what_was_made(notebook: Kernel) -> None:
    await notebook.do(f"x = {FOX}")

    run = await notebook.run('gallery = mt.Gallery(word="fox", kind="image")\ngallery')

    assert run.shown[-1]["data"]["text/plain"] == "<Gallery of 1 picture>"
    assert await notebook.do("print(gallery.media[0], gallery.selected)") == (
        "<Image 64×64 image/png, local/painter> <nothing>\n"
    )
    await notebook.do(f"y = {FOX.replace('red', 'blue')}")
    assert await notebook.do("print(gallery)") == "<Gallery of 2 pictures>\n"


async def test_where_no_page_mounts_panels_they_become_widgets(notebook: Kernel) -> None:
    """After a quiet moment, and until a page says that it can."""
    run = await notebook.run("mt.Gallery(kind='film'.replace('film', 'video'))")
    assert "data-mt-mount" in run.shown[-1]["data"]["text/html"]
    await until(lambda: run.widgets, "the widget")

    later = await notebook.run("mt.compare(x, x)")
    assert later.widgets

    await notebook.click(_page_model(notebook), {"page": "here"})
    await until(lambda: "data-mt-mount" in later.shown[-1]["data"]["text/html"], "the HTML")
    assert "data-mt-mount" in run.shown[-1]["data"]["text/html"]
    assert not (await notebook.run("mt.compare(x, x)")).widgets


def _page_model(kernel: Kernel) -> str:
    opened = (m["content"] for m in kernel.messages if m["msg_type"] == "comm_open")
    return next(str(m["comm_id"]) for m in opened if "mounts" in m["data"]["state"])


async def test_bad_input_is_one_calm_line(notebook: Kernel) -> None:
    for cell, words in {
        'mt.compare(x, b"nothing")': "MediaError: The second cannot be compared",
        'mt.Gallery("nowhere")': "StorageError: There is no folder 'nowhere'",
        'mt.Gallery(kind="pictures")': "PromptError: kind='pictures' is not known",
    }.items():
        run = await notebook.run(f"x = {FOX}\n{cell}")
        assert run.text.strip().startswith(words)


async def test_running_cells_again_leaves_nothing_behind(notebook: Kernel) -> None:
    for _ in range(5):
        await notebook.do("mt.Gallery()\nmt.sessions")
    await notebook.do("gallery.close(); mt.compare(x, x).close(); await mt.close()")

    assert notebook.left_behind() == []

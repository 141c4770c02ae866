"""Clicks on buttons in plain outputs, in whatever thread a kernel hears them."""

import re

import pytest
import pytest_asyncio

from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

SETUP = """
import asyncio, threading
from mediatoolkit.widgets import results
loop, heard = asyncio.get_running_loop(), asyncio.Queue()
async def note():
    heard.put_nowait((asyncio.get_running_loop() is loop, threading.current_thread().name))
print(results.button("Press", note))
"""


@pytest_asyncio.fixture(loop_scope="module")
async def token(notebook: Kernel) -> str:
    """Of a button that was just shown."""
    html = await notebook.do(SETUP)
    assert 'style="display:none"' in html
    match = re.search(r'data-mt-act="(\w+)"', html)
    assert match
    return match[1]


async def test_a_click_reaches_the_loop_of_the_cells(notebook: Kernel, token: str) -> None:
    await notebook.press(token)

    assert "(True, 'MainThread')" in await notebook.do("print(await heard.get())")


@pytest.mark.usefixtures("clicks_while_busy")
async def test_a_click_in_a_subshell_does_so_while_a_cell_awaits(
    notebook: Kernel, token: str
) -> None:
    subshell = await notebook.open_subshell()
    waiting = await notebook.start("print(await heard.get())")
    await notebook.press(token, subshell=subshell)
    await notebook.finish(waiting)

    assert "(True, 'MainThread')" in waiting.text


async def test_the_page_that_asked_is_told_what_failed(notebook: Kernel) -> None:
    fail = "print(results.button('Fail', mt.Store))"
    await notebook.do(SETUP)
    match = re.search(r'data-mt-act="(\w+)"', await notebook.do(fail))
    assert match
    await notebook.press(match[1])

    await until(lambda: _said(notebook, match[1]), "a word on the failure")
    assert "TypeError: came unexpectedly" in str(_said(notebook, match[1])[0]["say"])


def _said(kernel: Kernel, token: str) -> list[dict[str, str]]:
    """What was told to the page about that button."""
    sent = (
        message["content"]["data"]
        for message in kernel.messages
        if message["msg_type"] == "comm_msg"
    )
    contents = (data.get("content", {}) for data in sent)
    return [
        content
        for content in contents
        if content.get("say") and content["near"] == token and content["page"] == "here"
    ]

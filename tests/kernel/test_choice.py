"""Which model is taken, and why, is told once to the person who types."""

import pytest

from tests.kernel.conftest import Begin

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

UNCHOSEN = """\
import os
for kind in ("IMAGE", "SPEECH", "VIDEO"):
    del os.environ[f"MEDIATOOLKIT_{kind}"]
import mediatoolkit as mt"""


async def test_a_cell_says_once_which_model_is_taken_and_why(begin: Begin) -> None:
    async with begin() as kernel:
        await kernel.do(UNCHOSEN)
        first = await kernel.run("fox = await mt.image('a red fox')")
        second = await kernel.run("owl = await mt.image('an owl')")
        await kernel.do("mt.configure(speech='local')")
        third = await kernel.run("voice = await mt.speech('Hello.')")

    reason = "gemini/gemini-3.1-flash-image is used since GEMINI_API_KEY is in the environment; "
    assert first.text.startswith(reason)
    assert "mt.configure(image=" in first.text
    assert second.text == third.text == ""

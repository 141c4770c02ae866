"""Which model is taken, and why, is told once to the person who types."""

import pytest

from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel

UNCHOSEN = """\
import os
for kind in ("IMAGE", "SPEECH", "VIDEO"):
    del os.environ[f"MEDIATOOLKIT_{kind}"]
import mediatoolkit as mt"""


async def test_a_cell_says_once_which_model_is_taken_and_why(kernel: Kernel) -> None:
    await kernel.do(UNCHOSEN)
    first = await kernel.run("fox = await mt.image('a red fox', size='64x64')")
    second = await kernel.run("owl = await mt.image('an owl', size='64x64')")

    assert first.text.startswith("local/painter is used since no vendor's key is set; ")
    assert "mt.configure(image=" in first.text
    assert second.text == ""


async def test_a_choice_of_the_users_is_not_told(kernel: Kernel) -> None:
    await kernel.do(UNCHOSEN)
    run = await kernel.run(
        "mt.configure(image='local/painter')\nfox = await mt.image('a fox', size='64x64')"
    )

    assert run.text == ""

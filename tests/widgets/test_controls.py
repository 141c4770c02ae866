"""The kernel's side of the buttons in plain outputs."""

import asyncio
import gc
import threading
from typing import Any

import pytest

from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.media import Audio, Image, file_name
from mediatoolkit.widgets import buttons, delivery, results
from mediatoolkit.widgets.buttons import MOST, Buttons
from mediatoolkit.widgets.job_row import MediaRef, MediaRefs
from tests.media.test_image import encoded


class _RecordingButtons(Buttons):
    """Keeps what it would send to the page."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sent: list[dict[str, Any]] = []
        self.news = asyncio.Event()
        super().__init__(loop)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        del buffers
        self.sent.append(content)
        self.news.set()

    async def click(self, token: str) -> None:
        """As it arrives where kernels answer in threads, each with a loop of its own."""

        async def hear() -> None:
            self._hear(self, {"act": token, "page": "a"}, [])

        thread = threading.Thread(target=asyncio.run, args=[hear()])
        thread.start()
        await asyncio.to_thread(thread.join)

    async def last_message(self) -> dict[str, Any]:
        """The last message, once nothing runs."""
        while self._tasks or not self.sent:
            await asyncio.sleep(0)
        return self.sent[-1]


@pytest.fixture
async def panel() -> _RecordingButtons:
    return _RecordingButtons(asyncio.get_running_loop())


async def test_an_action_runs_on_the_loop_of_the_cells(panel: _RecordingButtons) -> None:
    ran: list[object] = []

    async def act() -> None:
        ran.append((asyncio.get_running_loop(), threading.current_thread()))

    token = panel.keep(act)
    await panel.click(token)

    assert await panel.last_message() == {"took": token, "page": "a", "near": token}
    assert ran == [(asyncio.get_running_loop(), threading.main_thread())]


async def test_what_goes_wrong_is_told_to_the_page_that_asked(panel: _RecordingButtons) -> None:
    def fail() -> None:
        raise PromptError("No <b>picture</b>.")

    token = panel.keep(fail)
    await panel.click(token)

    assert await panel.last_message() == {
        "say": "PromptError: No <b>picture</b>.",
        "page": "a",
        "near": token,
    }


async def test_a_strangers_error_is_logged_and_its_words_are_not_told(
    panel: _RecordingButtons,
) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: logged.append(fault))

    def stumble() -> None:
        raise KeyError("secret")

    await panel.click(panel.keep(stumble))

    message = await panel.last_message()
    assert message["say"].startswith("KeyError: came unexpectedly")
    assert "secret" not in message["say"]
    assert isinstance(logged[0]["exception"], KeyError)


async def test_the_oldest_button_is_forgotten_first(panel: _RecordingButtons) -> None:
    first, *_ = [panel.keep(list) for _ in range(MOST + 1)]
    await panel.click(first)

    assert "from long ago" in (await panel.last_message())["say"]


def test_outside_a_kernel_there_is_no_button() -> None:
    assert results.button("Open", list) == ""
    with pytest.raises(MediaToolkitError, match="no page to ask"):
        buttons.of_kernel()


async def test_a_button_does_not_keep_media_in_memory() -> None:
    image = Image(encoded("PNG"))
    media = MediaRefs([MediaRef(image)])
    del image
    gc.collect()

    with pytest.raises(MediaToolkitError, match="in memory no more and in no file"):
        media[0]


def test_a_file_is_named_after_the_prompt() -> None:
    sound = Audio.from_samples([0.0], 8000)

    assert file_name(sound) == "sound.wav"


@pytest.mark.parametrize(
    "sizes", [[3], [0, 5], [delivery.PIECE, 1], [5, delivery.PIECE], [3 * delivery.PIECE + 7, 2]]
)
def test_a_file_comes_whole_in_messages_of_a_megabyte(sizes: list[int]) -> None:
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    messages = delivery.messages_of(parts)

    assert b"".join(part for message in messages for part in message) == b"".join(parts)
    assert all(0 < sum(map(len, message)) <= delivery.PIECE for message in messages)

"""A real kernel without a front end: run cells, click, press Stop, and keep every message."""

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from tests.chosen import chosen

ROOT = Path(__file__).parents[2]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_LEFT_BEHIND = ("Unclosed", "pending", "never retrieved", "never awaited", "Exception ignored")

WATCH = """
import signal, threading, time

def main_thread_waits():
    return signal.getsignal(signal.SIGINT).__module__ == "mediatoolkit.runtime.loops"

def tell_when_it_waits():
    while not main_thread_waits():
        time.sleep(0.01)
    print("wai" + "ts", flush=True)

def watch():
    threading.Thread(target=tell_when_it_waits).start()
"""
"""Makes `watch`: called before what blocks, it prints `waits` as soon as the thread really does.

A vendor has the request a moment earlier, and a Ctrl-C in that moment is the business of IPython.
"""

VERSIONS = ("6.29", "7.3", "7.4")
"""Of ipykernel, each in a folder of `.kernels`."""

PATIENCE = 60.0
"""Seconds after which it is clear that something will not come, on the busiest of machines."""

Message = dict[str, Any]


@dataclass(eq=False)
class Run:
    """One execution and everything the kernel said because of it.

    Attributes:
        id: Of the request.
        seconds: From the request to the reply.
    """

    kernel: "Kernel"
    id: str
    sent: float
    seconds: float = 0.0

    @property
    def reply(self) -> Message:
        """The kernel's last word; empty while the cell runs."""
        return self.kernel.replies.get(self.id, {})

    @property
    def status(self) -> str:
        """`ok` or `error`."""
        return str(self.reply["content"]["status"])

    @property
    def messages(self) -> list[Message]:
        """On iopub, in order."""
        return [m for m in self.kernel.messages if m["parent_header"].get("msg_id") == self.id]

    @property
    def text(self) -> str:
        """What was printed, and errors as people see them, without colours."""
        parts = []
        for message in self.messages:
            content = message["content"]
            if message["msg_type"] == "stream":
                parts.append(content["text"])
            elif message["msg_type"] == "error":
                parts.append("\n".join(content["traceback"]))
        return _COLOURS.sub("", "".join(parts))

    @property
    def shown(self) -> list[Message]:
        """What came onto the page below this cell, in order, with what replaced it later."""
        shown: list[Message] = []
        places = set()
        for message in self.kernel.messages:
            kind, content = message["msg_type"], message["content"]
            place = content.get("transient", {}).get("display_id")
            here = message["parent_header"].get("msg_id") == self.id
            if here and kind in {"display_data", "execute_result"}:
                shown.append(content)
                places.add(place)
            elif kind == "update_display_data" and place in places and content != shown[-1]:
                shown.append(content)  # once, although an ending may be told twice
        return shown

    @property
    def replaced(self) -> list[Message]:
        """What replaced something because of this cell, in order."""
        return [m for m in self.messages if m["msg_type"] == "update_display_data"]

    @property
    def pictures(self) -> list[Message]:
        """Those of `shown` that hold a picture."""
        return [c for c in self.shown if any(kind.startswith("image/") for kind in c["data"])]

    @property
    def widgets(self) -> list[str]:
        """Model ids of the widgets put on the page."""
        ids = [c["data"][_WIDGET]["model_id"] for c in self.shown if _WIDGET in c["data"]]
        return list(dict.fromkeys(ids))

    @property
    def updates(self) -> list[Message]:
        """What those widgets were told after they were made, in order."""
        contents = [m["content"] for m in self.kernel.messages if m["msg_type"] == "comm_msg"]
        widgets = self.widgets
        return [
            content["data"]["state"]
            for content in contents
            if content["comm_id"] in widgets and content["data"]["method"] == "update"
        ]


@dataclass
class Kernel:
    """One kernel process of the running interpreter.

    Attributes:
        home: Folder for all it needs.
        version: Of ipykernel.
        messages: Everything on iopub so far.
        stderr: File with what the process wrote beside the protocol.
    """

    home: Path
    version: str
    manager: AsyncKernelManager
    client: AsyncKernelClient
    messages: list[Message] = field(default_factory=list)
    replies: dict[str, Message] = field(default_factory=dict)
    _idle: set[str] = field(default_factory=set)  # requests whose last message has come
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stderr(self) -> str:
        """What the process wrote beside the protocol."""
        return (self.home / "stderr.txt").read_text()

    async def start(self, code: str, *, subshell: str | None = None) -> Run:
        """Send a cell, to the main shell or another, and go on."""
        sent = time.monotonic()
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        return Run(self, self._send("execute_request", content, subshell), sent)

    async def finish(self, run: Run) -> Run:
        """Wait for the end of a cell, and for its last message."""
        await self._hear(lambda: run.id in self.replies, "the reply of a cell")
        run.seconds = time.monotonic() - run.sent
        await self._hear(lambda: run.id in self._idle, "the last message of a cell")
        return run

    async def run(self, code: str) -> Run:
        """Run a cell to its end."""
        return await self.finish(await self.start(code))

    async def do(self, code: str) -> str:
        """Run a cell that must succeed; what it printed."""
        run = await self.run(code)
        assert run.status == "ok", run.text
        return run.text

    async def press_stop(self) -> None:
        """What the Stop button of a notebook does."""
        await self.manager.interrupt_kernel()

    async def click_cancel(self, run: Run, *, subshell: str | None = None) -> None:
        """What the Cancel button of a job's view sends.

        On the main shell, or on *subshell*; ipykernel 7.3 hears it only there while a cell runs.
        """
        if subshell is None and self.version == "7.3":
            subshell = await self.open_subshell()
        await self.click(run.widgets[0], {"wish": "cancel", "row": "1"}, subshell=subshell)

    async def click(self, widget: str, said: object, *, subshell: str | None = None) -> None:
        """What a widget in the page sends to its kernel."""
        data = {"method": "custom", "content": said}
        self._send("comm_msg", {"comm_id": widget, "data": data}, subshell)

    async def press(self, token: str, *, subshell: str | None = None) -> None:
        """What the page sends when a button in a plain output is pressed."""
        await self.click(self._buttons(), {"act": token, "page": "here"}, subshell=subshell)

    async def show_page(self) -> None:
        """What a page sends that mounts panels, once a cell has shown a button."""
        await self.click(self._buttons(), {"page": "here"})

    def _buttons(self) -> str:
        opened = (m["content"] for m in self.messages if m["msg_type"] == "comm_open")
        return str(next(c["comm_id"] for c in opened if "kernel" in c["data"]["state"]))

    async def press_retry(self, run: Run) -> None:
        """Press the first Retry that is shown below a cell."""
        html = str(run.shown[-1]["data"]["text/html"])
        token = re.search(r'data-mt-act="(\w+)"[^>]*>Retry<', html)
        assert token, html
        await self.press(token[1])

    def _send(self, kind: str, content: Message, subshell: str | None) -> str:
        message = self.client.session.msg(kind, content)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    async def open_subshell(self) -> str:
        """A thread with a loop of its own, as JupyterLab opens for its widgets."""
        return str((await self._ask("create_subshell_request", {}))["subshell_id"])

    async def close_subshell(self, subshell: str) -> None:
        """End that thread and its loop."""
        await self._ask("delete_subshell_request", {"subshell_id": subshell})

    async def _ask(self, kind: str, content: Message) -> Message:
        self.client.control_channel.send(self.client.session.msg(kind, content))
        reply = await self.client.get_control_msg(timeout=PATIENCE)
        answer: Message = reply["content"]
        return answer

    def left_behind(self) -> list[str]:
        """Lines, on stderr or in any cell, that tell of something not closed."""
        lines = self.stderr.splitlines()
        for message in self.messages:
            if message["msg_type"] == "stream":
                lines += message["content"]["text"].splitlines()
        return [line for line in lines if any(sign in line for sign in _LEFT_BEHIND)]

    async def gone(self) -> None:
        """Wait until the process is."""
        while await self.manager.is_alive():
            await asyncio.sleep(0.02)

    async def answers(self) -> None:
        """Wait until it replies, and what it publishes is heard."""
        asked = ""

        def answered() -> bool:
            nonlocal asked
            if not asked or (asked in self.replies and asked not in self._idle):
                asked = self._send("kernel_info_request", {}, None)
            return asked in self._idle

        await until(answered, "the first answer of a kernel")
        self.messages.clear()

    async def listen(self) -> None:
        """Keep every message until cancelled."""
        await asyncio.gather(self._keep_iopub(), self._keep_replies())

    async def _keep_iopub(self) -> None:
        while True:
            message = await self.client.get_iopub_msg()
            self.messages.append(message)
            if message["content"].get("execution_state") == "idle":
                self._idle.add(message["parent_header"].get("msg_id"))
            self._heard.set()

    async def _keep_replies(self) -> None:
        while True:
            reply = await self.client.get_shell_msg()
            self.replies[reply["parent_header"].get("msg_id")] = reply
            self._heard.set()

    async def _hear(self, holds: Callable[[], bool], what: str) -> None:
        """As `until`, for what only a message changes; it wakes with the message."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} did not come within {PATIENCE} s") from None


async def until(holds: Callable[[], object], what: str) -> None:
    """Wait until *holds*.

    Raises:
        TimeoutError: Not within `PATIENCE`; says *what* did not come.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {PATIENCE} s")
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _listening(running: Kernel) -> AsyncIterator[None]:
    ear = asyncio.create_task(running.listen())
    try:
        yield
    finally:
        ear.cancel()
        await asyncio.gather(ear, return_exceptions=True)


def path_for(version: str) -> str:
    """The `PYTHONPATH` of a kernel of that version, which runs the code beside these tests."""
    folder = ROOT / ".kernels" / version
    assert (folder / "ipykernel").is_dir(), f"there is no {folder}; run `make kernels`"
    return os.pathsep.join([str(folder), str(ROOT)])


@contextlib.asynccontextmanager
async def kernel(home: Path, version: str, **env: str) -> AsyncIterator[Kernel]:
    """A kernel for one block, with nobody's settings."""
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "here", "language": "python"}
    (home / "kernels" / "here").mkdir(parents=True)
    (home / "kernels" / "here" / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="here",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(home / "kernels")]),
        connection_file=str(home / "connection.json"),
        transport="ipc",  # a free port may be taken before the kernel listens there
        shutdown_wait_time=2 * PATIENCE,  # after the half of it, it is ended the hard way
    )
    own = {"PYTHONPATH": path_for(version), "IPYTHONDIR": str(home / "ipython")}
    models = chosen("gemini" if "GEMINI_API_KEY" in env else "local")
    with (home / "stderr.txt").open("w") as err:
        await manager.start_kernel(
            env=os.environ | models | own | env, stdout=err, stderr=err, cwd=str(home)
        )
        client = manager.client()
        client.start_channels()
        try:
            running = Kernel(home, version, manager, client)
            async with _listening(running):
                await running.answers()
                yield running
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=not await manager.is_alive())
            await manager.cleanup_resources()

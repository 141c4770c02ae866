"""A process that looks at files of anybody, each in a child of its own with little to use up.

Reads `{"name": …, "size": …, …}` and the bytes of a file, answers what went wrong, and reads on.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

SECONDS = 5
"""CPU that all looks at one file may take together."""

MEGABYTES = 150
"""Memory that they may take beyond what the process began with."""

_RESERVE = 1 << 30  # bytes of address space, so that no bomb takes the machine with it


class Looker:
    """The parent's end."""

    def __init__(self) -> None:
        """Start the process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.media.bounded"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def faults(
        self, name: str, data: bytes, *, look: str = "", megabytes: int = MEGABYTES
    ) -> list[str]:
        """What looking at a file of that name has done but ending in a `MediaError`.

        Args:
            name: Its ending says what it is.
            data: The file.
            look: Code that looks at `data`; left out, all that a store, a cell and a gallery do.
            megabytes: Memory that it may take beyond what the process began with.
        """
        assert self._process.stdin
        assert self._process.stdout
        head = json.dumps({"name": name, "size": len(data), "look": look, "megabytes": megabytes})
        self._process.stdin.write(head.encode() + b"\n" + data)
        self._process.stdin.flush()
        answer: list[str] = json.loads(self._process.stdout.readline())
        return answer


def _look(name: str, data: bytes) -> list[str]:
    """All that a store, a cell and a gallery do with a file; the steps that fail."""
    from mediatoolkit.errors import MediaError
    from mediatoolkit.media import Audio, Image, Media, Provenance, Video, entry_of
    from mediatoolkit.widgets.media_source import thumb_of
    from mediatoolkit.widgets.results import media_bundle

    faults: list[str] = []

    @contextlib.contextmanager
    def step(what: str, *expected: type[Exception]) -> Iterator[None]:
        try:
            yield
        except expected:
            pass
        except Exception as error:  # noqa: BLE001 - any is a fault
            faults.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")

    ending = Path(name).suffix
    kind: type[Media] = Video if ending in {".mp4", ".webm"} else Audio
    kind = Image if ending in {".png", ".jpg", ".webp"} else kind
    origin = Provenance(model="a/b", prompt="a fox", engine="a")
    path = Path(name)
    path.write_bytes(data)
    media: Any = None
    with step("open", MediaError):
        media = kind(data)
    if media is not None:
        with step("preview", MediaError):
            media.preview()
        with step("show"):
            media_bundle(media)
        with step("save", MediaError):
            replace(media, provenance=origin).save(path.with_stem("saved"))
    with step("entry"):
        entry = entry_of(path)
        if entry is not None:
            thumb_of(entry)
    return faults


def _done(look: str, data: bytes) -> list[str]:
    """What goes wrong in a look by code."""
    from mediatoolkit.media import Audio, Image
    from mediatoolkit.media.pixels import reduced

    names = {"data": data, "Audio": Audio, "Image": Image, "reduced": reduced}
    try:
        exec(look, names)  # noqa: S102 - of our own tests
    except Exception as error:  # noqa: BLE001 - any is a fault
        return [f"{type(error).__name__}: {error}"]
    return []


def _bounded(work: Callable[[], list[str]], megabytes: int = MEGABYTES) -> list[str]:
    """What *work* finds, in a child with little to use up, and what it took too much of."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (space + _RESERVE, space + _RESERVE))
        before = _megabytes()
        faults = work()
        if _megabytes() - before > megabytes:
            faults.append(f"memory: {_megabytes() - before:.0f} MB")
        os.write(writing, json.dumps(faults).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        report = answer.read()
    _, status, used = os.wait4(child, 0)
    if not report:
        return [f"ended by {status} after {used.ru_utime:.1f} s of CPU"]
    faults = json.loads(report)
    return [*faults, f"{used.ru_utime:.1f} s of CPU"] if faults else []


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _warmed_up() -> None:
    """What is loaded now belongs to the start of each child."""
    from tests.media.samples import SAMPLES

    for name, data in SAMPLES.items():
        _look(name, data)


def main() -> None:
    """Answer until there is nothing more to look at."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        _warmed_up()
        while head := sys.stdin.buffer.readline():
            file = json.loads(head)
            data = sys.stdin.buffer.read(file["size"])
            look = partial(_done, file["look"]) if file["look"] else partial(_look, file["name"])
            faults = _bounded(partial(look, data), file["megabytes"])
            print(json.dumps(faults), flush=True)


if __name__ == "__main__":
    main()

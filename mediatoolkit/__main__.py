"""`python -m mediatoolkit "a red fox under the stars"` makes a picture and says where it is."""

import argparse
import asyncio
import sys
from pathlib import Path

from mediatoolkit.agents import ImageGenAgent
from mediatoolkit.call import Event
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.files import check_folder


def main() -> int:
    """Read the command line, make the picture, print its place."""
    asked = _arguments()
    try:
        asyncio.run(_make(asked))
    except MediaToolkitError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


async def _make(asked: argparse.Namespace) -> None:
    await asyncio.to_thread(check_folder, asked.out.parent)
    async with ImageGenAgent(asked.model, timeout=asked.timeout) as agent:
        job = agent.start(
            asked.prompt,
            size=asked.size,
            aspect=asked.aspect,
            seed=asked.seed,
        )
        job.watch(lambda progress: _show(progress.event))
        image = await job
    path = await image.asave(asked.out)
    _show(None)
    print(f"{image!r}\n{path.resolve()}")  # noqa: T201 - a command


def _show(event: Event | None) -> None:
    """One line that is written over, and only for a person."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{event or ''}", end="", file=sys.stderr)  # noqa: T201 - a command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mediatoolkit", description=__doc__)
    parser.add_argument("prompt", help="what to see")
    parser.add_argument("--model", help="vendor/model; left out, a vendor with a key, else local")
    parser.add_argument("--size", help='"512", "1K", "2K", "4K", or pixels as "1024x768"')
    parser.add_argument("--aspect", help='width to height, as "16:9"')
    parser.add_argument("--seed", type=int, help="for the same picture again")
    parser.add_argument("--timeout", type=float, help="seconds for everything together")
    parser.add_argument("--out", type=Path, default=Path("picture"), help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

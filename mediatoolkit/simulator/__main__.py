"""`python -m mediatoolkit.simulator`: serve until Ctrl-C."""

import argparse
import asyncio
import contextlib

from mediatoolkit.simulator.server import Simulator

_HELLO = """\
Simulated Gemini: {url}   (file host: {files_url})
Key:              {key}

    curl {url}/v1/models/gemini-3.1-flash-image:generateContent \\
      -H 'x-goog-api-key: {key}' -d '{{"contents":[{{"parts":[{{"text":"a red fox"}}]}}]}}'

Ctrl-C stops it."""


def main(arguments: list[str] | None = None) -> None:
    """Parse *arguments* and serve."""
    parser = argparse.ArgumentParser(prog="python -m mediatoolkit.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="0 lets the system choose")
    parser.add_argument("--key", default="test-key", help="the only key that is accepted")
    options = parser.parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Simulator(port=options.port, key=options.key)))


async def _serve(simulator: Simulator) -> None:
    async with simulator as sim:
        hello = _HELLO.format(url=sim.url, files_url=sim.files_url, key=sim.key)
        print(hello, flush=True)  # noqa: T201 - a command speaks on its terminal
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    main()

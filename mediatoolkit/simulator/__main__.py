"""`python -m mediatoolkit.simulator`: serve until Ctrl-C."""

import argparse
import asyncio
import contextlib

from mediatoolkit.simulator.server import VENDORS, Simulator

_EXAMPLE = """\

    curl {url}/v1/models/gemini-3.1-flash-image:generateContent \\
      -H 'x-goog-api-key: {key}' -d '{{"contents":[{{"parts":[{{"text":"a red fox"}}]}}]}}'
"""

_TRUSTED = "(trusted_origins= of a client whose vendor keeps media there, such as fal)"
_PATHS = {
    "openai": "/v1",
    "openrouter": "/api/v1",
    "xai": "/v1",
    "localai": "/v1",
    "vllm": "/v1",
}
"""What the base URL of a client has behind the origin."""


def main(arguments: list[str] | None = None) -> None:
    """Parse *arguments* and serve."""
    parser = argparse.ArgumentParser(prog="python -m mediatoolkit.simulator", description=__doc__)
    parser.add_argument("vendors", nargs="*", metavar="vendor", help=", ".join(VENDORS))
    help_port = "port of the first vendor; 0 lets the system choose"
    parser.add_argument("--port", type=int, default=8765, help=help_port)
    parser.add_argument("--key", default="test-key", help="the only key that is accepted")
    options = parser.parse_args(arguments)
    for vendor in options.vendors:
        if vendor not in VENDORS:
            parser.error(f"{vendor} is not simulated: use {', '.join(VENDORS)}.")
    vendors = tuple(dict.fromkeys(options.vendors)) or Simulator.vendors
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Simulator(port=options.port, key=options.key, vendors=vendors)))


async def _serve(simulator: Simulator) -> None:
    async with simulator as sim:
        lines = [_line(name, url + _PATHS.get(name, "")) for name, url in sim.urls.items()]
        lines += [_line("file host", f"{sim.files_url}  {_TRUSTED}"), _line("key", sim.key)]
        lines += [_EXAMPLE.format(url=sim.url, key=sim.key)] if sim.vendors[0] == "gemini" else []
        print(*lines, "Ctrl-C stops it.", sep="\n", flush=True)  # noqa: T201 - for the terminal
        await asyncio.get_running_loop().create_future()


def _line(name: str, value: object) -> str:
    return f"{name:<18}{value}"


if __name__ == "__main__":
    main()

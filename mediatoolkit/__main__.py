"""Make media from the command line, such as `python -m mediatoolkit image "a red fox"`."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.runtime.events import Event
from mediatoolkit.runtime.files import check_folder

_KINDS: dict[str, tuple[type[Agent[Any, Any]], tuple[str, ...]]] = {
    "image": (ImageGenAgent, ("size", "aspect", "seed")),
    "speech": (VoiceAgent, ("voice", "style", "speed")),
    "video": (VideoGenAgent, ("seconds", "aspect", "resolution", "seed")),
}
_SUMMARIES = {"image": "make a picture", "speech": "make speech", "video": "make a film"}
_HELP = {
    "size": "512, 1K, 2K, 4K, or pixels such as 1024x768, where the model takes them",
    "aspect": "width to height, such as 16:9",
    "seed": "a whole number, for the same again",
    "voice": "a voice of the model, by name",
    "style": "how to say it; never spoken",
    "speed": "1 is the voice's own pace",
    "seconds": "how long",
    "resolution": "such as 720p",
}
_NUMBERS = {"seed": int, "speed": float, "seconds": float}
_INTERRUPTED = 130  # a shell's exit status: 128 and the number of the signal
_STORY = "A red fox sits under the stars. Far away, an owl calls in the wood."
_SCENES = ("a red fox under the stars", "an owl on a branch at midnight")


def main() -> int:
    """Read the command line, make what it asks for, print where it is."""
    arguments = _arguments()
    try:
        asyncio.run(_demo(arguments.out) if arguments.kind == "demo" else _make(arguments))
    except KeyboardInterrupt:
        _show(None)
        return _INTERRUPTED
    except MediaToolkitError as error:
        _show(None)
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


async def _make(arguments: argparse.Namespace) -> None:
    kind, names = _KINDS[arguments.kind]
    await asyncio.to_thread(check_folder, arguments.out.parent)
    async with kind(arguments.model, timeout=arguments.timeout) as agent:
        options = {name: getattr(arguments, name) for name in names}
        job = agent.start(arguments.prompt, **options)
        job.subscribe(lambda progress: _show(progress.event))
        media = await job
    await _save(media, arguments.out)


async def _demo(folder: Path) -> None:
    """A picture, speech and a film of both, all by the local engine."""
    from mediatoolkit.providers.local.film import FilmPlan, make_film
    from mediatoolkit.runtime.context import CallContext

    await asyncio.to_thread(check_folder, folder)
    async with ImageGenAgent("local", aspect="16:9", seed=0) as painter:
        images = await painter.generate_many(_SCENES, concurrency=2)
    async with VoiceAgent("local") as speaker:
        voice = await speaker.generate(_STORY)
    async with CallContext(300, listener=_show) as context:
        film = await make_film(FilmPlan.of(images, narration=voice), context)
    for media, name in ((images[0], "fox"), (voice, "story"), (film, "film")):
        await _save(media, folder / name)


async def _save(media: Media, out: Path) -> None:
    path = await media.asave(out)
    _show(None)
    print(f"{media!r}\n{path.resolve()}")  # noqa: T201 - a command


def _show(event: Event | None) -> None:
    """Write over the line of the last event, but only in a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{event or ''}", end="", file=sys.stderr)  # noqa: T201 - a command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mediatoolkit", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, (_, options) in _KINDS.items():
        kind = kinds.add_parser(name, help=_SUMMARIES[name])
        kind.add_argument("prompt", help="what to make")
        kind.add_argument("--model", help="vendor/model; left out, a vendor with a key, else local")
        kind.add_argument("--timeout", type=float, help="seconds for everything together")
        kind.add_argument("--out", type=Path, default=Path(name), help="file to write")
        for option in options:
            kind.add_argument(f"--{option}", type=_NUMBERS.get(option, str), help=_HELP[option])
    demo = kinds.add_parser("demo", help="make a picture, speech and a film with the local engine")
    demo.add_argument("--out", type=Path, default=Path(), help="folder to write to")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Make media from the command line, such as `python -m mediatoolkit image "a red fox"`.

A copy is kept in the store, where galleries find it. No file is replaced unless `--force` says so:
the next one gets `-2` in its name. `--quote` says what it would cost, and makes nothing. `run`
makes a whole table: `python -m mediatoolkit run prompts.csv --run posters --cap 40`.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from mediatoolkit import run_command
from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.caching import TYPED_WORDS, CacheWord, kept
from mediatoolkit.checks import meaning
from mediatoolkit.errors import MediaError, MediaToolkitError
from mediatoolkit.media import Image, Media, file_name
from mediatoolkit.media.containers import FILMS, PICTURES, SOUNDS, Family
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.runtime.events import Event
from mediatoolkit.runtime.files import check_folder, new_file
from mediatoolkit.store import Store

_KINDS: dict[str, tuple[type[Agent[Any, Any]], Family[Any], tuple[str, ...]]] = {
    "image": (ImageGenAgent, PICTURES, ("size", "aspect", "seed")),
    "speech": (VoiceAgent, SOUNDS, ("voice", "style", "speed")),
    "video": (VideoGenAgent, FILMS, ("seconds", "aspect", "resolution", "seed")),
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
_CACHE_HELP = (
    "hand out what is kept of the same request, else make it and keep it; =off does neither, "
    "=refresh makes it in any case, =only never does"
)
_NUMBERS = {"seed": int, "speed": float, "seconds": float}
_COLUMNS = 60  # of a terminal, that a picture takes
_INTERRUPTED = 130  # a shell's exit status: 128 and the number of the signal
_STORY = "A red fox sits under the stars. Far away, an owl calls in the wood."
_SCENES = ("a red fox under the stars", "an owl on a branch at midnight")


def main() -> int:
    """Read the command line, make what it asks for, print where it is."""
    arguments = _arguments()
    try:
        if arguments.command == "run":
            return asyncio.run(run_command.make(arguments))
        asyncio.run(_make(arguments) if arguments.command in _KINDS else _demo(arguments))
    except KeyboardInterrupt:
        _show(None)
        return _INTERRUPTED
    except MediaToolkitError as error:
        _show(None)
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    return 0


async def _make(arguments: argparse.Namespace) -> None:
    kind, family, names = _KINDS[arguments.command]
    options = {name: getattr(arguments, name) for name in names}
    word = arguments.cache
    cache: CacheWord = None if word is None else meaning(word, TYPED_WORDS, "--cache")
    if not arguments.quote:
        await asyncio.to_thread(_check, arguments.out, family)
    store, timeout = Store.default(), arguments.timeout
    async with kind(arguments.model, store=store, timeout=timeout, cache=cache) as agent:
        if arguments.quote:
            _print_price(agent.quote(arguments.prompt, **options))
            return
        job = agent.start(arguments.prompt, take=arguments.take, **options)
        job.subscribe(lambda progress: _show(progress.event))
        media = await job
    try:
        path = await _save(media, arguments.out, replace=arguments.force)
    except MediaToolkitError:
        _tell(media, media.path, _cost(media))  # the copy in the store is all there is
        raise
    if arguments.open:
        await asyncio.to_thread(_open, path)


def _check(out: Path, family: Family[Any]) -> None:
    """Find out before anything is made, and maybe paid, whether it can be written."""
    if out.is_dir():
        check_folder(out)
        return
    check_folder(out.parent)
    if out.suffix and family.type_of(out) is None:
        raise MediaError(f"A {family.noun} is saved as {family.suffixes}, not as {out.suffix!r}.")


async def _demo(arguments: argparse.Namespace) -> None:
    """A picture, speech and a film of both, all by the local engine."""
    from mediatoolkit.providers.local.film import FilmPlan, make_film
    from mediatoolkit.runtime.context import CallContext

    out, replace = arguments.out, arguments.force
    await asyncio.to_thread(check_folder, out)
    async with ImageGenAgent("local", aspect="16:9", seed=0) as painter:
        images = await painter.generate_many(_SCENES, concurrency=2)
    await _save(images[0], out / "fox", replace=replace)
    async with VoiceAgent("local") as speaker:
        voice = await speaker.generate(_STORY)
    await _save(voice, out / "story", replace=replace)
    async with CallContext(300, listener=_show) as context:
        film = await make_film(FilmPlan.of(images, narration=voice), context)
    await _save(film, out / "film", replace=replace)


async def _save(media: Media, out: Path, *, replace: bool) -> Path:
    """Write *media*, and print what the file is and where; no file is replaced unasked."""
    path = await asyncio.to_thread(_write, media, out, replace)
    # Another type than the media's own, if the ending says so.
    _tell(await asyncio.to_thread(type(media).open, path), path.resolve(), _cost(media))
    if isinstance(media, Image) and sys.stdout.isatty():
        _draw(media)
    return path


def _tell(media: Media, path: Path | None, cost: str) -> None:
    _show(None)
    print(f"{media!r}{cost}\n{path}")  # noqa: T201 - a command


def _print_price(price: Price) -> None:
    """Such as `$0.067 (list price of 2026-11-28)`."""
    print(f"{price} ({price.basis})" if price.basis else price)  # noqa: T201 - a command


def _cost(media: Media) -> str:
    """Such as `, $0.067` or `, kept 2026-11-27, $0 now, $0.067 then`; empty where it was free."""
    cost = f"{media.cost}" if media.cost and media.cost.usd else ""
    entry = kept(media) if media.cached else None
    if entry is None:
        return cost and f", {cost}"
    day = datetime.fromisoformat(entry.created).astimezone()
    return f", kept {day:%Y-%m-%d}" + (cost and f", $0 now, {cost} then")


def _draw(image: Image) -> None:
    """Draw *image* where the extra `terminal` is installed and the terminal has pixels."""
    try:
        from rich.console import Console
        from textual_image.renderable import Image as Drawing
        from textual_image.renderable import SixelImage, TGPImage
    except ImportError:
        return
    columns = min(_COLUMNS, os.get_terminal_size(sys.stdout.fileno()).columns)
    if columns and Drawing in {SixelImage, TGPImage}:  # else it would be blocks of colour
        Console().print(Drawing(image.to_pil(), width=columns))


def _write(media: Media, out: Path, replace: bool) -> Path:  # noqa: FBT001 - for a thread
    path = out / file_name(media) if out.is_dir() else out
    path = path if path.suffix else path.with_name(path.name + media.extension)
    if replace:
        return media.save(path)
    with new_file(path) as free:
        return media.save(free)


def _open(path: Path) -> None:
    """Show the file in the viewer of the system, if there is one."""
    command = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
    has_screen = command != "xdg-open" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    viewer = shutil.which(command) if has_screen else None
    if viewer is None:
        print("There is no viewer here to open it in.", file=sys.stderr)  # noqa: T201 - a command
        return
    quiet = subprocess.DEVNULL
    subprocess.Popen(  # noqa: S603 - the system's own viewer, which stays when we are gone
        [viewer, str(path.resolve())], stdout=quiet, stderr=quiet, start_new_session=True
    )


def _show(event: Event | None) -> None:
    """Write over the line of the last event, but only in a terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{event or ''}", end="", file=sys.stderr)  # noqa: T201 - a command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mediatoolkit", description=__doc__)
    kinds = parser.add_subparsers(dest="command", required=True)
    for name, (*_, options) in _KINDS.items():
        kind = kinds.add_parser(name, help=_SUMMARIES[name])
        kind.add_argument("prompt", help="what to make")
        kind.add_argument("--model", help="vendor/model; left out, a vendor with a key, else local")
        kind.add_argument("--timeout", type=float, help="seconds for everything together")
        _add_out(kind, "file to write, or folder; left out, here, with a name made of the prompt")
        kind.add_argument("--quote", action="store_true", help="only say what it would cost")
        kind.add_argument("--cache", nargs="?", metavar="WORD", help=_CACHE_HELP)
        kind.add_argument("--take", type=int, help="which of several results, from 1")
        kind.add_argument("--open", action="store_true", help="show it in the system's viewer")
        for option in options:
            kind.add_argument(f"--{option}", type=_NUMBERS.get(option, str), help=_HELP[option])
    demo = kinds.add_parser("demo", help="make a picture, speech and a film with the local engine")
    _add_out(demo, "folder to write to")
    run_command.add_to(kinds)
    return parser.parse_args(_with_cache_word(sys.argv[1:]))


def _with_cache_word(words: list[str]) -> list[str]:
    """Write a lone `--cache` in full, for argparse would take a prompt behind it for its word."""
    return [
        "--cache=on" if word == "--cache" and following not in TYPED_WORDS else word
        for word, following in zip(words, [*words[1:], ""], strict=True)
    ]


def _add_out(parser: argparse.ArgumentParser, wanted: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(), help=wanted)
    parser.add_argument("--force", action="store_true", help="replace a file of that name")


if __name__ == "__main__":
    sys.exit(main())

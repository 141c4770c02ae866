"""What is stored in the tutorials: links to the repository, and outputs that are small.

`python -m tests.tutorials badges` writes the links, `python -m tests.tutorials outputs` runs the
notebooks in a folder that is empty, without a key, and keeps what they show. What follows, such as
`outputs 06`, is how the names of the notebooks begin that are run.
"""

import asyncio
import base64
import json
import os
import re
import sys
import tempfile
import tomllib
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import PIL.Image
from nbclient import NotebookClient

from mediatoolkit.media import Image
from mediatoolkit.media.pixels import reduced
from mediatoolkit.providers.registry import ORDER
from tests.chosen import chosen

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 30_000
"""Bytes of one stored output, as JSON."""

KEYS = [name for names in ORDER.values() for name in names]
"""Variables of the environment with a vendor's key or address, which would change what is shown."""

_ADDRESS = re.compile(
    r"(mybinder\.org/v2/gh|colab\.research\.google\.com/github|https://github\.com)"
    r"/[\w.-]+/[\w-]+"
)
_SIDES = (512, 448, 384, 320, 256, 192, 128)
_EMBEDDED = re.compile(r"(data:[\w/+-]+;base64,)[\w+/=]+")
_TOKENS = re.compile(r'(data-mt-\w+=\\?")\w+')  # made of the bytes of the media
_TIMES = re.compile(r"after \d+\.\d s(?:, [a-z ]+)?|while [a-z ]+")  # and what was under way then
_TOOK = re.compile(r"(done, [^<\n]*?)\d+ s\b")  # a run, at the end of its summary
_PORTS = re.compile(r"(127\.0\.0\.1:)\d+")  # another one where that of the notebook is taken
_SIZES = re.compile(r"\d[\d.,]*( [kM]B)")  # of files, which another encoder makes
_STAMPS = re.compile(r"\d\d:\d\d:\d\d,\d\d\d")  # of captions: a voice model counts on each CPU anew
_QUOTE = r'(?:\\"|&quot;)'
_EXTRA = re.compile(  # what diffusers lacks, with its packages and without
    rf"Name a pipeline: model={_QUOTE}diffusers/(?:<|&lt;)folder or id at the Hub"
    rf"(?:>|&gt;){_QUOTE}\."
    r"|Pictures by diffusers need packages that are not installed: "
    rf"pip install {_QUOTE}mediatoolkit\[diffusers\]{_QUOTE}\."
)
_ALIKE = 3.0
"""Mean difference of two pictures, from 0 to 255, that comes of another decoder or encoder."""
_GRAIN = 4
"""Pixels to a side that are compared as one.

A voice that is a millisecond shorter on another CPU moves the grain of all frames of its film.
"""


def repository() -> str:
    """Owner and name, as `[project.urls]` has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return "/".join(project["urls"]["Repository"].split("/")[-2:])


def with_links(text: str) -> str:
    """*text* with every link to the repository leading to `repository()`."""
    return _ADDRESS.sub(rf"\1/{repository()}", text)


def links(text: str) -> list[str]:
    """The sites, each with an owner and a name, that *text* links to."""
    return [match[0] for match in _ADDRESS.finditer(text)]


async def executed(path: Path, folder: Path) -> Any:
    """The notebook as it is stored after a run in *folder*; the environment is the caller's."""
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(
        book, timeout=120, kernel_name="python3", store_widget_state=False, coalesce_streams=True
    )
    await client.async_execute(cwd=str(folder))
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # when each cell ran
    return book


def shrink(book: Any) -> None:
    """Make every output small, in place: a picture or else HTML, and a line of text."""
    book.metadata = {"kernelspec": book.metadata.kernelspec, "language_info": {"name": "python"}}
    for cell in book.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                _shrink(output)


def differences(stored: Any, fresh: Any) -> list[str]:
    """Where two runs of a notebook show something else; times and encoders do not count."""
    pairs = zip(stored.cells, fresh.cells, strict=True)
    return [
        f"{old.id}: {_comparable(before)} is now {_comparable(after)}"
        for old, new in pairs
        for before, after in zip_longest(old.get("outputs", []), new.get("outputs", []))
        if not _alike(before, after)
    ]


def _shrink(output: Any) -> None:
    data = output.data
    picture = next((kind for kind in data if kind.startswith("image/")), None)
    plain = {"text/plain": data["text/plain"]}
    if picture is not None:
        small = _small(base64.b64decode(data[picture]))
        plain["image/jpeg"] = base64.b64encode(small).decode()
        alt = output.metadata.get(picture, {}).get("alt")
        output.metadata = {"image/jpeg": {"alt": alt}} if alt else {}
    elif len(data.get("text/html", "")) < LARGEST * 0.9:
        plain |= {"text/html": data["text/html"]} if "text/html" in data else {}
    output.data = plain


def _small(data: bytes) -> bytes:
    """A JPEG of *data* that fits into an output as Base64."""
    tries = (reduced(data, side) for side in _SIDES)
    return next(jpeg for jpeg in tries if len(jpeg) < LARGEST * 0.7)


def _comparable(output: Any) -> dict[str, Any]:
    """What has to be the same in every run, as text."""
    if output is None:
        return {}
    data = {kind: text for kind, text in output.get("data", {}).items() if "image" not in kind}
    said = json.dumps({**data, "text": output.get("text", ""), "type": output.output_type})
    for pattern in (_EMBEDDED, _TOKENS, _PORTS, _SIZES, _TOOK):
        said = pattern.sub(r"\1", said)
    said = _EXTRA.sub("the extra", _STAMPS.sub("some time", said))
    return json.loads(_TIMES.sub("after some s", said))  # type: ignore[no-any-return]


def _alike(stored: Any, fresh: Any) -> bool:
    if not (stored and fresh) or _comparable(stored) != _comparable(fresh):
        return False
    pictures = [output.get("data", {}).get("image/jpeg") for output in (stored, fresh)]
    if None in pictures:
        return pictures == [None, None]
    before, after = map(_without_grain, pictures)
    return before.shape == after.shape and float(np.abs(before - after).mean()) < _ALIKE


def _without_grain(picture: str) -> Any:
    pixels = PIL.Image.fromarray(np.asarray(Image(base64.b64decode(picture))))
    return np.asarray(pixels.reduce(_GRAIN), np.float32)


async def _store_outputs(beginning: str = "") -> None:
    for name in KEYS:
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ |= chosen("local")
    for path in TUTORIALS:
        if not path.name.startswith(beginning):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MEDIATOOLKIT_STORE"] = f"{folder}/store"
            book = await executed(path, Path(folder))
        shrink(book)
        path.write_text(nbformat.writes(book) + "\n")
        sizes = [len(json.dumps(out)) for cell in book.cells for out in cell.get("outputs", [])]
        print(f"{path.name}: {len(sizes)} outputs, the largest has {max(sizes):,} bytes")


def _store_links() -> None:
    for path in (ROOT / "README.md", *TUTORIALS):
        path.write_text(with_links(path.read_text()))


if __name__ == "__main__":
    _store_links() if sys.argv[1:] == ["badges"] else asyncio.run(_store_outputs(*sys.argv[2:3]))

"""Several pieces of media as a list, to be saved whole; notebooks show it as a grid."""

import asyncio
import os
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import BinaryIO, SupportsIndex, TypeVar, overload

from mediatoolkit.errors import MediaError
from mediatoolkit.media.base import Media, file_name
from mediatoolkit.runtime import files

T = TypeVar("T")


class MediaList(list[T]):
    """A list of media, public as `mt.MediaList`; a notebook shows it as a grid.

    It is a list in everything else. Its slices and sums are such lists too. An error may stand in
    the place of what failed.
    """

    __slots__ = ()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write every piece into a folder or a zip file, named after its prompt; blocks.

        Args:
            path: A folder, which is made if it is not there, or a name that ends in `.zip`.
                Nothing is overwritten: what has a name that is taken becomes `…-2`.

        Returns:
            The folder or the zip file.

        Raises:
            MediaError: There is no media in the list.
            StorageError: A file could not be written.
        """
        media = [piece for piece in self if isinstance(piece, Media)]
        if not media:
            raise MediaError("There is no media in this list to save.")
        target = files.path_of(path)
        if target.suffix.lower() == ".zip":
            return _save_zip(target, media)
        files.make_folder(target)
        for piece in media:
            with files.new_file(target / file_name(piece)) as new:
                piece.save(new)
        return target

    async def asave(self, path: str | os.PathLike[str]) -> Path:
        """Do as `save`, without blocking the loop."""
        return await asyncio.to_thread(self.save, path)

    @overload
    def __getitem__(self, at: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> "MediaList[T]": ...
    def __getitem__(self, at: SupportsIndex | slice) -> "T | MediaList[T]":
        """One piece, or a list of some."""
        if isinstance(at, slice):
            return MediaList(super().__getitem__(at))
        return super().__getitem__(at)

    def __add__(self, others: list[T]) -> "MediaList[T]":  # type: ignore[override]
        """Both lists, one after the other."""
        return MediaList(super().__add__(others))


def write_zip(file: BinaryIO | Path, media: Iterable[Media]) -> None:
    """Write *media* into a zip file, each piece named after its prompt and with its provenance."""
    from zipfile import ZipFile, ZipInfo

    names: set[str] = set()
    with ZipFile(file, "w") as archive:
        for piece in media:
            entry = ZipInfo(_unused(file_name(piece), names), time.localtime()[:6])
            with archive.open(entry, "w", force_zip64=True) as part:
                for data in piece.serialize():
                    part.write(data)
            names.add(entry.filename)


def _save_zip(target: Path, media: Iterable[Media]) -> Path:
    with files.new_file(target) as new:
        with files.partial_file(new) as part, part.open("r+b") as file:
            write_zip(file, media)
            files.flush_to_disk(file)
        return new


def _unused(name: str, names: set[str]) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name in an archive is no path
    numbered = (f"{stem}-{number}{suffix}" for number in count(2))
    return name if name not in names else next(each for each in numbered if each not in names)

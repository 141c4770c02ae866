"""A folder of media, named by digest, written whole or not at all."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import aiofiles
import platformdirs

from mediatoolkit import files
from mediatoolkit.errors import StorageError
from mediatoolkit.media import Media

M = TypeVar("M", bound=Media)

_DIGITS = 16  # of the digest, in a name: 64 bits


class Store:
    """Keeps media in a folder; the same media is kept once.

    Args:
        folder: Must exist, unless *create* is set.
        create: Make the folder, and those above it, when it is first needed.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = False) -> None:
        """Remember the folder; nothing is touched yet."""
        self.folder = Path(folder)
        self._create = create
        self._swept = False

    @classmethod
    def default(cls) -> "Store":
        """The store of this user: `$MEDIATOOLKIT_STORE`, or a folder among the user's data."""
        chosen = os.environ.get("MEDIATOOLKIT_STORE")
        data = platformdirs.user_data_path("mediatoolkit", appauthor=False)
        return cls(Path(chosen) if chosen else data / "media", create=True)

    async def check(self) -> None:
        """Make sure that media can be kept, before any is paid for.

        Raises:
            StorageError: The folder is missing, is a file, or may not be written to.
        """
        await asyncio.to_thread(self._check)

    async def put(self, media: M) -> M:
        """Keep *media*, with its provenance inside the file.

        Returns:
            The same media, with `path` saying where it lies.

        Raises:
            StorageError: It could not be written; `media` on the error still has it.
        """
        name = (await asyncio.to_thread(media.digest))[:_DIGITS] + media.extension
        try:
            path = await self._write(self.folder / name, media)
        except StorageError as error:
            error.media = media
            raise
        return replace(media, path=path)

    def __repr__(self) -> str:
        """Without the path, which differs from machine to machine."""
        return "<Store>"

    def _check(self) -> None:
        if self._create:
            self._make()
        files.check_folder(self.folder)
        if not self._swept:
            files.sweep(self.folder)
            self._swept = True

    def _make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            failure = files.storage_error(self.folder, error)
        else:
            return
        raise failure

    async def _write(self, path: Path, media: Media) -> Path:
        with files.partial_file(path) as part:
            async with aiofiles.open(part, "xb") as file:
                await file.writelines(media.file_pieces())
                await file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        return path

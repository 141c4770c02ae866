"""What is shown is held no longer than somebody wants it: media lies in files."""

import weakref
from typing import Any

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.runtime.job import Job


class Held:
    """The way to *media*, which is in memory only while somebody else keeps it there."""

    __slots__ = ("_held", "_kind", "_path")

    def __init__(self, media: Media) -> None:
        """Remember where it is."""
        self._kind, self._path = type(media), media.path
        self._held = weakref.ref(media)

    @property
    def noun(self) -> str:
        """What it is called, such as `picture`."""
        return self._kind.noun

    @property
    def is_in_file(self) -> bool:
        """Whether nobody needs to hold it."""
        return self._path is not None

    def alive(self) -> Media | None:
        """The media, while it is in memory."""
        return self._held()

    def get(self) -> Media:
        """The media, or a copy from its file; blocks.

        Raises:
            MediaToolkitError: It is gone, and in no file.
        """
        alive = self._held()
        if alive is not None:
            return alive
        if self._path is None:
            raise MediaToolkitError(
                f"This {self.noun} is in memory no more and in no file; run its cell again."
            )
        return self._kind.open(self._path)


class Over:
    """What is kept of a job whose result lies in a file; stands where the job stood.

    Args:
        job: Done.
        media: What it brought, in a file.
        jpeg: A small picture of it, or None where there is nothing to see.
    """

    __slots__ = ("jpeg", "label", "line", "loop", "media", "progress")

    def __init__(self, job: Job[Media], media: Media, jpeg: bytes | None) -> None:
        """Keep little."""
        self.label = job.label
        self.loop = job.loop
        self.progress = job.progress
        self.media = Held(media)
        self.jpeg = jpeg
        self.line = repr(media)

    def done(self) -> bool:
        """It is."""
        return True


Told = Job[Any] | Over
"""Of what a place tells."""

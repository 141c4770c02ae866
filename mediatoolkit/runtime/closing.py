"""What is used with `async with`, and closed at the end of it."""

import abc
from typing import NoReturn, Self


class Closing(abc.ABC):
    """Something that lets go of what it holds at the end of `async with`, or by hand before."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of everything; may be called again."""

    def __reduce__(self) -> NoReturn:
        """Refuse: connections and keys stay in their process."""
        name = type(self).__name__
        raise TypeError(
            f"This {name} holds connections of this process, so it is never pickled or copied; "
            f"make it in the worker: {name}(…)."
        )

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self.close()

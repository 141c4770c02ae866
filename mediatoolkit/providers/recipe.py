"""What another process makes an equal client from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mediatoolkit.transport.secret import SealedKey

if TYPE_CHECKING:
    from mediatoolkit.providers.base import Client


@dataclass(frozen=True, slots=True)
class ClientRecipe:
    """What a worker makes a client from; it can be pickled.

    Attributes:
        kind: The class of the client.
        options: Keywords for its constructor.
        key: The key, or None where the worker finds it in its own environment, or needs none.
    """

    kind: "type[Client[Any, Any]]"
    options: Mapping[str, Any]
    key: SealedKey | None = None

    def client(self) -> "Client[Any, Any]":
        """Make the client; opens nothing.

        Raises:
            AuthenticationError: The key is not in the environment of this process.
        """
        key = {} if self.key is None else {"api_key": self.key.reveal()}
        return self.kind(**self.options, **key)

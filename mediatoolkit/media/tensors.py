"""Numbers of tensors, without importing what made them."""

from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError

if TYPE_CHECKING:
    import numpy.typing as npt


def is_tensor(thing: object) -> bool:
    """Whether *thing* is a tensor as torch has them; an open file has a `detach`, too."""
    return all(callable(getattr(thing, name, None)) for name in ("detach", "cpu", "numpy"))


def array_of_tensor(tensor: Any) -> "npt.NDArray[Any]":
    """The numbers of a tensor, wherever it is; float types that NumPy lacks become float32.

    Raises:
        MediaError: NumPy cannot have them.
    """
    import numpy as np

    try:
        plain = tensor.detach().cpu()
        try:
            return np.asarray(plain.numpy())
        except TypeError:  # bfloat16, and the floats of 8 bits
            return np.asarray(plain.float().numpy())
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise MediaError(f"The tensor has no numbers for NumPy: {error}") from error

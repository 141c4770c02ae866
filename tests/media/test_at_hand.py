"""Pictures of what people have at hand, and arrays of pictures."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from PIL import Image as PillowImage

import mediatoolkit as mt
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image

SQUARE = np.random.default_rng(2).integers(0, 255, (6, 8, 3), dtype=np.uint8)


def data() -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(SQUARE).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "take",
    [np.array, np.copy, np.asarray, lambda image: np.array(image, copy=True), Image.__array__],
)
def test_an_array_of_a_picture_can_be_drawn_on(take: Callable[[Image], np.ndarray]) -> None:
    image = Image(data())
    pixels = take(image)
    assert (pixels == SQUARE).all()
    pixels[:2] = 0
    assert (np.asarray(image) == SQUARE).all()


def test_an_array_has_the_type_that_is_wanted_and_is_always_a_copy() -> None:
    image = Image(data())
    assert np.asarray(image, dtype=np.float32).dtype == np.float32
    assert np.array(image, dtype=float).flags.writeable
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(image, copy=False)


class Stream:
    """Such as an answer of the web: it can be read once, and nothing else."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._rest = data()

    def read(self) -> bytes:
        whole, self._rest = self._rest, b""
        return whole


@pytest.fixture(params=["file", "raw file", "buffer", "buffer at its end", "stream"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "fox.png"
    path.write_bytes(data())
    buffer = io.BytesIO(data())
    match request.param:
        case "file":
            with path.open("rb") as file:
                yield file
        case "raw file":
            with path.open("rb", buffering=0) as file:
                yield file
        case "buffer at its end":
            buffer.seek(0, io.SEEK_END)
            yield buffer
        case "buffer":
            yield buffer
        case _:
            yield Stream()


def is_unharmed(file: Any) -> bool:
    """Whether its owner can go on with it."""
    return file.read() == b"" and not getattr(file, "closed", False)


def test_an_open_file_is_a_picture_and_stays_open(opened: Any) -> None:
    assert (np.asarray(Image.of(opened)) == SQUARE).all()
    assert is_unharmed(opened)


def test_an_open_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"a head of some other kind" + data())
    file.seek(len(b"a head of some other kind"))
    assert (np.asarray(Image.of(file)) == SQUARE).all()


def test_an_open_file_is_a_reference(opened: Any) -> None:
    (reference,) = mt.ImagePrompt("x", references=[opened]).references
    assert (np.asarray(reference) == SQUARE).all()
    assert is_unharmed(opened)


def test_an_open_file_is_a_mask_and_a_first_picture(opened: Any) -> None:
    prompt = mt.VideoPrompt("x", image=opened)
    assert prompt.image is not None
    assert prompt.image.width == 8
    masked = mt.ImagePrompt("x", references=[data()], mask=io.BytesIO(data()))
    assert masked.mask is not None


def test_an_open_file_is_compared(opened: Any) -> None:
    mt.compare(opened, data())
    assert is_unharmed(opened)


async def test_an_open_file_is_a_film(opened: Any) -> None:
    film = await mt.film([opened], seconds=0.2)
    assert film.width > 0
    assert is_unharmed(opened)


def test_one_open_file_is_no_list_of_references(tmp_path: Path) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(data())
    with path.open("rb") as file, pytest.raises(PromptError, match="takes a list"):
        mt.ImagePrompt("x", references=cast("Any", file))


def text_file(folder: Path) -> Any:
    path = folder / "text"
    path.write_text("no picture")
    return path.open()


def closed_file(folder: Path) -> BinaryIO:
    path = folder / "closed"
    path.write_bytes(data())
    with path.open("rb") as file:
        return file


class Later:
    """Reads as the uploads of web servers do."""

    async def read(self) -> bytes:
        return data()


@pytest.mark.parametrize("make", [text_file, closed_file, lambda _folder: Later()])
def test_a_file_that_gives_no_bytes_is_an_error_of_ours(
    make: Callable[[Path], Any], tmp_path: Path
) -> None:
    file = make(tmp_path)
    with pytest.raises(MediaError, match=r"not bytes|cannot be read"):
        Image.of(file)
    if hasattr(file, "close"):
        file.close()


class Tensor:
    """Behaves as torch's does, in its words."""

    def __init__(
        self, array: np.ndarray, dtype: str = "Float", *, device: str = "cpu", grad: bool = False
    ) -> None:
        """Its numbers, and what is said of them."""
        self._array, self._dtype, self._device, self._grad = array, dtype, device, grad

    def _with(self, **changes: Any) -> "Tensor":
        now: dict[str, Any] = {
            "device": self._device,
            "grad": self._grad,
            "dtype": self._dtype,
        } | changes
        return Tensor(self._array, **now)

    def detach(self) -> "Tensor":
        return self._with(grad=False)

    def cpu(self) -> "Tensor":
        return self._with(device="cpu")

    def float(self) -> "Tensor":
        return self._with(dtype="Float")

    def numpy(self) -> np.ndarray:
        if self._device != "cpu":
            raise TypeError(f"can't convert {self._device} device type tensor to numpy.")
        if self._grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self._dtype in ("BFloat16", "Float8_e4m3fn"):
            raise TypeError(f"Got unsupported ScalarType {self._dtype}")
        return self._array

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        """As NumPy asks for it."""
        return self.numpy()


@pytest.mark.parametrize("dtype", ["Float", "BFloat16", "Float8_e4m3fn"])
@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("grad", [True, False])
def test_a_tensor_of_any_float_is_a_picture(*, dtype: str, device: str, grad: bool) -> None:
    floats = np.moveaxis(SQUARE, -1, 0).astype(np.float32) / 255
    tensor = Tensor(floats, dtype, device=device, grad=grad)
    assert (np.asarray(Image.of(tensor)) == SQUARE).all()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_of_any_width_are_a_picture(kind: type[np.floating]) -> None:
    assert (np.asarray(Image.of((SQUARE / 255).astype(kind))) == SQUARE).all()
    tensor = Tensor(np.moveaxis(SQUARE / 255, -1, 0).astype(kind))
    assert (np.asarray(Image.of(tensor)) == SQUARE).all()


class Detached:
    """Has a `detach` for reasons of its own."""

    def detach(self) -> None:
        raise AssertionError("nobody may detach this")


class NoArray:
    """Says that it has numbers, and has none for NumPy."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        """As NumPy asks for it."""
        raise TypeError("Implicit conversion to a NumPy array is not allowed")


class NoTensor(Tensor):
    def numpy(self) -> np.ndarray:
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@pytest.mark.parametrize(
    "thing", [Detached(), NoArray(), NoTensor(SQUARE), object(), [1, 2], {}, 1.5, SQUARE[:0]]
)
def test_what_is_no_picture_is_an_error_of_ours(thing: object) -> None:
    with pytest.raises(MediaError):
        Image.of(thing)
    with pytest.raises(MediaError, match="reference 1"):
        mt.ImagePrompt.of("x", references=[thing])


def test_floats_a_little_out_of_range_are_rounded() -> None:
    """As arithmetic leaves them."""
    rounded = np.asarray(Image.of(np.array([[1.0000001, -1e-7, 0.5]])))
    assert rounded[..., 0].tolist() == [[255, 0, 128]]


@pytest.mark.parametrize(
    ("floats", "words"),
    [
        (SQUARE.astype(float), "from 0 to 25[0-9]; scale or clip"),
        (SQUARE / 255 - 0.5, "from -0.5"),
        (np.full((2, 2), np.nan), "finite"),
        (np.full((2, 2), np.inf), "finite"),
    ],
)
def test_floats_out_of_range_are_told_with_their_range(floats: np.ndarray, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        Image.of(floats)

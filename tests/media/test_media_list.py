"""A list of media is a list in everything, and saves itself under speaking names."""

import copy
import io
import json
import pickle
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image as Pillow

import mediatoolkit as mt
from mediatoolkit.media.media_list import write_zip


def picture(prompt: str, colour: str = "red") -> mt.Image:
    record = mt.Provenance(model="local/painter", prompt=prompt, engine="local")
    return mt.Image(mt.Image.of(Pillow.new("RGB", (8, 8), colour)).data, provenance=record)


FOX, OWL = picture("A red fox!"), picture("an owl", "brown")


def test_it_is_a_list_in_everything() -> None:
    images = mt.MediaList([FOX, OWL])
    assert isinstance(images, list)
    assert images == [FOX, OWL]
    assert images[0] is FOX
    assert [image for image in images if image is OWL] == [OWL]
    for part in (images[:1], images + [OWL], copy.copy(images)):  # noqa: RUF005 - the sum
        assert type(part) is mt.MediaList
    assert [*images[:1], *images[1:]] == images
    assert repr(images) == str(images) == f"[{FOX!r}, {OWL!r}]"
    json.dumps(repr(images))
    there = pickle.loads(pickle.dumps(images))  # noqa: S301 - our own bytes
    assert type(there) is mt.MediaList
    assert [image.data for image in there] == [FOX.data, OWL.data]


def test_files_are_named_after_their_prompts_and_none_is_overwritten(tmp_path: Path) -> None:
    images = mt.MediaList([FOX, OWL, FOX])
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "an-owl.png").write_bytes(b"mine")
    for _ in range(2):
        assert images.save(tmp_path / "pets") == tmp_path / "pets"
    names = sorted(path.name for path in (tmp_path / "pets").iterdir())
    foxes = ["a-red-fox-2.png", "a-red-fox-3.png", "a-red-fox-4.png", "a-red-fox.png"]
    assert names == [*foxes, "an-owl-2.png", "an-owl-3.png", "an-owl.png"]
    assert (tmp_path / "pets" / "an-owl.png").read_bytes() == b"mine"
    fox = mt.Image.open(tmp_path / "pets" / "a-red-fox.png")
    assert fox.provenance is not None
    assert fox.provenance.prompt == "A red fox!"


async def test_a_zip_file_holds_them_all(tmp_path: Path) -> None:
    failed = mt.RefusalError("no", reason="no")
    images: mt.MediaList[object] = mt.MediaList([FOX, failed, FOX])
    first, second = await images.asave(tmp_path / "all.zip"), images.save(tmp_path / "all.zip")
    assert (first.name, second.name) == ("all.zip", "all-2.zip")
    with ZipFile(first) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a-red-fox.png", "a-red-fox-2.png"]
        fox = mt.Image(archive.read("a-red-fox.png"))
    assert fox.provenance is not None
    assert fox.provenance.prompt == "A red fox!"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all-2.zip", "all.zip"]


def test_a_zip_file_can_be_made_in_memory() -> None:
    buffer = io.BytesIO()
    write_zip(buffer, [FOX, OWL])
    assert ZipFile(buffer).namelist() == ["a-red-fox.png", "an-owl.png"]


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    with pytest.raises(mt.MediaError, match="no media"):
        mt.MediaList([]).save(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(mt.StorageError, match="in the way"):
        mt.MediaList([FOX]).save(tmp_path / "file")
    with pytest.raises(mt.StorageError, match="Make the folder first"):
        mt.MediaList([FOX]).save(tmp_path / "no" / "folder")

"""google-genai uploads, lists, refers to and deletes files at the simulator."""

import io
from typing import Any

import pytest
from PIL import ImageStat

from mediatoolkit.simulator import Simulator
from tests.conformance.conftest import QUIET, Sdk, errors, png, types
from tests.conformance.test_google_genai import MODEL, SMALL, picture_of

pytestmark = QUIET


async def upload(sdk: Sdk, data: bytes, mime_type: str = "image/png") -> Any:
    config = {"mime_type": mime_type, "display_name": "ref.png"}
    return await sdk.call("files.upload", file=io.BytesIO(data), config=config)


async def test_a_file_is_uploaded_looked_up_listed_and_deleted(sdk: Sdk) -> None:
    file = await upload(sdk, png())
    again = await sdk.call("files.get", name=file.name)
    listed = await sdk.call("files.list")
    names = [each.name async for each in listed] if sdk.way == "aio" else [x.name for x in listed]
    await sdk.call("files.delete", name=file.name)

    assert (file.display_name, file.mime_type) == ("ref.png", "image/png")
    assert (file.size_bytes, file.state, file.source) == (len(png()), "ACTIVE", "UPLOADED")
    assert file.uri == f"https://generativelanguage.googleapis.com/v1beta/{file.name}"
    assert (file.expiration_time - file.create_time).total_seconds() == 48 * 3600
    assert again == file
    assert names == [file.name]
    with pytest.raises(errors.ClientError) as caught:
        await sdk.call("files.get", name=file.name)
    assert (caught.value.code, caught.value.status) == (403, "PERMISSION_DENIED")


# The SDK hands a piece of 8 MiB to aiohttp as bytes.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
async def test_a_large_file_comes_in_pieces_of_8_mib(sdk: Sdk, sim: Simulator) -> None:
    """The granularity and the empty text of the start are recorded; only the start has a key."""
    data = bytes(9 << 20)
    file = await upload(sdk, data, "video/mp4")

    assert file.size_bytes == len(data)
    start, *pieces = sim.requests
    commands = [piece.headers["X-Goog-Upload-Command"] for piece in pieces]
    assert commands == ["upload", "upload, finalize"]
    assert [len(piece.data) for piece in pieces] == [8 << 20, 1 << 20]
    assert start.key == "test-key"


async def test_an_uploaded_picture_is_a_reference(sdk: Sdk) -> None:
    means = {}
    for color in ("red", "blue"):
        file = await upload(sdk, png(color))
        response = await sdk.generate(model=MODEL, contents=[file, "a fox"], config=SMALL)
        means[color] = ImageStat.Stat(picture_of(response)).mean

    assert means["red"][0] > means["blue"][0] + 100
    assert means["blue"][2] > means["red"][2] + 100
    assert response.usage_metadata.prompt_token_count == 562


async def test_a_file_that_is_not_there_is_forbidden(sdk: Sdk) -> None:
    uri = "https://generativelanguage.googleapis.com/v1beta/files/abc-123"
    part = types.Part.from_uri(file_uri=uri, mime_type="image/png")
    with pytest.raises(errors.ClientError, match="You do not have permission") as caught:
        await sdk.generate(model=MODEL, contents=[part, "a fox"])

    assert caught.value.code == 403


async def test_an_uploaded_picture_begins_a_film(sdk: Sdk) -> None:
    file = await upload(sdk, png())
    started = await sdk.call(
        "interactions.create",
        model="gemini-omni-1.2-flash",
        background=True,
        input=[
            {"type": "image", "mime_type": "image/png", "uri": file.uri},
            {"type": "text", "text": "it moves"},
        ],
        generation_config={"video_config": {"task": "image_to_video"}},
    )

    assert started.status == "in_progress"

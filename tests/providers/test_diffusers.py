"""diffusers: a tiny pipeline, made in memory, draws on the processor, step by step."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import (
    ClosedError,
    DeadlineError,
    MissingExtraError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
    RefusalError,
)
from mediatoolkit.providers.diffusers import DiffusersImageClient, pipelines
from mediatoolkit.providers.diffusers import client as diffusers_client
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event, Loading, Partial, Queued
from mediatoolkit.testing import ImageClientContract
from tests.test_prompts import picture

pytest.importorskip("torch")
pytest.importorskip("diffusers")

FOX = mt.ImagePrompt("a red fox", size=(64, 64), options={"num_inference_steps": 4})


@pytest.fixture(scope="session")
def pipeline() -> Any:
    from tests.providers.tiny_pipeline import tiny_pipeline

    return tiny_pipeline()


@pytest.fixture(scope="session")
def folder(pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.save_pretrained(path)
    return path


@pytest.fixture
async def client(pipeline: Any) -> AsyncIterator[DiffusersImageClient]:
    async with DiffusersImageClient(pipeline) as client:
        yield client


class TestContract(ImageClientContract):
    prompt = FOX

    @pytest.fixture
    async def client(self, pipeline: Any) -> AsyncIterator[DiffusersImageClient]:
        async with DiffusersImageClient(pipeline) as client:
            yield client

    def test_the_models_are_those_of_the_vendor_and_the_default_is_first(self, client: Any) -> None:
        """There are none of its own."""
        (info,) = client.models()
        assert info.model_id == "diffusers"
        assert "Name a pipeline" in info.reason


async def draw(client: DiffusersImageClient, hear: Any = None, seconds: float = 120) -> mt.Image:
    async with CallContext(seconds, listener=hear) as context:
        return await client.make(FOX, context)


async def test_the_seed_decides_the_picture_and_is_recorded(client: DiffusersImageClient) -> None:
    one, same, other = [
        await client.generate(mt.ImagePrompt.of(FOX, seed=seed)) for seed in (7, 7, 8)
    ]
    assert one.data == same.data != other.data
    assert (one.width, one.height) == (64, 64)
    assert one.provenance is not None
    assert one.provenance.seed == 7
    assert one.provenance.notes["pipeline"] == "StableDiffusionPipeline"

    chosen = await client.generate(FOX)
    assert chosen.provenance is not None
    again = await client.generate(mt.ImagePrompt.of(FOX, seed=chosen.provenance.seed))
    assert again.data == chosen.data


async def test_steps_and_previews_are_heard(client: DiffusersImageClient) -> None:
    heard: list[Event] = []
    await draw(client, heard.append)

    steps = [event for event in heard if isinstance(event, Drawing)]
    assert [str(step) for step in steps] == [
        "starting",
        *(f"step {number} of 4" for number in range(1, 5)),
    ]
    assert [step.fraction for step in steps] == [0, 0.25, 0.5, 0.75, 1]
    previews = [event for event in heard if isinstance(event, Partial)]
    assert previews
    assert mt.Image(previews[0].data).width <= 64


class Held:
    """A pipeline that waits at its second step until it is let on."""

    def __init__(self, pipeline: Any) -> None:
        """Hold it."""
        self.pipeline = pipeline
        self.is_at_step = threading.Event()
        self.may_go = threading.Event()
        self.steps = 0

    def __call__(
        self, prompt: str, num_inference_steps: int, callback_on_step_end: Any, **options: Any
    ) -> Any:
        def after(*event: Any) -> Any:
            self.steps += 1
            if self.steps == 2:
                self.is_at_step.set()
                self.may_go.wait(60)
            return callback_on_step_end(*event)

        return self.pipeline(
            prompt,
            num_inference_steps=num_inference_steps,
            callback_on_step_end=after,
            **options,
        )


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 60)


async def test_a_stop_ends_it_at_a_step(pipeline: Any) -> None:
    held = Held(pipeline)
    async with DiffusersImageClient(held) as client, CallContext(120) as context:
        drawing = asyncio.ensure_future(client.make(FOX, context))
        await until(held.is_at_step)
        drawing.cancel()
        asyncio.get_running_loop().call_later(0.05, held.may_go.set)
        with pytest.raises(asyncio.CancelledError):
            await drawing
    assert held.steps == 2


async def test_the_deadline_is_typed(pipeline: Any) -> None:
    held = Held(pipeline)

    async def late() -> None:
        async with DiffusersImageClient(held) as client, CallContext(120) as context:
            context.extend(-120 + 0.3)
            threading.Timer(0.6, held.may_go.set).start()
            await client.make(FOX, context)

    with pytest.raises(DeadlineError) as caught:
        await late()
    assert caught.value.provider == "diffusers"
    assert held.steps <= 2


async def test_two_at_once_wait_for_each_other_and_lose_no_time(pipeline: Any) -> None:
    held = Held(pipeline)
    heard: list[Event] = []
    is_queued = asyncio.Event()

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Queued):
            is_queued.set()

    async with DiffusersImageClient(held) as client:
        first = asyncio.create_task(draw(client))
        await until(held.is_at_step)
        second = asyncio.create_task(draw(client, hear))
        await is_queued.wait()
        assert not any(isinstance(event, Drawing) for event in heard)
        held.may_go.set()
        await asyncio.gather(first, second)
    assert any(isinstance(event, Drawing) for event in heard)


async def test_the_loop_stays_free_while_it_draws(pipeline: Any) -> None:
    held = Held(pipeline)
    async with DiffusersImageClient(held) as client:
        drawing = asyncio.create_task(draw(client))
        await until(held.is_at_step)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not drawing.done()
        held.may_go.set()
        await drawing


async def test_a_folder_is_loaded_once_and_one_model_is_in_memory(folder: Path) -> None:
    heard: list[Event] = []
    async with DiffusersImageClient(model=folder, dtype="float32", device="cpu") as client:
        assert client.model_id.startswith("diffusers/tiny-")
        await draw(client, heard.append)
        assert [str(event) for event in heard if isinstance(event, Loading)] == [
            "loading torch",
            f"loading {client.model}",
        ]
        held = pipelines.memory._held
        heard.clear()
        await draw(client, heard.append)
        assert not any(isinstance(event, Loading) for event in heard)
        assert pipelines.memory._held is held

        async with DiffusersImageClient(model=folder, device="cpu") as other:
            await draw(other)
            assert held is not None
            assert pipelines.memory._held is not None
            assert pipelines.memory._held[0] is other._source
    assert pipelines.memory._held is None


async def test_a_folder_that_is_written_anew_is_loaded_anew(folder: Path, tmp_path: Path) -> None:
    """What it draws is kept under another name, so it is drawn by what lies there now."""
    place = tmp_path / "mine"
    shutil.copytree(folder, place)
    async with DiffusersImageClient(model=place) as client:
        await draw(client)
        held = pipelines.memory._held
        os.utime(place / "model_index.json", ns=(1, 1))
        async with DiffusersImageClient(model=place) as other:
            assert other.model_id != client.model_id
            await draw(other)
            assert held is not None
            assert pipelines.memory._held is not None
            assert pipelines.memory._held[1] is not held[1]


async def test_a_folder_is_found_from_home_and_from_elsewhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.chdir(folder.parent)
    clients = [DiffusersImageClient(model=name) for name in (folder, "~/tiny", "tiny")]
    monkeypatch.chdir(tmp_path)
    assert len({client.model_id for client in clients}) == 1
    assert len({client._source for client in clients}) == 1
    assert (await draw(clients[1])).width == 64


async def test_pictures_and_masks_go_to_a_pipeline_of_the_same_parts(
    client: DiffusersImageClient,
) -> None:
    start = mt.Image.of(mt.Image(picture()).to_pil().resize((64, 48)))
    options = {"num_inference_steps": 4, "strength": 0.5}
    changed = await client.generate(
        mt.ImagePrompt("winter", references=[start], seed=1, options=options)
    )
    assert (changed.width, changed.height) == (64, 48)
    assert changed.provenance is not None
    assert changed.provenance.notes["pipeline"] == "StableDiffusionImg2ImgPipeline"

    masked = await client.generate(
        mt.ImagePrompt("winter", references=[start], mask=start, seed=1, options=options)
    )
    assert (masked.width, masked.height) == (64, 48)
    assert masked.provenance is not None
    assert masked.provenance.notes["pipeline"] == "StableDiffusionInpaintPipeline"


async def test_what_a_pipeline_does_not_take_is_a_prompt_error(
    client: DiffusersImageClient,
) -> None:
    with pytest.raises(PromptError, match="strength="):
        await client.generate(mt.ImagePrompt("fox", options={"strength": 0.5}))
    with pytest.raises(PromptError, match="steps="):
        await client.generate(mt.ImagePrompt.of("fox", steps=3))


class Failing:
    """A pipeline that fails, or refuses."""

    def __init__(self, error: Exception | None) -> None:
        """Remember how."""
        self.error = error

    def __call__(self, prompt: str) -> Any:
        del prompt
        if self.error:
            raise self.error
        self.images = [mt.Image(picture()).to_pil()]
        self.nsfw_content_detected = [True]
        return self


async def test_a_failure_of_the_pipeline_is_typed() -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    async with DiffusersImageClient(Failing(OutOfMemoryError("CUDA out of memory"))) as client:
        with pytest.raises(ProviderError, match="offload=") as caught:
            await client.generate("fox")
    assert (caught.value.family, caught.value.may_have_been_billed) == ("operation", False)

    async with DiffusersImageClient(Failing(None)) as client:
        with pytest.raises(RefusalError) as refused:
            await client.generate("fox")
    assert refused.value.reason == "NSFW"


class OddError(Exception):
    """As libraries have that derive theirs from no usual one."""


@pytest.mark.parametrize(
    "error", [OddError("odd"), StopIteration(), AssertionError("no"), NotImplementedError()]
)
async def test_whatever_the_pipeline_raises_is_typed(error: Any) -> None:
    async with DiffusersImageClient(Failing(error)) as client:
        with pytest.raises(ProviderError, match=type(error).__name__):
            await client.generate("fox", timeout=60)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Name a pipeline"),
        ({"model": "/nowhere/at/all"}, "neither a folder"),
        ({"model": "a" * 300}, "neither a folder"),
        ({"model": "a/b", "dtype": "int8"}, "dtype"),
        ({"model": "a/b", "offload": "all"}, "offload"),
        ({"pipeline": 3}, "pipeline"),
    ],
    ids=["no_model", "no_folder", "long", "dtype", "offload", "no_pipeline"],
)
def test_what_cannot_be_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        DiffusersImageClient(**options)


async def test_a_broken_folder_is_a_model_that_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    async with DiffusersImageClient(model=tmp_path, device="cpu") as client:
        with pytest.raises(ModelNotFoundError, match="cannot load"):
            await client.generate(FOX)


def test_without_the_packages_the_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusers_client, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "mediatoolkit\[diffusers\]"'):
        DiffusersImageClient(model="a/b")
    assert "mediatoolkit[diffusers]" in DiffusersImageClient.models()[0].reason


async def test_it_is_named_by_its_folder_and_free(folder: Path) -> None:
    model = f"diffusers/{folder}"
    assert mt.quote("a red fox", model=model).high == 0
    image = await mt.image("a red fox", model=model, size=64, num_inference_steps=2)
    assert image.cost is not None
    assert image.cost.usd == 0
    await mt.close()


async def test_loading_writes_nothing_into_the_cell(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with DiffusersImageClient(model=folder, device="cpu") as client:
        capfd.readouterr()
        await draw(client)
    assert "%|" not in capfd.readouterr().err


def test_it_is_never_chosen_by_default() -> None:
    assert not DiffusersImageClient.has_key()


async def test_a_closed_client_is_closed(pipeline: Any) -> None:
    client = DiffusersImageClient(pipeline)
    await client.close()
    with pytest.raises(ClosedError):
        await client.generate(FOX)


def test_a_worker_makes_the_same_client(pipeline: Any, folder: Path) -> None:
    client = DiffusersImageClient(model=folder, dtype="float32")
    again = client.recipe().client()
    assert isinstance(again, DiffusersImageClient)
    assert (again.model_id, again._source) == (client.model_id, client._source)
    with pytest.raises(PromptError, match="stays in its process"):
        DiffusersImageClient(pipeline).recipe()


def test_torch_is_not_imported_before_it_draws() -> None:
    code = (
        "import sys, mediatoolkit as mt; mt.DiffusersImageClient(model='a/b'); "
        "assert not {'torch', 'diffusers', 'PIL'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)  # noqa: S603 - our own


def test_a_folder_in_the_place_of_the_pipeline_is_told_where_it_belongs() -> None:
    with pytest.raises(mt.PromptError, match="give the folder or id of one as model="):
        mt.DiffusersImageClient("my-pipeline")

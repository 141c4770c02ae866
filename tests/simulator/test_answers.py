"""What the simulated Gemini says to a good request."""

import asyncio
import base64
import json

import aiohttp
import pytest
from PIL import Image, ImageStat

from mediatoolkit.simulator import Simulator, pictures
from mediatoolkit.simulator.gemini.catalog import MODELS, GeminiModel, ratio
from tests.simulator.bodies import FOX, MODEL, asking, b64, parts_of, path, picture_of, png
from tests.simulator.conftest import Ask

OLD = "gemini-2.5-flash-image"


def inline(data: bytes, mime_type: str = "image/png") -> dict[str, object]:
    return {"inlineData": {"mimeType": mime_type, "data": b64(data)}}


def mean_of(picture: Image.Image) -> tuple[float, float, float]:
    """Mean red, green and blue, 0 to 255."""
    red, green, blue = ImageStat.Stat(picture.convert("RGB")).mean
    return red, green, blue


async def test_an_answer_has_the_shape_that_was_recorded(sim: Simulator, ask: Ask) -> None:
    status, answer = await ask(sim)

    assert status == 200
    assert sorted(answer) == ["candidates", "modelVersion", "responseId", "usageMetadata"]
    (candidate,) = answer["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert candidate["index"] == 0
    assert candidate["content"]["role"] == "model"
    (picture,) = parts_of(answer)
    assert picture["inlineData"] == {"mimeType": "image/png", "data": b64(png())}
    assert picture["thoughtSignature"]
    assert answer["modelVersion"] == "gemini-3.1-flash-image"


async def test_the_details_of_the_output_name_its_media_alone(sim: Simulator, ask: Ask) -> None:
    """As recorded: 1518 tokens of output, of which the details name 1120 of the picture."""
    body = asking({"text": "ab" * 10}, inline(png()), thinkingConfig={"includeThoughts": True})
    _, answer = await ask(sim, body)

    usage = answer["usageMetadata"]
    details = {
        name: {each["modality"]: each["tokenCount"] for each in usage[f"{name}TokensDetails"]}
        for name in ("prompt", "candidates")
    }
    assert details["prompt"] == {"TEXT": 5, "IMAGE": 560}
    assert details["candidates"] == {"IMAGE": 1120}
    assert sum(details["prompt"].values()) == usage["promptTokenCount"]
    assert usage["candidatesTokenCount"] == 1518
    assert usage["serviceTier"] == "standard"
    counts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[name] for name in counts)
    assert usage["thoughtsTokenCount"] > 0


async def test_every_answer_has_an_id_of_its_own(sim: Simulator, ask: Ask) -> None:
    answers = [await ask(sim) for _ in range(3)]

    assert len({answer["responseId"] for _, answer in answers}) == 3


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_both_versions_answer(sim: Simulator, ask: Ask, version: str) -> None:
    status, _ = await ask(sim, to=path(version=version))

    assert status == 200


@pytest.mark.parametrize("model", [model for model in MODELS if model.makes == "IMAGE"], ids=str)
def test_every_format_has_about_the_promised_ratio_and_area(model: GeminiModel) -> None:
    for aspect in model.aspects:
        for size in model.tokens:
            width, height = model.pixels(aspect, size)
            side = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}[size]
            assert width % 16 == height % 16 == 0
            assert width / height == pytest.approx(ratio(aspect), rel=0.06)
            assert width * height == pytest.approx(side**2, rel=0.06)


async def test_aspect_and_size_decide_the_pixels(painting: Simulator, ask: Ask) -> None:
    config = {"imageConfig": {"aspectRatio": "16:9", "imageSize": "512"}}
    _, answer = await ask(painting, asking({"text": "a fox"}, **config))

    assert picture_of(answer).size == (688, 384)


async def test_without_a_shape_a_picture_is_1408_by_768_and_a_square_before_generation_3(
    ask: Ask,
) -> None:
    """All five recorded pictures of generation 3 are 1408 x 768, those of 2.5 are 1024 x 1024."""
    async with Simulator(detail=64, models=(OLD,)) as sim:
        sizes = [picture_of((await ask(sim, to=path(model)))[1]).size for model in (MODEL, OLD)]

    assert sizes == [(1408, 768), (1024, 1024)]


async def test_the_same_request_gives_the_same_bytes_and_another_seed_others(ask: Ask) -> None:
    data = []
    for seed in (7, 7, 8):
        async with Simulator(detail=64) as sim:
            _, answer = await ask(
                sim, asking({"text": "a fox"}, seed=seed, imageConfig={"imageSize": "512"})
            )
            data.append(parts_of(answer)[0]["inlineData"]["data"])

    assert data[0] == data[1]
    assert data[1] != data[2]


async def test_a_reference_shines_through_the_answer(painting: Simulator, ask: Ask) -> None:
    config = {"imageConfig": {"imageSize": "512", "aspectRatio": "1:1"}}
    means = {}
    for color in ("red", "blue"):
        body = asking({"text": "a fox"}, inline(png(color)), **config)
        _, answer = await ask(painting, body)
        means[color] = mean_of(picture_of(answer))

    assert means["red"][0] - means["blue"][0] == pytest.approx(127, abs=3)
    assert means["blue"][2] - means["red"][2] == pytest.approx(127, abs=3)


async def test_several_references_stand_side_by_side(painting: Simulator, ask: Ask) -> None:
    config = {"imageConfig": {"imageSize": "512", "aspectRatio": "1:1"}}
    body = asking({"text": "a fox"}, inline(png("red")), inline(png("blue")), **config)
    _, answer = await ask(painting, body)

    picture = picture_of(answer)
    left = mean_of(picture.crop((0, 0, 256, 512)))
    right = mean_of(picture.crop((256, 0, 512, 512)))
    assert left[0] - left[2] > 50
    assert right[2] - right[0] > 50


async def test_without_an_aspect_the_answer_follows_the_reference(
    painting: Simulator, ask: Ask
) -> None:
    config = {"imageConfig": {"imageSize": "512"}}
    body = asking({"text": "a fox"}, inline(png(size=(160, 91))), **config)
    _, answer = await ask(painting, body)

    assert picture_of(answer).size == (688, 384)


async def test_thoughts_are_shown_when_asked_for(painting: Simulator, ask: Ask) -> None:
    config = {"imageConfig": {"imageSize": "512"}, "thinkingConfig": {"include_thoughts": True}}
    _, answer = await ask(painting, asking({"text": "a fox"}, **config))

    thought, result = parts_of(answer)
    assert thought["thought"] is True
    assert "thoughtSignature" not in thought
    assert thought["inlineData"]["data"] != result["inlineData"]["data"]


async def test_text_alone_is_answered_without_a_picture(sim: Simulator, ask: Ask) -> None:
    _, answer = await ask(sim, asking({"text": "a fox"}, responseModalities=["TEXT"]))

    assert [sorted(part) for part in parts_of(answer)] == [["text"]]


class TestTurns:
    """A later turn sends the model's own turn back."""

    @staticmethod
    def second(turn: dict[str, object]) -> dict[str, object]:
        now = {"role": "user", "parts": [{"text": "now at night"}]}
        return {"contents": [*FOX["contents"], turn, now]}

    async def test_a_turn_sent_back_unchanged_is_continued(
        self, painting: Simulator, ask: Ask
    ) -> None:
        small = {"imageConfig": {"imageSize": "512", "aspectRatio": "1:1"}}
        _, first = await ask(painting, asking({"text": "a red fox"}, **small))
        status, second = await ask(
            painting,
            self.second(first["candidates"][0]["content"]) | {"generationConfig": small},
        )

        assert status == 200
        assert picture_of(second).size == picture_of(first).size
        assert picture_of(second).tobytes() != picture_of(first).tobytes()

    async def test_a_missing_signature_ends_without_a_picture(
        self, sim: Simulator, ask: Ask
    ) -> None:
        _, first = await ask(sim)
        turn = first["candidates"][0]["content"]
        del turn["parts"][0]["thoughtSignature"]
        status, second = await ask(sim, self.second(turn))

        assert status == 200
        (candidate,) = second["candidates"]
        assert candidate["finishReason"] == "MISSING_THOUGHT_SIGNATURE"
        assert candidate["content"] == {}

    async def test_a_signature_that_was_not_issued_is_refused(
        self, sim: Simulator, ask: Ask
    ) -> None:
        _, first = await ask(sim)
        turn = first["candidates"][0]["content"]
        turn["parts"][0]["thoughtSignature"] = b64(b"made up")
        status, answer = await ask(sim, self.second(turn))

        assert status == 400
        assert "signature" in answer["error"]["message"]

    async def test_a_signature_belongs_to_its_picture(self, sim: Simulator, ask: Ask) -> None:
        _, first = await ask(sim)
        turn = first["candidates"][0]["content"]
        turn["parts"][0]["inlineData"]["data"] = b64(png("red"))
        status, _ = await ask(sim, self.second(turn))

        assert status == 400

    async def test_thoughts_need_no_signature(self, sim: Simulator, ask: Ask) -> None:
        _, first = await ask(
            sim, asking({"text": "a fox"}, thinkingConfig={"includeThoughts": True})
        )
        _, second = await ask(sim, self.second(first["candidates"][0]["content"]))

        assert second["candidates"][0]["finishReason"] == "STOP"


class TestModels:
    """The list of models."""

    async def test_the_list_comes_in_pages(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        names, token = [], ""
        pages = 0
        while pages == 0 or token:
            params = {"pageSize": "2"} | ({"pageToken": token} if token else {})
            async with http.get(f"{sim.url}/v1/models", params=params) as response:
                page = await response.json()
            assert len(page["models"]) <= 2
            names += [model["name"] for model in page["models"]]
            token = page.get("nextPageToken", "")
            pages += 1

        assert names == [f"models/{model.id}" for model in MODELS]
        assert pages == 6

    async def test_one_model_tells_about_itself(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        async with http.get(f"{sim.url}/v1beta/models/gemini-3-pro-image") as response:
            model = await response.json()

        assert model["name"] == "models/gemini-3-pro-image"
        assert "generateContent" in model["supportedGenerationMethods"]

    async def test_an_unknown_model_is_not_found(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        async with http.get(f"{sim.url}/v1/models/banana") as response:
            assert response.status == 404

    async def test_a_made_up_page_is_refused(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        async with http.get(f"{sim.url}/v1/models?pageToken=x") as response:
            assert response.status == 400


async def test_a_further_model_can_be_named(ask: Ask) -> None:
    async with Simulator(picture=png(), models=("gemini-9-image",)) as sim:
        status, answer = await ask(sim, to=path("gemini-9-image"))

    assert status == 200
    assert answer["modelVersion"] == "gemini-9-image"


class TestWeight:
    """Answers weigh what recorded ones do."""

    async def test_an_answer_of_generation_3_weighs_what_recorded_ones_do(self, ask: Ask) -> None:
        """Pictures of 684 to 931 kB, seals of 1.1 to 2.9 million letters; 3.2 to 4.5 in all."""
        async with Simulator() as sim:
            _, answer = await ask(sim)

        (part,) = parts_of(answer)
        picture = len(base64.b64decode(part["inlineData"]["data"]))
        signature = len(part["thoughtSignature"])
        assert 684_000 < picture < 932_000
        assert 1_100_000 < signature < 2_910_000
        assert 3.2 < len(json.dumps(answer)) / picture < 4.5

    async def test_a_little_detail_makes_light_answers(self, painting: Simulator, ask: Ask) -> None:
        _, answer = await ask(painting)

        assert len(json.dumps(answer)) < 700_000

    async def test_a_turn_of_that_weight_goes_on(self, ask: Ask) -> None:
        """The signature comes back whole, as the vendor demands."""
        async with Simulator() as sim:
            _, first = await ask(sim)
            turn = first["candidates"][0]["content"]
            now = {"role": "user", "parts": [{"text": "now at night"}]}
            status, second = await ask(sim, {"contents": [*FOX["contents"], turn, now]})
            turn["parts"][0]["thoughtSignature"] = turn["parts"][0]["thoughtSignature"][:-4]
            short, _ = await ask(sim, {"contents": [*FOX["contents"], turn, now]})

        assert status == short == 200
        assert picture_of(second).size == (1360, 768), "the shape that is nearest to the first"

    async def test_generation_3_draws_jpegs_with_a_c2pa_manifest_and_2_draws_pngs(
        self, ask: Ask
    ) -> None:
        """Five recorded ones of generation 3 are JPEG with C2PA segments, eight of 2 are PNG."""
        async with Simulator(detail=64, models=(OLD,)) as sim:
            _, new = await ask(sim)
            _, old = await ask(sim, to=path(OLD))

        data = base64.b64decode(parts_of(new)[0]["inlineData"]["data"])
        assert (parts_of(new)[0]["inlineData"]["mimeType"], data[:4]) == (
            "image/jpeg",
            b"\xff\xd8\xff\xeb",
        )
        assert b"jumb" in data[:40]
        assert b"c2pa" in data[:80]
        assert picture_of(new).format == "JPEG"
        assert picture_of(old).format == "PNG"
        assert sorted(parts_of(old)[0]) == ["inlineData"], "no signature before generation 3"

    @pytest.mark.parametrize("modalities", [["IMAGE"], ["TEXT", "IMAGE"]])
    async def test_nothing_is_said_beside_a_picture(
        self, sim: Simulator, ask: Ask, modalities: list[str]
    ) -> None:
        """Three recorded answers have a single part."""
        _, answer = await ask(sim, asking({"text": "a fox"}, responseModalities=modalities))

        assert [sorted(part) for part in parts_of(answer)] == [["inlineData", "thoughtSignature"]]

    async def test_the_headers_are_the_vendors_and_none_is_a_request_id(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        async with http.post(sim.url + path(), json=FOX) as response:
            headers = response.headers

        assert headers["Server"] == "scaffolding on HTTPServer2"
        assert headers["X-Gemini-Service-Tier"] == "standard"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert {"Vary", "Server-Timing"} <= headers.keys()
        assert not [name for name in headers if "request-id" in name.lower()]


async def test_answers_are_packed_when_told_and_accepted(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), gzip=True) as sim:
        for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
            headers = {"Accept-Encoding": accepted}
            async with http.post(sim.url + path(), json=FOX, headers=headers) as response:
                assert response.headers.get("Content-Encoding") == encoding
                assert parts_of(await response.json())


async def test_many_equal_requests_draw_once(
    painting: Simulator, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    real = pictures._draw

    def counted(order: pictures.PictureOrder, detail: int) -> Image.Image:
        drawn.append(order)
        return real(order, detail)

    monkeypatch.setattr(pictures, "_draw", counted)
    body = asking({"text": "a fox"}, imageConfig={"imageSize": "512"}, seed=7)
    await asyncio.gather(*(ask(painting, body) for _ in range(8)))

    assert len(drawn) == 1


async def test_no_picture_is_drawn_twice_for_words_without_a_seed(
    painting: Simulator, ask: Ask
) -> None:
    body = asking({"text": "a fox"}, imageConfig={"imageSize": "512"})
    answers = await asyncio.gather(*(ask(painting, body) for _ in range(4)))
    parts = [answer["candidates"][0]["content"]["parts"][-1] for _, answer in answers]
    assert len({part["inlineData"]["data"] for part in parts}) == 4

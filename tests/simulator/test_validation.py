"""What the simulated Gemini refuses, and in which words."""

import io
import json
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator
from tests.simulator.bodies import FOX, asking, b64, path, png
from tests.simulator.conftest import Ask

USER = [{"parts": [{"text": "a fox"}]}]


def inline(data: str, mime_type: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def config(**fields: Any) -> dict[str, Any]:
    return {"contents": USER, "generationConfig": fields}


REFUSED: dict[str, tuple[Any, str]] = {
    "no object": ([], "Expected an object"),
    "no contents": ({}, "contents is not specified"),
    "empty contents": ({"contents": []}, "contents is not specified"),
    "no parts": ({"contents": [{"parts": []}]}, "parts must not be empty"),
    "empty part": ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0].data"),
    "two kinds in one part": (asking({"text": "x", **inline(b64(png()))}), "oneof field 'data'"),
    "nothing said": (asking({"text": "  "}), "must say something"),
    "unknown role": ({"contents": [{"role": "boss", **USER[0]}]}, "valid role: user, model"),
    "model speaks last": ({"contents": [{"role": "model", **USER[0]}]}, "last turn"),
    "unknown field": ({"contents": USER, "prompt": "x"}, 'Unknown name "prompt": Cannot find'),
    "unknown nested field": (
        config(imageConfig={"size": "1K"}),
        "Unknown name \"size\" at 'generation_config.image_config'",
    ),
    "unknown field in a list": (
        asking({"text": "x", "style": "y"}),
        "Unknown name \"style\" at 'contents[0].parts[0]'",
    ),
    "both spellings": (config(topP=1, top_p=1), "given twice"),
    "wrong spelling": (config(topp=1), 'Unknown name "topp"'),
    "text for a number": (
        config(seed="seven"),
        "Invalid value at 'generation_config.seed' (TYPE_IN",
    ),
    "boolean for a number": (config(seed=True), "TYPE_INT32"),
    "fraction for a whole number": (config(seed=1.5), "TYPE_INT32"),
    "infinity for a whole number": (config(seed=float("inf")), "TYPE_INT32"),
    "not a number for a whole number": (config(seed=float("nan")), "TYPE_INT32"),
    "seed beyond 32 bits": (config(seed=2**31), "TYPE_INT32"),
    "number for text": (asking({"text": 7}), "(TYPE_STRING), 7"),
    "text for an object": ({"contents": USER, "generationConfig": "x"}, "an object"),
    "object for a list": ({"contents": USER[0]}, "a list"),
    "text for a boolean": (config(thinkingConfig={"includeThoughts": "yes"}), "TYPE_BOOL"),
    "temperature too high": (config(temperature=2.1), "range [0, 2]"),
    "top_p too high": (config(topP=1.1), "range [0, 1]"),
    "top_k of zero": (config(topK=0), "range [1"),
    "not a number": (config(temperature=float("nan")), "range [0, 2]"),
    "unknown modality": (config(responseModalities=["PICTURE"]), '"PICTURE"'),
    "lower-case modality": (config(responseModalities=["image"]), '"image"'),
    "no modality": (config(responseModalities=[]), "response modalities"),
    "modality of another model": (config(responseModalities=["AUDIO"]), "(AUDIO) is not supported"),
    "unknown aspect": (config(imageConfig={"aspectRatio": "7:5"}), '"7:5" is not known'),
    "unknown size": (config(imageConfig={"imageSize": "banana"}), '"banana" is not supported'),
    "lower-case size": (config(imageConfig={"imageSize": "1k"}), '"1k" is not supported'),
    "field of the other service": (config(imageConfig={"outputMimeType": "x"}), "Unknown name"),
    "two candidates": (config(candidateCount=2), "Multiple candidates"),
    "six stop sequences": (config(stopSequences=list("abcdef")), "at most 5"),
    "two measures of thinking": (
        config(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}),
        "only set one",
    ),
    "unknown level": (config(thinkingConfig={"thinkingLevel": "DEEP"}), '"DEEP"'),
    "unknown harm": ({"contents": USER, "safetySettings": [{"category": "X"}]}, "HarmCategory"),
    "unknown threshold": (
        {"contents": USER, "safetySettings": [{"threshold": "BLOCK_SOME"}]},
        "safety_settings[0].threshold",
    ),
    "method of the other service": (
        {"contents": USER, "safetySettings": [{"method": "SEVERITY"}]},
        'Unknown name "method"',
    ),
    "upper-case tier": ({"contents": USER, "serviceTier": "FLEX"}, '"FLEX"'),
    "made-up token": ({"contents": USER, "continuationToken": "bm8="}, "continuation token"),
    "base64 with a stray letter": (asking(inline("abc*")), "Base64 decoding failed"),
    "base64 with a space": (asking(inline("ab cd")), "Base64 decoding failed"),
    "base64 of two alphabets": (asking(inline("+-+-")), "Base64 decoding failed"),
    "base64 of impossible length": (asking(inline("abcde")), "Base64 decoding failed"),
    "no data": (asking(inline("")), "data must not be empty"),
    "no mime type": (asking({"inlineData": {"data": b64(png())}}), "Unsupported MIME type: None"),
    "svg": (asking(inline(b64(b"<svg/>"), "image/svg+xml")), "Unsupported MIME type: image/svg"),
    "svg under another name": (asking(inline(b64(b"<svg/>"))), "Unable to process input image"),
    "truncated picture": (asking(inline(b64(png()[:60]))), "Unable to process input image"),
    "odd model": ({"contents": USER, "model": 7}, "(TYPE_STRING), 7"),
    "other picture type": (asking(inline(b64(png(kind="JPEG")))), "is image/jpeg, not image/png"),
    "unknown file": (asking({"text": "x"}, {"fileData": {"fileUri": "files/x"}}), "File files/x"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_is_refused_by_name(sim: Simulator, ask: Ask, case: str) -> None:
    body, words = REFUSED[case]
    status, answer = await ask(sim, body)

    error = answer["error"]
    assert (status, error["code"]) == ((403, 403) if case == "unknown file" else (400, 400))
    assert words in error["message"]
    if status == 400:
        assert error["status"] == "INVALID_ARGUMENT"


async def test_the_field_at_fault_is_named_in_the_details(sim: Simulator, ask: Ask) -> None:
    _, answer = await ask(sim, config(imageConfig={"aspectRatio": "7:5"}))

    (detail,) = answer["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    (violation,) = detail["fieldViolations"]
    assert violation["field"] == "generation_config.image_config.aspect_ratio"


@pytest.mark.parametrize(
    ("model", "image", "status"),
    [
        ("gemini-3.1-flash-image", {"imageSize": "512", "aspectRatio": "1:8"}, 200),
        ("gemini-3-pro-image", {"imageSize": "512"}, 400),
        ("gemini-3-pro-image", {"aspectRatio": "1:8"}, 400),
        ("gemini-nano-banana-2.1", {"imageSize": "4K"}, 200),
    ],
)
async def test_sizes_and_formats_depend_on_the_model(
    sim: Simulator, ask: Ask, model: str, image: dict[str, str], status: int
) -> None:
    code, _ = await ask(sim, config(imageConfig=image), to=path(model))

    assert code == status


EVERYTHING = {
    "contents": [
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]},
        {"role": "model", "parts": [{"text": "What about it?", "thought": False}]},
        {"role": "user", "parts": [{"text": "make it green", "partMetadata": {"a": 1}}]},
    ],
    "systemInstruction": {"role": "user", "parts": [{"text": "be brief"}]},
    "safetySettings": [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"},
        {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
    ],
    "serviceTier": "priority",
    "store": False,
    "generationConfig": {
        "responseModalities": ["TEXT", "IMAGE"],
        "imageConfig": {"aspectRatio": "21:9", "imageSize": "2K"},
        "seed": -7,
        "temperature": 1,
        "topP": 0.5,
        "topK": 40.0,
        "candidateCount": 1,
        "maxOutputTokens": 1000,
        "stopSequences": ["end"],
        "thinkingConfig": {"includeThoughts": False, "thinkingLevel": "XHIGH"},
        "mediaResolution": "MEDIA_RESOLUTION_HIGH",
    },
}


def snake(value: Any) -> Any:
    """Keys of *value* in the other spelling, at every level."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if isinstance(value, dict):
        return {_snake(key): snake(item) for key, item in value.items()}
    return value


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


@pytest.mark.parametrize("spell", [lambda body: body, snake], ids=["camelCase", "snake_case"])
@pytest.mark.parametrize("urlsafe", [False, True])
async def test_every_known_field_is_taken_in_both_spellings_and_alphabets(
    sim: Simulator, ask: Ask, *, spell: Any, urlsafe: bool
) -> None:
    data = b64(png("#fbffbe", (9, 7)))
    assert "+" in data or "/" in data
    body = json.loads(json.dumps(EVERYTHING))
    body["contents"][0]["parts"][0]["inlineData"]["data"] = (
        data.replace("+", "-").replace("/", "_").rstrip("=") if urlsafe else data
    )
    status, answer = await ask(sim, spell(body))

    assert (status, answer.get("error")) == (200, None)


async def test_a_null_counts_as_absent(sim: Simulator, ask: Ask) -> None:
    status, _ = await ask(sim, {**FOX, "generationConfig": {"seed": None, "imageConfig": None}})

    assert status == 200


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gemini-2.5-flash-image", "no longer available"),
        ("imagen-4.0-generate-001", "no longer available"),
        ("banana", "models/banana is not found for API version v1"),
    ],
)
async def test_a_model_that_cannot_draw_is_not_found(
    sim: Simulator, ask: Ask, model: str, words: str
) -> None:
    status, answer = await ask(sim, to=path(model))

    assert status == 404
    assert answer["error"]["status"] == "NOT_FOUND"
    assert words in answer["error"]["message"]


async def test_a_model_of_films_refuses_content_though_the_list_names_it(
    sim: Simulator, ask: Ask, http: aiohttp.ClientSession
) -> None:
    """Eight live reports: 400, and the list says generateContent and countTokens."""
    status, answer = await ask(sim, to=path("gemini-omni-1.2-flash"))
    async with http.get(f"{sim.url}/v1/models/gemini-omni-1.2-flash") as response:
        methods = (await response.json())["supportedGenerationMethods"]

    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer["error"]["message"] == "This model only supports Interactions API."
    assert methods == ["generateContent", "countTokens"]


async def test_a_model_may_have_ended(ask: Ask, http: aiohttp.ClientSession) -> None:
    ended = "gemini-3.1-flash-image"
    async with Simulator(picture=png(), ended=(ended,)) as sim:
        status, answer = await ask(sim)
        async with http.get(f"{sim.url}/v1/models") as response:
            names = [model["name"] for model in (await response.json())["models"]]

    assert status == 404
    assert f"models/{ended} is no longer available" in answer["error"]["message"]
    assert f"models/{ended}" not in names


TAKEN: dict[str, dict[str, Any]] = {
    "the model in the body": {"contents": USER, "model": "models/gemini-3.1-flash-image"},
    "a list within the parts": {"contents": [{"parts": [[{"text": "a fox"}]]}]},
    "a number as text": config(seed="7", temperature="0.5"),
    "a MIME type of words": config(responseMimeType="text/plain"),
    "penalties": config(presencePenalty=0.1, frequencyPenalty=0.1),
    "civic answers": config(enableEnhancedCivicAnswers=True, responseLogprobs=False),
    "a HEIC": asking({"text": "x"}, inline(b64(b"heic"), "image/heic")),
    "a PDF": asking({"text": "x"}, inline(b64(b"%PDF"), "application/pdf")),
}


@pytest.mark.parametrize("case", TAKEN)
async def test_what_the_real_service_takes_is_taken(sim: Simulator, ask: Ask, case: str) -> None:
    """The first two were answered with 200; the rest is documented, or protobuf's rule."""
    status, answer = await ask(sim, TAKEN[case])

    assert (status, answer.get("error")) == (200, None)


@pytest.mark.parametrize("to", ["/", "/v1", "/v2/models/x:generateContent", path(verb="predict")])
async def test_a_path_that_is_not_played_says_so(sim: Simulator, ask: Ask, to: str) -> None:
    """A person who tries one learns that the simulator lacks it, not that something is missing."""
    status, answer = await ask(sim, to=to)

    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert answer["error"]["message"] == f"The simulator does not play POST {to}."


async def test_a_body_that_is_no_json_is_refused(
    sim: Simulator, http: aiohttp.ClientSession
) -> None:
    async with http.post(sim.url + path(), data=b"{") as response:
        assert response.status == 400
    assert sim.requests[0].body == b"{"


async def test_a_body_beyond_the_limit_is_refused(
    sim: Simulator, http: aiohttp.ClientSession
) -> None:
    async with http.post(sim.url + path(), data=io.BytesIO(bytes((100 << 20) + 1))) as response:
        assert response.status == 413


class TestKey:
    """Which keys are accepted."""

    async def test_a_wrong_key_is_a_400_with_a_reason(self, sim: Simulator, ask: Ask) -> None:
        status, answer = await ask(sim, headers={"x-goog-api-key": "other"})

        assert status == 400
        assert answer["error"]["status"] == "INVALID_ARGUMENT"
        info, message = answer["error"]["details"]
        assert info["reason"] == "API_KEY_INVALID"
        assert message["@type"].endswith("LocalizedMessage"), "recorded so"
        assert message["message"] == answer["error"]["message"]

    async def test_a_missing_key_is_a_403(self, sim: Simulator) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(sim.url + path(), json=FOX) as response,
        ):
            answer = await response.json()

        assert (response.status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")

    async def test_a_key_in_the_query_counts(self, sim: Simulator) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(sim.url + path() + "?key=test-key", json=FOX) as response,
        ):
            assert response.status == 200
        assert sim.requests[0].key == "test-key"

    async def test_without_a_key_of_its_own_every_key_is_accepted(self, ask: Ask) -> None:
        async with Simulator(picture=png(), key=None) as sim:
            status, _ = await ask(sim, headers={"x-goog-api-key": "anything"})

        assert status == 200

"""What the simulated Interactions API takes and refuses."""

from typing import Any

import pytest

from tests.simulator.vendor import GOOGLE, PICTURE, TEXT, Vendor, film, form

TAKEN: dict[str, dict[str, Any]] = {
    "nothing but text": {"response_format": None},
    "contents": {"input": [TEXT, PICTURE]},
    "steps": {"input": [{"type": "user_input", "content": [TEXT]}]},
    "a picture alone": {"input": [PICTURE]},
    "words beside the film": {"response_format": [{"type": "text"}, {"type": "video"}]},
    "tools": {"tools": [{"type": "google_search"}]},
    "list of one format": {"response_format": [{"type": "video"}]},
    "fraction of a second": form(duration="3.5s"),
    "upright": form(aspect_ratio="9:16", resolution="1080p", duration="10s"),
    "task": {"input": [PICTURE], "generation_config": {"video_config": {"task": "image_to_video"}}},
    "everything else": {
        "store": True,
        "stream": False,
        "background": False,
        "generation_config": {"seed": 4, "thinking_level": "low", "temperature": 1, "top_p": 0.5},
        "safety_settings": [{"type": "harassment", "threshold": "block_only_high"}],
        "service_tier": "flex",
        "system_instruction": "be brief",
        "labels": {"a": "b"},
        "webhook_config": {"uris": ["https://example.invalid"], "user_metadata": {}},
        "response_modalities": ["video"],
    },
}


@pytest.mark.parametrize("case", TAKEN)
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_a_good_request_is_taken(vendor: Vendor, case: str, version: str) -> None:
    status, answer = await vendor.ask("POST", f"/{version}/interactions", film(**TAKEN[case]))

    assert status == 200, answer
    assert answer["object"] == "interaction"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "camel case": ({"responseFormat": {"type": "video"}}, 'Unknown name "responseFormat"'),
    "camel case within": (form(aspectRatio="16:9"), 'Unknown name "aspectRatio"'),
    "unknown field": ({"prompt": "x"}, 'Unknown name "prompt"'),
    "no model": ({"model": None}, "Name a model"),
    "no input": ({"input": None}, "must say something"),
    "blank input": ({"input": " "}, "must say something"),
    "number for input": ({"input": 7}, "TYPE_STRING"),
    "unknown content": ({"input": [{"type": "smell"}]}, "input[0].type"),
    "no type": ({"input": [{"text": "x"}]}, "input[0].type"),
    "no object": ({"input": ["x"]}, "an object"),
    "text without text": ({"input": [{"type": "text"}]}, "needs its text"),
    "picture without data": ({"input": [{**PICTURE, "data": None}]}, "one of data and uri"),
    "data and address": ({"input": [{**PICTURE, "uri": "x"}]}, "one of data and uri"),
    "no picture": ({"input": [{**PICTURE, "data": "AAAA"}]}, "Unable to process input image"),
    "other picture": ({"input": [{**PICTURE, "mime_type": "image/webp"}]}, "is image/png, not"),
    "other kind": ({"input": [{**PICTURE, "mime_type": "text/html"}]}, "Unsupported MIME type"),
    "unknown file": (
        {"input": [{"type": "image", "mime_type": "image/png", "uri": f"{GOOGLE}/v1beta/files/x"}]},
        "does not exist",
    ),
    "no film": (
        {"input": [{"type": "video", "mime_type": "video/mp4", "data": "AAAA"}]},
        "Unable to process input video",
    ),
    "bare number": (form(duration=5), "response_format.duration"),
    "number without s": (form(duration="5"), "Invalid duration."),
    "too short": (form(duration="2s"), "Invalid duration."),
    "too long": (form(duration="10.5s"), "Invalid duration."),
    "square": (form(aspect_ratio="1:1"), "response_format.aspect_ratio"),
    "unknown resolution": (form(resolution="480p"), "response_format.resolution"),
    "unknown delivery": (form(delivery="post"), "response_format.delivery"),
    "unknown task": ({"generation_config": {"video_config": {"task": "dance"}}}, "task"),
    "picture task without picture": (
        {"generation_config": {"video_config": {"task": "image_to_video"}}},
        "needs an image",
    ),
    "extension of nothing": (
        {"generation_config": {"video_config": {"task": "extend"}}},
        "needs a video or a previous interaction",
    ),
    "other output": ({"response_format": {"type": "image"}}, "answers with one video"),
    "two outputs": ({"response_format": [{"type": "video"}] * 2}, "answers with one video"),
    "stream in the background": ({"stream": True}, "exclude each other"),
    "unknown interaction before": ({"previous_interaction_id": "v1_x"}, "Invalid interaction name"),
    "a picture in the background": (
        {"model": "gemini-3-pro-image", "response_format": None},
        "Model 'gemini-3-pro-image' does not support background interactions.",
    ),
    "delivery of a picture": (
        {
            "background": False,
            "model": "gemini-3-pro-image",
            "response_format": {"type": "image", "delivery": "inline"},
        },
        "Image delivery mode is not supported.",
    ),
    "delivery of a sound": (
        {
            "background": False,
            "model": "gemini-3.8-flash-tts",
            "response_format": {"type": "audio", "delivery": "uri"},
        },
        "Audio delivery mode is not supported.",
    ),
    "unknown delivery, in the vendor's words": (
        form(delivery="bogus"),
        "'bogus' is not supported for 'response_format.delivery'. Supported values: 'inline', ",
    ),
    "malformed name of an interaction": (
        {"previous_interaction_id": "v1_bogus"},
        "Invalid interaction name: interactions/v1_bogus",
    ),
    "upper-case harm": ({"safety_settings": [{"type": "HARASSMENT"}]}, "safety_settings[0].type"),
    "unencoded sound": (
        {
            "background": False,
            "model": "gemini-3.8-flash-tts",
            "response_format": {"type": "audio", "mime_type": "audio/mp3"},
        },
        "not simulated",
    ),
    "unknown voice": (
        {
            "background": False,
            "model": "gemini-3.8-flash-tts",
            "response_format": None,
            "generation_config": {"speech_config": [{"voice": "Mickey"}]},
        },
        "Voice name Mickey",
    ),
    "unknown size": (
        {
            "background": False,
            "model": "gemini-3-pro-image",
            "response_format": {"type": "image", "image_size": "512"},
        },
        '"512" is not supported',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_is_refused_with_a_word_for_a_code(vendor: Vendor, case: str) -> None:
    fields, words = REFUSED[case]
    status, answer = await vendor.start(**fields)

    assert status == 400
    assert sorted(answer["error"]) == ["code", "message"]
    assert answer["error"]["code"] == "invalid_request"
    assert words in answer["error"]["message"]


async def test_an_unknown_model_is_not_found(vendor: Vendor) -> None:
    status, answer = await vendor.start(model="banana")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    status, answer = await vendor.start(model="gemini-omni-flash-preview")
    assert (status, answer["error"]["code"]) == (404, 404)

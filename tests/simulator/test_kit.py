"""What every simulated vendor is made of: origins, forms, schemas."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mediatoolkit.errors import ClosedError
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.http import FormPart
from mediatoolkit.simulator.schema import Schema, SchemaError


class TestOrigins:
    """Where the vendors are."""

    async def test_each_vendor_has_an_origin_and_the_first_is_the_simulators(self) -> None:
        async with Simulator(vendors=("gemini",)) as sim:
            assert sim.url == sim.gemini.url
            assert sim.url != sim.files_url
        with pytest.raises(ClosedError, match="not running"):
            _ = sim.gemini

    def test_a_vendor_that_is_not_known_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="'acme' is not simulated: use gemini"):
            Simulator(vendors=("acme",))

    async def test_a_key_may_be_a_bearer_token(self) -> None:
        headers = {"Authorization": "Bearer test-key"}
        async with (
            Simulator() as sim,
            aiohttp.ClientSession(headers=headers) as http,
            http.get(f"{sim.url}/v1/models") as response,
        ):
            assert response.status == 200
            assert sim.requests[0].key == "test-key"


class TestForms:
    """Multipart bodies in `sim.requests`."""

    async def test_the_parts_of_a_form_are_recorded_in_order(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        form = aiohttp.FormData()
        form.add_field("prompt", "a red fox")
        data = b"\r\n--\r\n\x00\xff"
        form.add_field("image[]", data, filename="a.png", content_type="image/png")
        form.add_field("image[]", b"", filename="b.png", content_type="image/png")
        async with http.post(sim.url + "/v1/images/edits", data=form) as response:
            assert response.status == 501

        prompt, first, second = sim.requests[0].body
        assert (prompt.name, prompt.text, prompt.filename) == ("prompt", "a red fox", None)
        assert first == FormPart("image[]", data, "a.png", "image/png")
        assert second == FormPart("image[]", b"", "b.png", "image/png")
        assert data in sim.requests[0].data


SCHEMA: dict[str, dict[str, Any]] = {
    "$defs": {
        "Request": {
            "type": "object",
            "required": ["model"],
            "properties": {
                "model": {"type": "string", "maxLength": 9, "pattern": "[a-z-]*"},
                "maxCount": {"type": "integer", "minimum": 1, "maximum": 10},
                "level": {"type": "number"},
                "big": {"type": "boolean"},
                "quality": {"type": "string", "enum": ["low", "high"]},
                "data": {"type": "string", "contentEncoding": "base64"},
                "labels": {"type": "object", "additionalProperties": True},
                "input": {
                    "anyOf": [
                        {"type": "string"},
                        {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/Item"}},
                    ]
                },
            },
        },
        "Item": {
            "discriminator": {
                "propertyName": "type",
                "mapping": {"text": "#/$defs/Text", "size": "#/$defs/Size"},
            }
        },
        "Text": {"type": "object", "properties": {"type": {}, "text": {"type": "string"}}},
        "Size": {"type": "object", "properties": {"type": {}, "width": {"type": "integer"}}},
    }
}
PLAIN, PROTOBUF = Schema(SCHEMA["$defs"]), Schema(SCHEMA["$defs"], protobuf=True)

FITTING: dict[str, tuple[Schema, dict[str, Any], dict[str, Any]]] = {
    "nothing else": (PLAIN, {}, {}),
    "null is absent": (PLAIN, {"maxCount": None}, {}),
    "whole float": (PLAIN, {"maxCount": 4.0}, {"maxCount": 4}),
    "free object": (PLAIN, {"labels": {"a": [1]}}, {"labels": {"a": [1]}}),
    "bytes": (PLAIN, {"data": "-_8="}, {"data": b"\xfb\xff"}),
    "text of two": (PLAIN, {"input": "x"}, {"input": "x"}),
    "list of two": (
        PLAIN,
        {"input": [{"type": "text", "text": "x"}, {"type": "size", "width": 7}]},
        {"input": [{"type": "text", "text": "x"}, {"type": "size", "width": 7}]},
    ),
    "snake case": (PROTOBUF, {"max_count": 4}, {"maxCount": 4}),
    "number as text": (PROTOBUF, {"maxCount": "4", "level": "0.5"}, {"maxCount": 4, "level": 0.5}),
    "list in a list": (
        PROTOBUF,
        {"input": [[{"type": "text"}], {"type": "size"}]},
        {"input": [{"type": "text"}, {"type": "size"}]},
    ),
}
WRONG: dict[str, tuple[Schema, dict[str, Any], str, str]] = {
    "required": (PLAIN, {"model": None}, "required", "model"),
    "unknown": (PLAIN, {"modle": "x"}, "unknown", ""),
    "snake case": (PLAIN, {"max_count": 4}, "unknown", ""),
    "twice": (PROTOBUF, {"max_count": 4, "maxCount": 4}, "twice", ""),
    "type": (PLAIN, {"maxCount": "4"}, "type", "maxCount"),
    "protobuf type": (PROTOBUF, {"maxCount": "four"}, "type", "max_count"),
    "boolean for number": (PLAIN, {"level": True}, "type", "level"),
    "number for boolean": (PLAIN, {"big": 1}, "type", "big"),
    "fraction": (PLAIN, {"maxCount": 1.5}, "type", "maxCount"),
    "infinity": (PLAIN, {"maxCount": float("inf")}, "type", "maxCount"),
    "minimum": (PLAIN, {"maxCount": 0}, "minimum", "maxCount"),
    "maximum": (PLAIN, {"maxCount": 11}, "maximum", "maxCount"),
    "maxLength": (PLAIN, {"model": "a" * 10}, "maxLength", "model"),
    "pattern": (PLAIN, {"model": "A"}, "pattern", "model"),
    "enum": (PLAIN, {"quality": "High"}, "enum", "quality"),
    "contentEncoding": (PLAIN, {"data": "a*"}, "contentEncoding", "data"),
    "neither": (PLAIN, {"input": 7}, "type", "input"),
    "maxItems": (PLAIN, {"input": [{"type": "text"}] * 3}, "maxItems", "input"),
    "discriminator": (PLAIN, {"input": [{"type": "smell"}]}, "discriminator", "input[0].type"),
    "odd discriminator": (PLAIN, {"input": [{"type": []}]}, "discriminator", "input[0].type"),
    "no object": (PLAIN, {"input": ["x"]}, "type", "input[0]"),
    "deep": (PLAIN, {"input": [{"type": "text", "width": 1}]}, "unknown", "input[0]"),
}


class TestSchema:
    """What is checked against a JSON schema."""

    @pytest.mark.parametrize("case", FITTING)
    def test_a_body_that_fits_comes_back_normalised(self, case: str) -> None:
        schema, body, expected = FITTING[case]

        assert schema.read({"model": "fox"} | body, "Request") == {"model": "fox"} | expected

    @pytest.mark.parametrize("case", WRONG)
    def test_a_body_that_does_not_fit_says_where_and_by_which_rule(self, case: str) -> None:
        schema, body, rule, path = WRONG[case]
        with pytest.raises(SchemaError) as caught:
            schema.read({"model": "fox"} | body, "Request")

        assert (caught.value.rule, caught.value.path) == (rule, path)

    def test_a_schema_is_read_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "schema.json"
        path.write_text(json.dumps(SCHEMA))

        assert Schema.load(path) == PLAIN

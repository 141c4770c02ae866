"""Request bodies are checked against a JSON schema that lies beside the vendor's module.

A small part of JSON Schema is understood: `$ref`, `type`, `properties`, `required`, `items`,
`enum`, `format: int32`, `minimum`, `maximum`, `maxLength`, `maxItems`, `pattern`, `contentEncoding:
base64`, `anyOf` by the type of the value, and OpenAPI's `discriminator`. Three things differ from
JSON Schema: an object takes no property that is not named unless `additionalProperties` is true,
null counts as absent, and the value comes back normalised, with bytes decoded.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BASE64 = re.compile(r"[A-Za-z0-9+/]*|[A-Za-z0-9_-]*")
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
}


def data_beside(module: str) -> Any:
    """The JSON beside the file of a module, such as schemas, models and prices."""
    return json.loads(Path(module).with_suffix(".json").read_text(encoding="utf-8"))


class SchemaError(Exception):
    """A value that does not fit. The vendor says so in its own words.

    Attributes:
        rule: The keyword that is broken, `"unknown"` for a property that is not named, or
            `"twice"` for one that stands there in both spellings.
        path: Where, such as `contents[0].parts`.
        value: What stands there; the name of the property when that is unknown or there twice.
        schema: What was expected there.
    """

    def __init__(self, rule: str, path: str, value: Any, schema: Mapping[str, Any]) -> None:
        """Keep the facts."""
        super().__init__(f"{path}: {rule}")
        self.rule = rule
        self.path = path
        self.value = value
        self.schema = schema


@dataclass(frozen=True, slots=True)
class Schema:
    """The schemas of one file, by name.

    Attributes:
        definitions: What stands under `$defs`.
        protobuf: Read by the rules of protobuf JSON: a property may be written in camelCase or
            snake_case (camelCase comes back, paths are in snake_case), a number may be text, and a
            list within a list is flattened.
        form: Read as fields of a form, where numbers and booleans are text.
    """

    definitions: Mapping[str, Mapping[str, Any]]
    protobuf: bool = False
    form: bool = False

    @classmethod
    def load(cls, path: Path, *, protobuf: bool = False) -> "Schema":
        """Read the file at *path*."""
        return cls(json.loads(path.read_text(encoding="utf-8"))["$defs"], protobuf)

    def read(self, value: Any, name: str) -> Any:
        """Check *value* against the schema *name*; it comes back normalised.

        Raises:
            SchemaError: It does not fit.
        """
        return self._read(value, self.definitions[name], "")

    def _read(self, value: Any, schema: Mapping[str, Any], path: str) -> Any:
        schema = self._chosen(value, schema, path)
        kind = schema.get("type")
        if self.protobuf and kind in {"integer", "number"} and isinstance(value, str):
            value = _number(value)
        if self.form and isinstance(value, str):
            value = _typed(value, kind)
        if kind is not None and not _is(value, kind):
            raise SchemaError("type", path, value, schema)
        if kind == "object":
            return self._object(value, schema, path)
        if kind == "array":
            return self._array(value, schema, path)
        rule = _broken_rule(value, schema)
        if rule:
            raise SchemaError(rule, path, value, schema)
        if "contentEncoding" in schema:
            return _decoded(value, schema, path)
        return int(value) if kind == "integer" else value

    def _chosen(self, value: Any, schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """The schema that *value* is to fit, of those that *schema* points to."""
        while True:
            if "$ref" in schema:
                schema = self._referred(schema)
            elif "anyOf" in schema:
                choices = [self._referred(choice) for choice in schema["anyOf"]]
                fitting = [each for each in choices if _is(value, each.get("type", "object"))]
                schema = (fitting or choices)[0]
            elif "discriminator" in schema:
                schema = self._discriminated(value, schema, path)
            else:
                return schema

    def _referred(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return self.definitions[name] if name else schema

    def _discriminated(self, value: Any, schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """The schema that a property of *value* names."""
        if not isinstance(value, dict):
            raise SchemaError("type", path, value, {"type": "object"})
        name, mapping = (schema["discriminator"][key] for key in ("propertyName", "mapping"))
        if value.get(name) not in list(mapping):
            raise SchemaError("discriminator", self._join(path, name), value.get(name), schema)
        return {"$ref": mapping[value[name]]}

    def _object(self, value: Any, schema: Mapping[str, Any], path: str) -> dict[str, Any]:
        properties = schema.get("properties", {})
        read: dict[str, Any] = {}
        for key, item in value.items():
            name = _camel(key) if self.protobuf else key
            if name not in properties:
                if not schema.get("additionalProperties"):
                    raise SchemaError("unknown", path, key, schema)
                read[key] = item
            elif name in read:
                raise SchemaError("twice", path, key, schema)
            elif item is not None:
                read[name] = self._read(item, properties[name], self._join(path, name))
        for name in schema.get("required", ()):
            if name not in read:
                raise SchemaError("required", self._join(path, name), None, schema)
        return read

    def _array(self, value: Any, schema: Mapping[str, Any], path: str) -> list[Any]:
        if len(value) > schema.get("maxItems", len(value)):
            raise SchemaError("maxItems", path, value, schema)
        if self.protobuf:
            value = [
                item for entry in value for item in (entry if _is(entry, "array") else [entry])
            ]
        items = schema.get("items", {})
        return [self._read(item, items, f"{path}[{index}]") for index, item in enumerate(value)]

    def _join(self, path: str, name: str) -> str:
        if self.protobuf:
            name = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)
        return f"{path}.{name}" if path else name


def _is(value: Any, kind: str) -> bool:
    """Whether *value* has that type; `40.0` is an integer, true is none."""
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole if kind == "integer" else isinstance(value, _TYPES[kind])


def _typed(text: str, kind: str | None) -> Any:
    """The value that *text* stands for in a form, or *text* where it stands for none."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return _number(text) if kind in {"integer", "number"} else text


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _broken_rule(value: Any, schema: Mapping[str, Any]) -> str | None:
    rules: dict[str, Callable[[Any], bool]] = {
        "enum": lambda bound: value in bound,
        "format": lambda _int32: -(2**31) <= value < 2**31,
        "minimum": lambda bound: value >= bound,
        "maximum": lambda bound: value <= bound,
        "maxLength": lambda bound: len(value) <= bound,
        "pattern": lambda bound: re.fullmatch(bound, value) is not None,
    }
    return next((key for key in rules if key in schema and not rules[key](schema[key])), None)


def _decoded(text: str, schema: Mapping[str, Any], path: str) -> bytes:
    """The bytes of base64 in either alphabet, with or without padding."""
    bare = text.rstrip("=")
    if not _BASE64.fullmatch(bare) or len(bare) % 4 == 1 or len(text) - len(bare) > 2:
        raise SchemaError("contentEncoding", path, text, schema)
    padded = bare + "=" * (-len(bare) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"))


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)

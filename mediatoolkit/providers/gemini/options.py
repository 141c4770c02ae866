"""The keywords that Gemini takes beyond a prompt's own, checked and put on the wire."""

from collections.abc import Mapping
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.prompts import checked_text

NAMES = frozenset(
    {
        "include_thoughts",
        "media_resolution",
        "safety",
        "service_tier",
        "system",
        "temperature",
        "thinking",
        "thinking_budget",
        "top_k",
        "top_p",
    }
)
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
_RESOLUTIONS = ("low", "medium", "high")
_TIERS = ("flex", "standard", "priority")
_CATEGORIES = (
    "harassment",
    "hate_speech",
    "sexually_explicit",
    "dangerous_content",
    "civic_integrity",
)
_THRESHOLDS = (
    "block_none",
    "off",
    "block_only_high",
    "block_medium_and_above",
    "block_low_and_above",
)


def check(options: Mapping[str, Any]) -> None:
    """Refuse values that the vendor's schema has not.

    Raises:
        PromptError: Names what it has.
    """
    _number(options, "temperature", 0, 2)
    _number(options, "top_p", 0, 1)
    _number(options, "top_k", 1, 1_000, whole=True)
    _number(options, "thinking_budget", -1, 100_000, whole=True)
    _one_of(options, "thinking", _LEVELS)
    _one_of(options, "media_resolution", _RESOLUTIONS)
    _one_of(options, "service_tier", _TIERS)
    _kind(options, "include_thoughts", bool)
    _kind(options, "system", str)
    if options.get("system"):
        checked_text(options["system"])
    _kind(options, "safety", Mapping)
    for category, threshold in options.get("safety", {}).items():
        _one_of({"safety": str(category).lower()}, "safety", _CATEGORIES)
        _one_of({"safety": str(threshold).lower()}, "safety", _THRESHOLDS)


def generation_config(options: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into `generationConfig`; None where nothing was asked."""
    level, resolution = options.get("thinking"), options.get("media_resolution")
    thinking = {
        "includeThoughts": options.get("include_thoughts"),
        "thinkingBudget": options.get("thinking_budget"),
        "thinkingLevel": level.upper() if level else None,
    }
    return {
        "temperature": options.get("temperature"),
        "topP": options.get("top_p"),
        "topK": options.get("top_k"),
        "thinkingConfig": {k: v for k, v in thinking.items() if v is not None} or None,
        "mediaResolution": f"MEDIA_RESOLUTION_{resolution.upper()}" if resolution else None,
    }


def top_level(options: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside `generationConfig`."""
    system, safety, tier = (options.get(name) for name in ("system", "safety", "service_tier"))
    fields: dict[str, Any] = {}
    if system:
        fields["systemInstruction"] = {"role": "user", "parts": [{"text": system}]}
    if safety:
        fields["safetySettings"] = [
            {"category": f"HARM_CATEGORY_{category.upper()}", "threshold": threshold.upper()}
            for category, threshold in safety.items()
        ]
    if tier:
        fields["serviceTier"] = tier
    return fields


def _number(
    options: Mapping[str, Any], name: str, least: float, most: float, *, whole: bool = False
) -> None:
    value = options.get(name)
    if value is None:
        return
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise PromptError(f"{name}={quoted(value)} is not {kind} from {least} to {most}.")


def _one_of(options: Mapping[str, Any], name: str, values: tuple[str, ...]) -> None:
    value = options.get(name)
    if value is not None and not (isinstance(value, str) and value in values):
        raise PromptError(f"{name}={quoted(value)} is none of {', '.join(values)}.")


def _kind(options: Mapping[str, Any], name: str, kind: type) -> None:
    value = options.get(name)
    if value is not None and not isinstance(value, kind):
        raise PromptError(f"{name} takes {kind.__name__}, not {type(value).__name__}.")

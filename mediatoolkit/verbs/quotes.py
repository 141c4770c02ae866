"""What `image`, `speech` or `video` would cost."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from mediatoolkit.agents import Agent
from mediatoolkit.caching import CacheWord
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import ImageOptions, Prompt, SpeechOptions, VideoOptions
from mediatoolkit.providers.registry import (
    class_for,
    client_for,
    default_choice,
    split_id,
    vendors,
)
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.verbs.kinds import AGENTS, Kind, checked_kind
from mediatoolkit.verbs.starting import agent_for, stated

_OPTIONS: Final[dict[Kind, type]] = {
    "image": ImageOptions,
    "speech": SpeechOptions,
    "video": VideoOptions,
}
_WORDS: Final = {
    kind: ({field.name for field in fields(agent.client_type.prompt_type)} - {"text"})
    | _OPTIONS[kind].__annotations__.keys()
    | ({"text"} if kind == "speech" else set())
    for kind, agent in AGENTS.items()
}
"""The keywords of each verb; those of a vendor are unknown here."""


def quote(
    prompt: str | Prompt | None = None,
    *,
    kind: Kind | None = None,
    model: str | None = None,
    agent: Agent[Any, Any] | None = None,
    timeout: float | Timeout | None = None,
    cache: CacheWord = None,
    take: int | None = None,
    **words: Any,
) -> Price:
    """Say what a verb with these words would cost; nothing is sent, and no key is needed.

        mt.quote("a red fox", model="openai/gpt-image-2", size="1K", quality="low")  # $0.006

    Args:
        prompt: What to make; for speech, `text=` is taken as well.
        kind: `"image"`, `"speech"` or `"video"`. Left out, the prompt's type or the agent decides;
            else the model, where it makes only one kind; else a word that only one verb takes,
            such as `voice=` or `seconds=`; else it is an image.
        model: Model id, as in the verb.
        agent: Whose first model is asked for its price; then *model* stays out.
        timeout: As in the verb; it changes no price.
        cache: As in the verb. The price is that of sending the request, although a kept result
            costs nothing.
        take: As in the verb; every take has the same price.
        words: As in the verb. Jobs are not awaited and files are not read: they count as media.

    Returns:
        The price as a range in USD, which is wide where the model decides what is made.

    Raises:
        PromptError: It cannot be made as asked.
        UnknownModelError: No installed provider serves *model*.
    """
    options = stated(words)
    made = _kind_of(prompt, model, agent, options) if kind is None else checked_kind(kind)
    if prompt is None:
        prompt = options.pop("text", "")
    agent = _agent_for(AGENTS[made], agent, model)
    return agent.quote(prompt, timeout=timeout, cache=cache, take=take, **options)


def _agent_for(
    kind: type[Agent[Any, Any]], agent: Agent[Any, Any] | None, model: str | None
) -> Agent[Any, Any]:
    """Return the agent that the verb would ask, or one like it where there is no key."""
    base = kind.client_type
    model_id = default_choice(base).model_ids[0] if model is None else model
    _, name = split_id(model_id)
    client = None if agent else class_for(model_id, base)
    if client is None or client.is_free or not client.missing(name):
        return agent_for(kind, agent, model)
    return kind(client_for(model_id, base, api_key="sends-nothing"))


def _kind_of(
    prompt: object, model: str | None, agent: Agent[Any, Any] | None, options: Mapping[str, Any]
) -> Kind:
    for kind, agents in AGENTS.items():
        if isinstance(prompt, agents.client_type.prompt_type) or isinstance(agent, agents):
            return kind
    if agent is None and model is not None:
        serving = _kinds_of_model(model)
        if len(serving) == 1:
            return serving[0]
    for word in options:
        taking = [kind for kind in AGENTS if word in _WORDS[kind]]
        if len(taking) == 1:
            return taking[0]
    return "image"


def _kinds_of_model(model: str) -> list[Kind]:
    """What *model* makes; for one in no catalog, all that its vendor makes."""
    vendor, _ = split_id(model)
    by_vendor: list[Kind] = []
    by_catalog: list[Kind] = []
    for kind, agent in AGENTS.items():
        if vendor in vendors(agent.client_type):
            by_vendor.append(kind)
            catalog = class_for(model, agent.client_type).catalog
            if any(info.model_id == model for info in catalog):
                by_catalog.append(kind)
    return by_catalog or by_vendor

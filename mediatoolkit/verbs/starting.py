"""How a verb starts its job: with an agent of this kernel, and shown where a person watches."""

import functools
import logging
import sys
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

from mediatoolkit.agents import Agent
from mediatoolkit.errors import PromptError
from mediatoolkit.providers.registry import checked_ids, class_for, default_choice
from mediatoolkit.runtime.files import absolute
from mediatoolkit.runtime.job import Job, start_job
from mediatoolkit.store import Store
from mediatoolkit.verbs.kinds import AGENTS, checked_kind

A = TypeVar("A", bound=Agent[Any, Any])
T = TypeVar("T")

_log = logging.getLogger("mediatoolkit")

kept_agents: dict[Hashable, Agent[Any, Any]] = {}
"""The agents of this kernel, by what `agent_for` made them of."""


def agent_for(kind: type[A], agent: A | None, model: str | tuple[str, ...] | None) -> A:
    """Return *agent*, or this kernel's agent for the model and environment, kept until `close`.

    A corrected key is another environment, so it is noticed; so are the vendor's address and the
    folder that media is kept in. Which model is taken when none is named is told once.
    """
    if agent is not None:
        if model is not None:
            raise PromptError("Give either agent= or model=; an agent has its own models.")
        if not isinstance(agent, kind):
            raise PromptError(f"agent takes an mt.{kind.__name__}, not {type(agent).__name__}.")
        return agent
    choice = default_choice(kind.client_type) if model is None else None
    model_ids = choice.model_ids if choice else checked_ids(kind.client_type, model)
    classes = [class_for(each, kind.client_type) for each in model_ids]
    environment = tuple(each.environment() for each in classes)
    folder = Store.default_folder()
    key = kind, model_ids, environment, folder if folder.is_absolute() else absolute(folder)
    if key not in kept_agents:
        made = kept_agents[key] = kind(model_ids, store=Store.default())
        # A retry keeps the models, and notices a corrected key.
        made.successor = functools.partial(
            agent_for, kind, None, tuple(client.model_id for client in made.clients)
        )
    if choice and not choice.is_configured:
        _tell(kind.kind, kept_agents[key].clients[0].model_id, choice.reason)
    return cast("A", kept_agents[key])


@functools.cache
def _tell(kind: str, model_id: str, reason: str) -> None:
    """Say which model is taken and why: once in a process, where a person types or in the log."""
    text = f'{model_id} is used since {reason}; mt.configure({kind}="vendor/model") chooses.'
    if in_ipython():
        print(text)  # noqa: T201 - for the person who typed the cell
    else:
        _log.info("%s", text)


def start_hidden(kind: str, prompt: str, *, model: str | None = None, **options: Any) -> Job[Any]:
    """Start a job as the verb *kind* does, without showing it."""
    return agent_for(AGENTS[checked_kind(kind)], None, model).start(prompt, **options)


def show(start: Callable[[], Job[T]]) -> Job[T]:
    """Call *start*; IPython shows its job while that runs, and Ctrl-C meanwhile cancels it."""
    if not in_ipython():
        return start_job(start)
    from mediatoolkit import widgets

    return start_job(start, then=widgets.show)


def start(agent: Agent[Any, Any], prompt: Any, options: Mapping[str, Any]) -> Job[Any]:
    """Start and show a job; what is None is left to the agent's defaults."""
    return show(functools.partial(agent.start, prompt, **stated(options)))


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return *options* without those that count as left out."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and not (name == "references" and _is_empty(value))
    }


def _is_empty(references: object) -> bool:
    """Whether they are none; an iterator is not asked."""
    return isinstance(references, (list, tuple)) and not references


def in_ipython() -> bool:
    """Whether a person types here; IPython is asked only where it is already loaded."""
    ipython = sys.modules.get("IPython")
    return bool(ipython and ipython.get_ipython())

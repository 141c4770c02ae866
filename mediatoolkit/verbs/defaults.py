"""The agents that the verbs use, one for each model and environment, until they are closed."""

import asyncio
from collections.abc import Hashable
from typing import Any, TypeVar, cast

from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.providers.registry import client_class, default_vendor, split_id
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.transport.session import sessions

A = TypeVar("A", bound=Agent[Any, Any])

_agents: dict[Hashable, Agent[Any, Any]] = {}


def agent_for(kind: type[A], agent: A | None, model: str | None) -> A:
    """The agent to use: the given one, or one for each model and environment, kept until `close`.

    A corrected key is another environment, so it is noticed; so are the vendor's address and the
    folder that media is kept in.
    """
    if agent is not None:
        if model is not None:
            raise MediaToolkitError("Give either agent= or model=; an agent has its own models.")
        if not isinstance(agent, kind):
            raise PromptError(f"agent takes an mt.{kind.__name__}, not {type(agent).__name__}.")
        return agent
    client = kind.client_type
    model_id = default_vendor(client) if model is None else model
    found = client_class(split_id(model_id)[0], client).environment()
    store = Store.default()
    key = kind, model_id, found, store.folder
    if key not in _agents:
        _agents[key] = kind(model_id, store=store)
    return cast("A", _agents[key])


def unshown(kind: str, prompt: str, *, model: str | None = None, **options: Any) -> Job[Any]:
    """As the verb *kind*; who asks shows the job."""
    makers: dict[str, type[Agent[Any, Any]]] = {
        maker.kind: maker for maker in (ImageGenAgent, VoiceAgent, VideoGenAgent)
    }
    return agent_for(makers[kind], None, model).start(prompt, **options)


async def close() -> None:
    """Close every session of this kernel; all can be used again.

    What still runs over them on this loop, and what the verbs began, ends with `ClosedError`. A
    film that a vendor makes goes on there, and stays in `mt.jobs.pending()`.
    """
    agents = list(_agents.values())
    _agents.clear()
    await sessions.close()
    await asyncio.gather(*(agent.interrupt() for agent in agents))
    if not loops.background.is_here():
        await asyncio.wrap_future(loops.background.end())

"""What holds for the whole process."""

from collections.abc import Sequence
from types import EllipsisType

from mediatoolkit.caching import CacheMode, CacheWord
from mediatoolkit.caching import settings as caching
from mediatoolkit.media import video as films
from mediatoolkit.providers.registry import checked_ids, choose
from mediatoolkit.transport import proxy as proxies
from mediatoolkit.transport.secret import HiddenText
from mediatoolkit.verbs.kinds import AGENTS

ModelIds = str | Sequence[str] | None


def configure(
    *,
    proxy: str | EllipsisType | None = ...,
    embed: int | EllipsisType | None = ...,
    cache: CacheWord | EllipsisType = ...,
    image: ModelIds | EllipsisType = ...,
    speech: ModelIds | EllipsisType = ...,
    video: ModelIds | EllipsisType = ...,
) -> None:
    """Set what holds for this process from now on; what is left out stays as it is.

    Args:
        proxy: How vendors and files are reached. `"env"`, as at the start, follows
            `MEDIATOOLKIT_PROXY`, or else `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`;
            they are read anew for every request. `"http://[user:password@]host[:port]"` is used
            for every host that `NO_PROXY` does not name. None uses no proxy. A client with a
            `session=` of your own keeps to its settings.
        embed: Most bytes of a film in a page, and so in a saved notebook and what is exported of
            it: 0 to 10,000,000. A film of so many is there as it is, of a larger one a preview
            that fits, and with 0 its first picture alone. None, as at the start, is a preview of
            at most 2,000,000 bytes for films above 300,000.
        cache: What calls do that say nothing of the cache, by the words of `image`: False, True,
            `"refresh"` or `"only"`. None, as at the start, leaves it to the environment variable
            `MEDIATOOLKIT_CACHE`, and without that the cache is off.
        image: Model id for pictures where a call names none, such as `"openai/gpt-image-2"`, or a
            vendor. Of several, the next is asked when one cannot help and nothing may have been
            billed. None, as at the start, leaves it to `MEDIATOOLKIT_IMAGE`, and without that to
            the first vendor whose key is set.
        speech: The same for speech, with `MEDIATOOLKIT_SPEECH`.
        video: The same for films, with `MEDIATOOLKIT_VIDEO`.

    Raises:
        UnsafeURLError: *proxy* is something else; nothing is changed.
        PromptError: *embed* or *cache* is something else; nothing is changed.
        UnknownModelError: No installed provider serves a model; nothing is changed.
    """
    # Hidden, since the traceback of an error that is raised below shows its locals.
    proxy = HiddenText(proxy) if isinstance(proxy, str) else proxy
    if not isinstance(embed, EllipsisType):
        films.check_embed(embed)
    if not isinstance(cache, EllipsisType) and cache is not None:
        CacheMode.of(cache)
    models = {
        kind.client_type: model_ids
        for kind, model_ids in zip(AGENTS.values(), (image, speech, video), strict=True)
        if not isinstance(model_ids, EllipsisType)
    }
    for client, model_ids in models.items():
        if model_ids is not None:
            checked_ids(client, model_ids)
    if not isinstance(proxy, EllipsisType):
        proxies.configure(proxy=proxy)
    if not isinstance(embed, EllipsisType):
        films.embed(embed)
    if not isinstance(cache, EllipsisType):
        caching.default = cache
    for client, model_ids in models.items():
        choose(client, model_ids)

"""Pictures, speech and film from a Jupyter cell, made by async agents.

    import mediatoolkit as mt

    fox = await mt.image("a red fox under the stars", seed=7)   # an Image
    voice = await mt.speech("A red fox looks up.")              # an Audio
    film = await mt.film([fox], voice)                          # a Video
    clip = await mt.video("the fox walks", image=fox)

No key is needed: an embedded engine works on your own machine. With a vendor's key set, such as
GEMINI_API_KEY or FAL_KEY, the same lines ask that vendor; `model="local/painter"` chooses.

Verbs start a job and return it at once. Await the job for its result, or use `.result()` where
there is no await; `.cancel()` stops it, `.extend(30)` moves its deadline.
    image, speech, video, film, download; jobs, sessions, close, run, configure, allow_nested

Which vendors and models there are, whose key was found, and who is asked when nobody is named:
    models, keys; configure(image="openai/gpt-image-2")

What it costs, before and after, and how to ask again for nothing:
    quote, budget, prices, cache; also cache= and take= of each verb

Many, as a table that survives a crash and goes on under its name:
    grid, for the rows; start_many of an agent, or df.media.image of a DataFrame

On the page:
    show, compare, Gallery, Studio; after %load_ext mediatoolkit also %%image, %%speech, %%video

Agents hold clients, defaults and a store; generate, generate_many, start, start_many, stream:
    ImageGenAgent, VoiceAgent, VideoGenAgent; of several clients, the next is asked when one fails

A client for each vendor and kind of media; those of servers of your own take their base_url=:
    FalImageClient, ElevenLabsSpeechClient, XAIVideoClient, OpenAICompatibleImageClient, …

Results know their type and how they were made; .save(path), .path, .provenance, .omissions:
    Image, Audio, Video; MediaList, for several

Every error is a MediaToolkitError that says what to do next. In a shell:
`python -m mediatoolkit image "a red fox"`.

Names load when they are first used, so that `import mediatoolkit` stays quick. Type checkers and
editors read the stub beside this file, `__init__.pyi`.
"""

import sys
from importlib import import_module
from typing import Any

from mediatoolkit.version import VERSION

_NAMES_BY_MODULE = {
    "agents": "ImageGenAgent VideoGenAgent VoiceAgent",
    "errors": (
        "AuthenticationError BudgetError ClosedError DeadlineError JobCancelled MediaError "
        "MediaToolkitError MissingExtraError ModelNotFoundError NotAwaitedError NotCachedError "
        "PromptError ProviderError RateLimitError RefusalError StorageError TooLargeError "
        "TransportError UnknownModelError UnknownNameError UnsafeURLError"
    ),
    "media": "Audio Image MediaList Provenance Video",
    "pricing.budget": "budget",
    "pricing.prices": "prices",
    "prompts": "ImagePrompt SpeechPrompt VideoPrompt",
    "providers.automatic1111": "Automatic1111ImageClient",
    "providers.bfl": "BFLImageClient",
    "providers.comfyui": "ComfyUIImageClient ComfyUIVideoClient",
    "providers.diffusers": "DiffusersImageClient",
    "providers.elevenlabs": "ElevenLabsSpeechClient",
    "providers.fal": "FalImageClient FalSpeechClient FalVideoClient",
    "providers.gemini": "GeminiImageClient GeminiSpeechClient GeminiVideoClient",
    "providers.huggingface": (
        "HuggingFaceImageClient HuggingFaceSpeechClient HuggingFaceVideoClient"
    ),
    "providers.local": "LocalImageClient LocalSpeechClient LocalVideoClient",
    "providers.mistral": "MistralSpeechClient",
    "providers.openai": "OpenAIImageClient",
    "providers.openai_compatible": (
        "OpenAICompatibleImageClient OpenAICompatibleSpeechClient OpenAICompatibleVideoClient"
    ),
    "providers.openrouter": "OpenRouterImageClient OpenRouterSpeechClient OpenRouterVideoClient",
    "providers.replicate": "ReplicateImageClient ReplicateSpeechClient ReplicateVideoClient",
    "providers.together": "TogetherImageClient TogetherSpeechClient TogetherVideoClient",
    "providers.xai": "XAIImageClient XAIVideoClient",
    "runs.grids": "grid",
    "runtime.context": "Timeout",
    "runtime.job": "Job run",
    "simulator": "Simulator",
    "store": "Store",
    "transport": "Limits Retry",
    "transport.session": "SessionRegistry",
    "verbs": "close download film image jobs sessions speech video",
    "verbs.cache": "cache",
    "verbs.keys": "keys",
    "verbs.models": "models",
    "verbs.quotes": "quote",
    "verbs.settings": "configure",
    "verbs.studio": "Studio",
    "widgets.compare": "compare",
    "widgets.gallery": "Gallery",
    "widgets.grid": "show",
    "widgets.kernel": "allow_nested",
}
_MODULE_OF = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names.split()}
_SHOWN = frozenset({"image", "speech", "video", "film"})
_SHOWN_BELOW = frozenset({"agents", "pricing.budget"})

__all__ = list(sorted(_MODULE_OF, key=lambda name: (name.islower(), name)))  # noqa: C413
__version__ = VERSION


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module 'mediatoolkit' has no attribute {name!r}")
    if name not in _MODULE_OF:
        from mediatoolkit.errors import UnknownNameError
        from mediatoolkit.habits import name_hint

        raise UnknownNameError(f"mediatoolkit has no {name!r}; {name_hint(name, __all__)}")
    if name in _SHOWN and "IPython" in sys.modules and "mediatoolkit.verbs" not in sys.modules:
        from mediatoolkit.widgets import first_bar

        first_bar.show(name)
    value = getattr(import_module(f"mediatoolkit.{_MODULE_OF[name]}"), name)
    if _MODULE_OF[name] in _SHOWN_BELOW and "IPython" in sys.modules:
        import_module("mediatoolkit.verbs")  # has a notebook show what they start, or hold
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what a user types, so that Tab shows no room and no import of this file."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext mediatoolkit` calls: adds `%%image`, `%%speech`, `%%video` and `%media`."""
    from mediatoolkit.magics import register

    register(shell)

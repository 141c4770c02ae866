"""Generate pictures from a Jupyter cell: `await mt.image("a red fox under the stars")`.

Names load when they are first used, so that `import mediatoolkit` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mediatoolkit.version import VERSION

if TYPE_CHECKING:
    from mediatoolkit.agents import ImageGenAgent, VideoGenAgent, VoiceAgent
    from mediatoolkit.errors import (
        AuthenticationError,
        ClosedError,
        DeadlineError,
        JobCancelled,
        MediaError,
        MediaToolkitError,
        MissingExtraError,
        ModelNotFoundError,
        NotAwaitedError,
        PromptError,
        ProviderError,
        RateLimitError,
        RefusalError,
        StorageError,
        TooLargeError,
        TransportError,
        UnknownModelError,
        UnsafeURLError,
    )
    from mediatoolkit.media import Audio, Image, Provenance, Video
    from mediatoolkit.prompts import ImagePrompt, SpeechPrompt, VideoPrompt
    from mediatoolkit.providers.gemini import (
        GeminiImageClient,
        GeminiSpeechClient,
        GeminiVideoClient,
    )
    from mediatoolkit.providers.local import (
        LocalImageClient,
        LocalSpeechClient,
        LocalVideoClient,
    )
    from mediatoolkit.runtime.context import Timeout
    from mediatoolkit.runtime.job import Job, run
    from mediatoolkit.simulator import Simulator
    from mediatoolkit.store import Store
    from mediatoolkit.transport import Limits, Retry
    from mediatoolkit.transport.proxy import configure
    from mediatoolkit.transport.session import SessionRegistry, sessions
    from mediatoolkit.verbs import close, download, film, image, jobs, speech, video
    from mediatoolkit.verbs.studio import Studio
    from mediatoolkit.widgets.comparing import compare
    from mediatoolkit.widgets.gallery import Gallery
    from mediatoolkit.widgets.nested import allow_nested

_HOMES = {
    "agents": ("ImageGenAgent", "VideoGenAgent", "VoiceAgent"),
    "errors": (
        "AuthenticationError",
        "ClosedError",
        "DeadlineError",
        "JobCancelled",
        "MediaError",
        "MediaToolkitError",
        "MissingExtraError",
        "ModelNotFoundError",
        "NotAwaitedError",
        "PromptError",
        "ProviderError",
        "RateLimitError",
        "RefusalError",
        "StorageError",
        "TooLargeError",
        "TransportError",
        "UnknownModelError",
        "UnsafeURLError",
    ),
    "media": ("Audio", "Image", "Provenance", "Video"),
    "prompts": ("ImagePrompt", "SpeechPrompt", "VideoPrompt"),
    "providers.gemini": ("GeminiImageClient", "GeminiSpeechClient", "GeminiVideoClient"),
    "providers.local": ("LocalImageClient", "LocalSpeechClient", "LocalVideoClient"),
    "runtime.context": ("Timeout",),
    "runtime.job": ("Job", "run"),
    "simulator": ("Simulator",),
    "store": ("Store",),
    "transport": ("Limits", "Retry"),
    "transport.proxy": ("configure",),
    "transport.session": ("SessionRegistry",),
    "verbs": (
        "close",
        "download",
        "film",
        "image",
        "jobs",
        "sessions",
        "speech",
        "video",
    ),
    "verbs.studio": ("Studio",),
    "widgets.comparing": ("compare",),
    "widgets.gallery": ("Gallery",),
    "widgets.nested": ("allow_nested",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Audio",
    "AuthenticationError",
    "ClosedError",
    "DeadlineError",
    "Gallery",
    "GeminiImageClient",
    "GeminiSpeechClient",
    "GeminiVideoClient",
    "Image",
    "ImageGenAgent",
    "ImagePrompt",
    "Job",
    "JobCancelled",
    "Limits",
    "LocalImageClient",
    "LocalSpeechClient",
    "LocalVideoClient",
    "MediaError",
    "MediaToolkitError",
    "MissingExtraError",
    "ModelNotFoundError",
    "NotAwaitedError",
    "PromptError",
    "Provenance",
    "ProviderError",
    "RateLimitError",
    "RefusalError",
    "Retry",
    "SessionRegistry",
    "Simulator",
    "SpeechPrompt",
    "StorageError",
    "Store",
    "Studio",
    "Timeout",
    "TooLargeError",
    "TransportError",
    "UnknownModelError",
    "UnsafeURLError",
    "Video",
    "VideoGenAgent",
    "VideoPrompt",
    "VoiceAgent",
    "allow_nested",
    "close",
    "compare",
    "configure",
    "download",
    "film",
    "image",
    "jobs",
    "run",
    "sessions",
    "speech",
    "video",
]

__version__ = VERSION


if not TYPE_CHECKING:  # a type checker takes the names above, and finds a misspelt one

    def __getattr__(name: str) -> Any:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'mediatoolkit' has no attribute {name!r}")
        value = getattr(import_module(f"mediatoolkit.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What a user types, so that Tab shows no room of the house and no import of this file."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext mediatoolkit` calls: adds `%%image`, `%%speech`, `%%video` and `%media`."""
    from mediatoolkit.magics import register

    register(shell)

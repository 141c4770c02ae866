# What type checkers and editors see; tests/test_package.py compares it with the lazy table.

from typing import Any

from mediatoolkit.agents import ImageGenAgent as ImageGenAgent
from mediatoolkit.agents import VideoGenAgent as VideoGenAgent
from mediatoolkit.agents import VoiceAgent as VoiceAgent
from mediatoolkit.errors import AuthenticationError as AuthenticationError
from mediatoolkit.errors import BudgetError as BudgetError
from mediatoolkit.errors import ClosedError as ClosedError
from mediatoolkit.errors import DeadlineError as DeadlineError
from mediatoolkit.errors import JobCancelled as JobCancelled
from mediatoolkit.errors import MediaError as MediaError
from mediatoolkit.errors import MediaToolkitError as MediaToolkitError
from mediatoolkit.errors import MissingExtraError as MissingExtraError
from mediatoolkit.errors import ModelNotFoundError as ModelNotFoundError
from mediatoolkit.errors import NotAwaitedError as NotAwaitedError
from mediatoolkit.errors import NotCachedError as NotCachedError
from mediatoolkit.errors import PromptError as PromptError
from mediatoolkit.errors import ProviderError as ProviderError
from mediatoolkit.errors import RateLimitError as RateLimitError
from mediatoolkit.errors import RefusalError as RefusalError
from mediatoolkit.errors import StorageError as StorageError
from mediatoolkit.errors import TooLargeError as TooLargeError
from mediatoolkit.errors import TransportError as TransportError
from mediatoolkit.errors import UnknownModelError as UnknownModelError
from mediatoolkit.errors import UnknownNameError as UnknownNameError
from mediatoolkit.errors import UnsafeURLError as UnsafeURLError
from mediatoolkit.media import Audio as Audio
from mediatoolkit.media import Image as Image
from mediatoolkit.media import MediaList as MediaList
from mediatoolkit.media import Provenance as Provenance
from mediatoolkit.media import Video as Video
from mediatoolkit.pricing.budget import budget as budget
from mediatoolkit.pricing.prices import prices as prices
from mediatoolkit.prompts import ImagePrompt as ImagePrompt
from mediatoolkit.prompts import SpeechPrompt as SpeechPrompt
from mediatoolkit.prompts import VideoPrompt as VideoPrompt
from mediatoolkit.providers.automatic1111 import (
    Automatic1111ImageClient as Automatic1111ImageClient,
)
from mediatoolkit.providers.bfl import BFLImageClient as BFLImageClient
from mediatoolkit.providers.comfyui import ComfyUIImageClient as ComfyUIImageClient
from mediatoolkit.providers.comfyui import ComfyUIVideoClient as ComfyUIVideoClient
from mediatoolkit.providers.diffusers import DiffusersImageClient as DiffusersImageClient
from mediatoolkit.providers.elevenlabs import ElevenLabsSpeechClient as ElevenLabsSpeechClient
from mediatoolkit.providers.fal import FalImageClient as FalImageClient
from mediatoolkit.providers.fal import FalSpeechClient as FalSpeechClient
from mediatoolkit.providers.fal import FalVideoClient as FalVideoClient
from mediatoolkit.providers.gemini import GeminiImageClient as GeminiImageClient
from mediatoolkit.providers.gemini import GeminiSpeechClient as GeminiSpeechClient
from mediatoolkit.providers.gemini import GeminiVideoClient as GeminiVideoClient
from mediatoolkit.providers.huggingface import HuggingFaceImageClient as HuggingFaceImageClient
from mediatoolkit.providers.huggingface import HuggingFaceSpeechClient as HuggingFaceSpeechClient
from mediatoolkit.providers.huggingface import HuggingFaceVideoClient as HuggingFaceVideoClient
from mediatoolkit.providers.local import LocalImageClient as LocalImageClient
from mediatoolkit.providers.local import LocalSpeechClient as LocalSpeechClient
from mediatoolkit.providers.local import LocalVideoClient as LocalVideoClient
from mediatoolkit.providers.mistral import MistralSpeechClient as MistralSpeechClient
from mediatoolkit.providers.openai import OpenAIImageClient as OpenAIImageClient
from mediatoolkit.providers.openai_compatible import (
    OpenAICompatibleImageClient as OpenAICompatibleImageClient,
)
from mediatoolkit.providers.openai_compatible import (
    OpenAICompatibleSpeechClient as OpenAICompatibleSpeechClient,
)
from mediatoolkit.providers.openai_compatible import (
    OpenAICompatibleVideoClient as OpenAICompatibleVideoClient,
)
from mediatoolkit.providers.openrouter import OpenRouterImageClient as OpenRouterImageClient
from mediatoolkit.providers.openrouter import OpenRouterSpeechClient as OpenRouterSpeechClient
from mediatoolkit.providers.openrouter import OpenRouterVideoClient as OpenRouterVideoClient
from mediatoolkit.providers.replicate import ReplicateImageClient as ReplicateImageClient
from mediatoolkit.providers.replicate import ReplicateSpeechClient as ReplicateSpeechClient
from mediatoolkit.providers.replicate import ReplicateVideoClient as ReplicateVideoClient
from mediatoolkit.providers.together import TogetherImageClient as TogetherImageClient
from mediatoolkit.providers.together import TogetherSpeechClient as TogetherSpeechClient
from mediatoolkit.providers.together import TogetherVideoClient as TogetherVideoClient
from mediatoolkit.providers.xai import XAIImageClient as XAIImageClient
from mediatoolkit.providers.xai import XAIVideoClient as XAIVideoClient
from mediatoolkit.runs.grids import grid as grid
from mediatoolkit.runtime.context import Timeout as Timeout
from mediatoolkit.runtime.job import Job as Job
from mediatoolkit.runtime.job import run as run
from mediatoolkit.simulator import Simulator as Simulator
from mediatoolkit.store import Store as Store
from mediatoolkit.transport import Limits as Limits
from mediatoolkit.transport import Retry as Retry
from mediatoolkit.transport.session import SessionRegistry as SessionRegistry
from mediatoolkit.verbs import close as close
from mediatoolkit.verbs import download as download
from mediatoolkit.verbs import film as film
from mediatoolkit.verbs import image as image
from mediatoolkit.verbs import jobs as jobs
from mediatoolkit.verbs import sessions as sessions
from mediatoolkit.verbs import speech as speech
from mediatoolkit.verbs import video as video
from mediatoolkit.verbs.cache import cache as cache
from mediatoolkit.verbs.keys import keys as keys
from mediatoolkit.verbs.models import models as models
from mediatoolkit.verbs.quotes import quote as quote
from mediatoolkit.verbs.settings import configure as configure
from mediatoolkit.verbs.studio import Studio as Studio
from mediatoolkit.widgets.compare import compare as compare
from mediatoolkit.widgets.gallery import Gallery as Gallery
from mediatoolkit.widgets.grid import show as show
from mediatoolkit.widgets.kernel import allow_nested as allow_nested

__version__: str

def load_ipython_extension(shell: Any) -> None: ...

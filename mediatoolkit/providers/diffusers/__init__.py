"""Pictures by any pipeline of Hugging Face's diffusers, in a thread of this process."""

from mediatoolkit.providers.diffusers.client import DiffusersImageClient

__all__ = ["DiffusersImageClient"]

"""ComfyUI on a machine of one's own: pictures and films by any workflow, with named inputs."""

from mediatoolkit.providers.comfyui.client import ComfyUIImageClient, ComfyUIVideoClient

__all__ = ["ComfyUIImageClient", "ComfyUIVideoClient"]

"""The list of models, and which of them serves what."""

import re
from typing import Any

from mediatoolkit.simulator.gemini import models
from mediatoolkit.simulator.gemini.envelope import error, said
from mediatoolkit.simulator.gemini.models import Model
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.vendor import RejectedError

_PAGE = 50


class Catalog:
    """The served models.

    Args:
        extra: Ids of further models.
    """

    def __init__(self, extra: tuple[str, ...]) -> None:
        """Take the known models and *extra* ones."""
        further = [models.further(model_id) for model_id in extra]
        self._served = {model.id: model for model in (*models.MODELS, *further)}

    def get(self, model_id: str) -> Model | None:
        """The model of that id, or None.

        Raises:
            RejectedError: It was served once.
        """
        if model_id in models.RETIRED:
            raise RejectedError(
                error(
                    404,
                    f"This model models/{model_id} is no longer available. Please update your "
                    "code to use a newer model for the latest features and improvements.",
                )
            )
        return self._served.get(model_id)

    def serving(self, place: re.Match[str]) -> Model:
        """The model that *place* names, if it serves the method.

        Raises:
            RejectedError: It does not.
        """
        model = self.get(place["model"])
        if model is None or place["verb"] not in model.methods:
            raise RejectedError(
                error(
                    404,
                    f"models/{place['model']} is not found for API version {place['version']}, or "
                    f"is not supported for {place['verb']}. Call ListModels to see the list of "
                    "available models and their supported methods.",
                )
            )
        return model

    def listing(self, request: Request, place: re.Match[str]) -> HttpResponse:
        """One page of the list, or what one model tells about itself."""
        if place["model"] is None:
            return said(_page(list(self._served.values()), request))
        if place["model"] not in self._served:
            missing = f"models/{place['model']} is not found for API version {place['version']}."
            raise RejectedError(error(404, missing))
        return said(self._served[place["model"]].listing())


def _page(all_models: list[Model], request: Request) -> dict[str, Any]:
    """One page of the list; a token is `p` and the number of models before it."""
    size, token = request.query.get("pageSize", str(_PAGE)), request.query.get("pageToken", "p0")
    if not size.isdecimal() or not re.fullmatch(r"p\d+", token):
        raise InvalidError("The page size or the page token is not valid.", "page_token")
    start = int(token[1:])
    stop = start + (int(size) or _PAGE)
    page: dict[str, Any] = {"models": [model.listing() for model in all_models[start:stop]]}
    return page | ({"nextPageToken": f"p{stop}"} if stop < len(all_models) else {})

"""A pandas table of models; importing this imports pandas."""

from typing import Any

import pandas as pd


class ModelFrame(pd.DataFrame):  # type: ignore[misc]
    """A DataFrame whose cells are shown whole, and whose dollar signs begin no formula."""

    @property
    def _constructor(self) -> Any:
        return ModelFrame

    def _repr_html_(self) -> Any:
        shown = ("display.html.use_mathjax", False, "display.max_colwidth", None)
        with pd.option_context(*shown):
            return super()._repr_html_()

"""Many pieces of media as thumbnails: `shelf.py` knows what there is, `widget.py` shows it."""

from mediatoolkit.widgets.gallery.widget import Gallery

__all__ = ["Gallery"]

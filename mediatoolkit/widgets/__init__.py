"""Jupyter's room: what a cell shows while a job runs and after it has ended.

The names below are its only doors. Nothing else in the package imports this room, and it is
imported only inside a notebook kernel, so a script or a worker loads no Jupyter.

One stem is one widget: `board.py` holds its traits, `board.js` and `board.css` what the
browser does with them, without a build step.
"""

from mediatoolkit.widgets.live import install, show, show_jobs

__all__ = ["install", "show", "show_jobs"]

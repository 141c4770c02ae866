"""A form in the page for pictures, speech and film, with what was made in this session.

`widget.py` is the side of the kernel, `asked.py` and `made.py` are what it takes from the page and
gives to it. The scripts are the side of the browser, one subject each: `parts.js` elements,
`form.js` what is asked, `pictures.js` what it starts from, `stage.js` what is shown, `strip.js` the
history, `clock.js` the running job, `studio.js` all of them together.
"""

from mediatoolkit.widgets.studio.widget import StudioForm

__all__ = ["StudioForm"]

"""The jobs of a cell while they run.

`place.py` is where they stand on the page, `report.py` what is told of each, `rows.py` the words
for it. `view.py` chooses who shows them: `widget.py`, whose scripts are the side of the browser, or
`plain.py`, which is text.
"""

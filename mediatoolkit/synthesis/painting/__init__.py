"""The embedded painter: a scene out of words, printed ink by ink; `painter.py` is its door."""

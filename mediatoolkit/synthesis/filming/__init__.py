"""The embedded film maker: pictures, a voice and words into a film; `film.py` is its door."""

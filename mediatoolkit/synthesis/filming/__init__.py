"""The embedded film maker: pictures, a voice and words become a film; `film.py` is the entry."""

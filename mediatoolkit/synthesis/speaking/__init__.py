"""The embedded voices: sentences into sound; `speech.py` is their door."""

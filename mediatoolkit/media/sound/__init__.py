"""How sound files are built, format by format, and what is done with samples.

To add a format, write a module with `inspect(data) -> SoundFacts | None`, `written_into(data,
record) -> pieces` and `record_in(data) -> bytes | None`, and name it in `formats.py`.
"""

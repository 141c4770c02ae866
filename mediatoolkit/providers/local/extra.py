"""What the extra `local` brings, looked up without importing it."""

from importlib.util import find_spec


def missing(what: str, *packages: str) -> str:
    """Why *what* cannot be made here and what to do, in one sentence; empty when it can."""
    if all(map(find_spec, packages)):
        return ""
    return f'{what} need a package that is not installed: pip install "mediatoolkit[local]".'

"""Settings that choose models, so that no sentence says which is taken and why."""


def chosen(vendor: str) -> dict[str, str]:
    """Variables that take *vendor* for every kind of media."""
    return {f"MEDIATOOLKIT_{kind}": vendor for kind in ("IMAGE", "SPEECH", "VIDEO")}

"""What a page is told of a piece that was made."""

from typing import Any

from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.widgets.outputs.recall import call_of
from mediatoolkit.widgets.outputs.viewer import file_name


def entry_of(media: Media, asked: dict[str, Any]) -> dict[str, Any]:
    """What is shown with *media*, and what the form asked for to get it, as plain JSON.

    Args:
        media: Finished.
        asked: `kind`, `prompt` and `settings` of the form.
    """
    provenance = media.provenance
    facts = [provenance.model] if provenance else []
    facts.append(_facts(media))
    if provenance and provenance.seed is not None and asked["kind"] != "speech":
        facts.append(f"seed {provenance.seed}")
    return {
        **asked,
        "facts": facts,
        "model": provenance.model if provenance else "",
        "seed": provenance.seed if provenance else None,
        "type": media.mime_type,
        "file": file_name(media),
        "code": call_of(media) if provenance else "",
    }


def _facts(media: Media) -> str:
    match media:
        case Image():
            return f"{media.width}×{media.height}"
        case Video():
            size = f"{media.width}×{media.height}"
            return f"{media.facts.seconds:.1f} s, {size}" if media.facts.seconds else size
        case Audio():
            return f"{media.seconds:.1f} s"
    return media.noun

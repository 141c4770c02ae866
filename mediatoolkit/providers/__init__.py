"""Translators between prompts and what a vendor understands.

How to add a provider: write one class for each kind of media, on top of `base.ImageClient`, and
name it in an entry point of your package:

    [project.entry-points."mediatoolkit.images"]
    acme = "acme_media:AcmeImageClient"

`"acme/some-model"` then works wherever a model id does. A client is three pure functions (to the
wire, from the wire, reading a refusal) and one `await`; `mediatoolkit.transport` does the rest.
"""

"""Translators between prompts and what a vendor understands.

How to add a provider: write one class for each kind of media and name it in an entry point of your
package:

    [project.entry-points."mediatoolkit.images"]
    acme = "acme_media:AcmeImageClient"

`"acme/some-model"` then works wherever a model id does. On `http.HttpClient`, a client is a catalog
of models with their `capabilities`, three pure functions (to the wire, from the wire, reading an
error) and one `await`; `mediatoolkit.transport` does the rest. `openai.py` is an example, and
`mediatoolkit.testing` holds the tests that yours is to pass. A client whose vendor takes many
requests at once is a `batches.BatchClient`, too.
"""

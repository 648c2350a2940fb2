"""The processors' side: one module or package per kind of feed, named after its `kind` in the configuration.

To add one: copy `products_api.py`, which is the whole pattern. A frozen pydantic model with a literal `kind` is its
configuration; `adapter(...)` builds what implements `recon_assets.feeds.adapter.Adapter`; one function says what a
record means and raises `FieldRefused` for a record that is no transaction. A feed that pages by `limit` and `skip`
needs nothing else. Then add the model to the configuration's union of feeds. A feed of files needs no code at all:
it is described in YAML (`recon_assets.feeds.files`).
"""

"""The processors' side: one module or package per kind of feed, named after its `kind` in the configuration.

To add one, follow "By code" in docs/processors.md, whose example is tested: a frozen pydantic model with a literal
`kind` and `adapter(Surroundings)`, one function that says what a record means, and a line in `registry`. A feed of
files needs no code at all: it is described in YAML (`recon_assets.feeds.files`).
"""

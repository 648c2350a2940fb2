"""Our own side: one module per kind of ledger feed, named after its `kind` in the configuration.

A ledger in files is described in YAML (`recon_assets.feeds.files`) and needs no module here.
"""

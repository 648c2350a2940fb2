"""Our own side: one module or package per kind of ledger feed.

A ledger in a database is a SELECT of the deployment (`sql`). A ledger in files is described in YAML
(`recon_assets.feeds.files`) and needs no module here.
"""

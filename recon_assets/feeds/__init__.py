"""How records come in, whatever they mean: raw bytes kept, HTTP with limits, files by description, frames written.

`processors`, `ledger` and later `bank` build on this folder and never on one another.
"""

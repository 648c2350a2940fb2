"""Comparing the two sides of a processor-day: named SQL stages over Parquet, run by DuckDB with bounded memory.

`stages/` is what an auditor reads; `engine` runs it; `conclude` turns its figures into proof, verdict and risk.
"""

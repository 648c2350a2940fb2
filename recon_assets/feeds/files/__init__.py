"""Feeds that arrive as files: any CSV or JSON lines, read by a description in YAML.

`description` is what the YAML may say; `adapter` brings the files; `csv_records` and `json_records` turn bytes into
columns of text; `parse`, `amounts` and `times` turn text into `PARSED_SCHEMA`. A new processor is a new YAML file.
"""

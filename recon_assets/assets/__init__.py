"""What Dagster sees as the graph: one module per stage, the same seven assets for every processor.

    raw_processor_feed -> transactions ---+
                                          +-> discrepancies -> report -> archive
    raw_ledger_feed ---> ledger_entries --+

An asset body has three moves: read through a resource, call one pure function, write and say what was written.
"""

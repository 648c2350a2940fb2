"""What others watch of us: metrics in Prometheus' format and structured log lines.

Not here: reading the record (`store.readings`) and telling people what happened (`notifications`).
"""

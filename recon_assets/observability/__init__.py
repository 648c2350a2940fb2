"""What others watch of us: metrics in Prometheus' format, structured log lines, and traces.

Not here: reading the record (`store.readings`) and telling people what happened (`notifications`).
"""

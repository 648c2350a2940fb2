"""The immutable evidence of a processor-day: every file that made the answer, with a manifest of their SHA-256."""

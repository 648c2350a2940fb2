"""Named checks: each states the fact that is true when it passes, and gives counts, never values."""

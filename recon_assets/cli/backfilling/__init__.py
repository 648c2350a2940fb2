"""`recon backfill`: which days of a range are to be run, running them, and telling it."""

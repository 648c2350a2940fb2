"""Faults on purpose: publishing a day is killed, cut off and crowded, and the record is checked after each."""

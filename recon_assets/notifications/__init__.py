"""Telling people: who is told what, in which words, by which channel. Not here: what happened (`domain.messages`)."""

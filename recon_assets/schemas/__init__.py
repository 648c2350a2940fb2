"""The canonical frames: what every processor's and every ledger's records become, as Arrow types and pandera models."""

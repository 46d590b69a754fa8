"""One file per DIMSE service: each reads a message, asks the archive, and answers."""

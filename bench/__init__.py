"""Measurements beside real peers, in one run: `python -m bench`."""

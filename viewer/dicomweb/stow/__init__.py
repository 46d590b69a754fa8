"""STOW-RS, the store transaction of the studies service (PS3.18 10.5)."""

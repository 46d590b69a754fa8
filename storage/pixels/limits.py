"""How much memory one object may make us use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Upper bounds in bytes; past them a `PixelError` is raised before anything is allocated.

    `frame_bytes` bounds one decoded frame (a digitised mammogram has 30 MB, a 16k x 16k radiograph 512 MB).
    `inflated_bytes` bounds a Deflated Explicit VR data set, which can only be read as a whole (PS3.5 A.5).
    """

    frame_bytes: int = 512 * 2**20
    inflated_bytes: int = 2**30

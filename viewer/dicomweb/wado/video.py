"""Frames as a video (PS3.18 8.7.4): H.264 in MP4, encoded by PyAV where that is installed.

PyAV's wheel brings FFmpeg with encoders under the GPL, so it is no dependency but an extra (`filmless[video]`) that
whoever runs the archive chooses. Frames are drawn and encoded one at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MP4 = "video/mp4"
PIXELS_MAX = 1 << 30
"""Of one video: it is made by a thread that answers requests, in some 20 s at most."""
FRAMES_PER_SECOND = 10.0
"""Where an object does not say how fast its frames follow each other."""
_SLOWEST, _FASTEST = 0.5, 120.0


@cache
def is_possible() -> bool:
    """Tell whether the encoder is installed."""
    return find_spec("av") is not None


def write(images: Iterable[Image.Image], frames_per_second: float | None, quality: int, path: Path) -> None:
    """Encode pictures of one size into a file; `quality` is 1 to 100, as of JPEG."""
    import av

    rate = min(max(frames_per_second or FRAMES_PER_SECOND, _SLOWEST), _FASTEST)
    options = {"crf": str(_rate_factor(quality)), "preset": "veryfast"}
    # The index goes to the front, so that players begin before all has come.
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000), options=options)
        for number, image in enumerate(images):
            pixels = _even(np.asarray(image.convert("RGB")))
            if not number:
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _rate_factor(quality: int) -> int:
    """Return x264's constant rate factor: 18, hardly to be told from the original, for the usual quality of 90."""
    return round(51 - quality * 0.37)


def _even(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row or column where there is an odd number: colour has half the resolution (4:2:0)."""
    rows, columns = pixels.shape[:2]
    return np.pad(pixels, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")

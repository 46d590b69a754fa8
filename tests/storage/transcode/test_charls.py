"""JPEG-LS by the codec's own interface."""

from __future__ import annotations

import threading
import time

import imagecodecs
import numpy as np
import pytest

from storage.errors import PixelError
from storage.transcode import charls


def _share_of_others() -> float:
    """How much another thread counts while an image is encoded, to the time that takes: both of the processor."""
    image = np.random.default_rng(1).integers(0, 4096, (3000, 3000), np.uint16)
    begun, done = threading.Event(), threading.Event()
    seconds = []

    def work() -> None:
        begun.set()
        charls.encode(image, 12)
        seconds.append(time.thread_time())
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    before = time.thread_time()
    while not done.is_set():
        pass
    counted = time.thread_time() - before
    worker.join()
    return counted / seconds[0]


def test_others_go_on_while_an_image_is_encoded() -> None:
    """With the interpreter's lock kept, a thread that only counts would stand still until the image is done.

    A computer with other work may give the processor to neither: one time in five is enough.
    """
    assert any(_share_of_others() > 0.2 for _ in range(5))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2)])
def test_there_is_room_for_the_head_of_a_tiny_image(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(2).integers(0, 4096, shape, np.uint16)
    assert imagecodecs.jpegls_decode(charls.encode(image, 12)).reshape(shape).tolist() == image.tolist()


def test_noise_that_packing_makes_larger_fits() -> None:
    noise = np.random.default_rng(3).integers(0, 1 << 16, (64, 64), np.uint16)
    assert (imagecodecs.jpegls_decode(charls.encode(noise, 16)) == noise).all()


def test_what_the_codec_refuses_is_an_error_in_words() -> None:
    with pytest.raises(PixelError, match="JPEG-LS cannot hold the image: The bit"):
        charls.encode(np.zeros((2, 2), np.uint16), 17)

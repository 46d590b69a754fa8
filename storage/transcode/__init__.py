"""Stored objects in another transfer syntax, without loss.

    choose(stored, offered)               which of the syntaxes that a receiver takes fits best
    with transcoded(instance, syntax, folder) as span: ...
    frame_in(obj, 0, syntax)              one frame of an open object

Every value is kept as it is, byte order and VR apart (`elements`); pixel data is decoded, or compressed without loss
and compared with what it was (`frames`). Nothing here compresses with loss, so that no new SOP Instance UID is needed
(PS3.4 B.4.1.3), and Lossy Image Compression stays as it is: what was lossy once is so for ever (PS3.3 C.7.6.1.1.5).

The result goes to a file first: when something turns out to be wrong in the middle, nothing of it has been sent.
"""

from storage.transcode.single import FrameBytes, frame_in
from storage.transcode.syntaxes import COMPRESSED, UNCOMPRESSED, choose, is_the_same
from storage.transcode.write import transcode, transcoded

__all__ = ["COMPRESSED", "UNCOMPRESSED", "FrameBytes", "choose", "frame_in", "is_the_same", "transcode", "transcoded"]

"""Frames of any stored object, decoded one at a time to stored values.

    with open_object(path) as obj:
        obj.ds                      # header without pixel data
        obj.description             # rows, columns, samples, bits, photometric interpretation, number of frames
        obj.frame(0).values         # true stored values, (rows, columns) or (rows, columns, 3)
        obj.encoded_frame(0)        # its bytes as stored
        obj.frame_index             # where the frames are; keep it, and give it to `open_object` next time

Frames count from 0 here (DICOM's Referenced Frame Number counts from 1; messages use that). Only the header and the
asked frame are read, whatever the size of the object. Whatever is wrong with an object becomes one
`storage.errors.PixelError` with one line; a frame number outside is `NotFound`.

`frames_of(instance)` finds the frames of an indexed instance without parsing its header where that can be avoided.

Rooms: `header` (parse, locate), `source` (bytes by position), `frame_index` (native layout, offset tables, fragments),
`codestream` (what compressed bytes say about themselves), `codecs` and `rle` (decode), `native` (bits to values).
"""

from storage.pixels.description import PixelDescription
from storage.pixels.frame_index import FrameIndex, Span
from storage.pixels.limits import DecodeLimits
from storage.pixels.placed import frames_of, stream_of
from storage.pixels.reader import Frame, PixelObject, open_object

__all__ = [
    "DecodeLimits",
    "Frame",
    "FrameIndex",
    "PixelDescription",
    "PixelObject",
    "Span",
    "frames_of",
    "open_object",
    "stream_of",
]

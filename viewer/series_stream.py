"""Many frames of a series in one streamed answer, in the order that the viewer wants them.

    GET /study/<study>/series/<series>/stream?start=200&encoding=raw

Parameters:
- `frames`: positions in the series, counted from 0 as in `/series/<series>/frames`, such as `7`, `0-399`, `399-0`, or
  several of these joined by commas. Each is sent as often as it is named.
- `start`: without `frames`, all frames from this position outward: start, start + 1, start - 1, start + 2, ...
  Without both, all frames from the first to the last.
- `encoding`: `raw` (the default): samples in little endian, uncompressed. `stored`: the bytes as they are stored, where
  a client decodes them itself; big endian and deflated objects are given raw. `htj2k`, `jpegls`: High-Throughput
  JPEG 2000 or JPEG-LS, both without loss, kept for the next time; what they cannot hold is given raw.

The answer is `application/octet-stream`, read only as fast as the client reads it; closing the connection ends it. It
is a row of records. A record is a head of 24 bytes and its payload, padded with zeros to a multiple of 8 bytes, so that
every payload is aligned in the whole. Numbers in the head are unsigned and little endian:

    byte  size  what
    0     4     position in the series, from 0
    4     4     number of the instance among those of the series that have frames, from 0
    8     4     frame of that instance, from 1
    12    2     transfer syntax: 1 uncompressed little endian, 5 RLE, 8 deflated frame, else the last component of
                1.2.840.10008.1.2.4.N, such as 50 JPEG, 70 lossless JPEG, 80 JPEG-LS, 90 JPEG 2000, 201 HTJ2K
    14    1     photometric interpretation of the payload: 0 as the header of the object says, 1 MONOCHROME1,
                2 MONOCHROME2, 3 PALETTE COLOR, 4 RGB, 5 YBR_FULL; where it is not 0, colour is by pixel and chroma full
    15    1     kind: 0 a frame, 1 a problem (the payload is one English sentence in UTF-8), 2 the end (no payload)
    16    4     length of the payload, without padding
    20    4     0

Raw samples are as in Explicit VR Little Endian (PS3.5 A.2): Bits Allocated wide, rows of pixels without gaps; planes
and 4:2:2 chroma as the header says where the object is stored uncompressed. One-bit frames are packed, least
significant bit first, and begin on a byte. An answer without an end record broke off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from storage.errors import NotFound, PixelError
from storage.model import Instance
from viewer.dicomweb.resources import find_series
from viewer.frame_records import END, FRAME, HEAD, PROBLEM, listed, position
from viewer.frame_store import EXPLICIT_LITTLE, NATIVE, FrameStore
from viewer.permissions import Permission, needs
from viewer.services import services
from viewer.stacks import Stack
from viewer.streaming import Piece, StreamBody, length_of

PHOTOMETRIC = {"MONOCHROME1": 1, "MONOCHROME2": 2, "PALETTE COLOR": 3, "RGB": 4, "YBR_FULL": 5}
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_CODES = {EXPLICIT_LITTLE: 1, "1.2.840.10008.1.2.5": 5, "1.2.840.10008.1.2.8.1": 8}
_COMPRESSIONS = {"htj2k": f"{_JPEG_FAMILY}201", "jpegls": f"{_JPEG_FAMILY}80"}
ENCODINGS = ("raw", "stored", *_COMPRESSIONS)
_ALIGNED = 8

bp = Blueprint("series_stream", __name__, url_prefix="/study/<study>/series/<series>")


@bp.get("/stream")
@needs(Permission.VIEW_STUDIES)
def stream(study: str, series: str) -> Response:
    """Send frames of a series; see the module's top."""
    stack = services().stacks.of(find_series(study, series))
    positions = _positions(stack.total)
    encoding = request.args.get("encoding", "raw")
    if encoding not in ENCODINGS:
        raise BadRequest(f"encoding is {encoding[:20]!r}; {', '.join(ENCODINGS)} are possible")
    body = StreamBody(records(services().frame_store, stack, positions, encoding))
    return Response(body, mimetype="application/octet-stream", direct_passthrough=True)


def _positions(total: int) -> Iterable[int]:
    frames, start = request.args.get("frames"), request.args.get("start")
    try:
        if frames is not None:
            return listed(frames, total)
        return range(total) if start is None else outward(position(start, total), total)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def outward(start: int, total: int) -> Iterator[int]:
    """Give all positions below `total`, the nearest to `start` first."""
    yield start
    for distance in range(1, total):
        yield from (place for place in (start + distance, start - distance) if 0 <= place < total)


def records(store: FrameStore, stack: Stack, positions: Iterable[int], encoding: str) -> Iterator[Piece]:
    """Give the pieces of the answer, one frame at a time."""
    for place in positions:
        yield from _record(store, stack, place, encoding)
    yield HEAD.pack(0, 0, 0, 0, 0, END, 0, 0)


def _record(store: FrameStore, stack: Stack, place: int, encoding: str) -> Iterator[Piece]:
    instance, frame = stack.at(place)
    kind, code, photometric = FRAME, 0, 0
    pieces: Sequence[Piece]
    try:
        code, photometric, pieces = _frame(store, instance, frame, encoding)
    except (PixelError, NotFound) as error:
        kind, pieces = PROBLEM, [str(error).encode("utf-8", "replace")]
    length = sum(map(length_of, pieces))
    yield HEAD.pack(place, stack.number_at(place), frame + 1, code, photometric, kind, length, 0)
    yield from pieces
    if length % _ALIGNED:
        yield bytes(-length % _ALIGNED)


def _frame(store: FrameStore, instance: Instance, frame: int, encoding: str) -> tuple[int, int, Sequence[Piece]]:
    target = _target(instance, encoding)
    if target != EXPLICIT_LITTLE and encoding in _COMPRESSIONS:
        try:
            return _in_syntax(store, instance, frame, target)
        except PixelError:
            # More bits than the codec takes, most likely: uncompressed it can still be had.
            target = EXPLICIT_LITTLE
    return _in_syntax(store, instance, frame, target)


def _in_syntax(store: FrameStore, instance: Instance, frame: int, target: str) -> tuple[int, int, Sequence[Piece]]:
    stored = store.stored(instance, frame, target)
    if stored is not None:
        return code_of(target), 0, stored
    made = store.made(instance, frame, target)
    photometric = 0 if instance.transfer_syntax_uid in NATIVE else PHOTOMETRIC.get(made.photometric_interpretation, 0)
    return code_of(target), photometric, (made.data,)


def _target(instance: Instance, encoding: str) -> str:
    if encoding == "stored":
        uid = instance.transfer_syntax_uid
        return EXPLICIT_LITTLE if uid in NATIVE else uid
    return _COMPRESSIONS.get(encoding, EXPLICIT_LITTLE)


def code_of(transfer_syntax_uid: str) -> int:
    """Return the number of a transfer syntax in a record's head."""
    if transfer_syntax_uid.startswith(_JPEG_FAMILY):
        return int(transfer_syntax_uid.removeprefix(_JPEG_FAMILY))
    return _CODES.get(transfer_syntax_uid, 0)

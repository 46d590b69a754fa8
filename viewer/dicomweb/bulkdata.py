"""Bulk data of an instance by its address (PS3.18 8.6.1, 10.4.1.1.5): whole, or ranges of it (RFC 9110 14).

The address ends in the place of the value within the object, tags and item numbers from 1, as metadata tells it:
`.../bulkdata/00880200/1/7FE00010`. What is sent are the bytes of the value field in little endian; compressed pixel
data comes decoded, since compressed frames have addresses of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response

from storage.errors import NotFound
from storage.header import DEFLATED
from storage.model import Instance
from viewer import auth
from viewer.dicomweb import multipart
from viewer.dicomweb.elements import UNDEFINED, Block, Element, locate
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.heads import Head, read_head
from viewer.dicomweb.json_values import little_endian
from viewer.dicomweb.media_types import OCTETS, MediaType, related
from viewer.dicomweb.metadata import base_address
from viewer.dicomweb.negotiation import negotiate
from viewer.dicomweb.prepared import place_of
from viewer.dicomweb.resources import find_instance
from viewer.etags import etag_of, is_known, kept
from viewer.frame_store import EXPLICIT_LITTLE, FrameStore
from viewer.permissions import Permission, needs
from viewer.ranges import cut, ranged
from viewer.security import PDF_POLICY
from viewer.services import services
from viewer.streaming import FileSpan, Piece, StreamBody, length_of, read

_OCTETS_RELATED = related("application/octet-stream")
_PDF = MediaType("application", "pdf")
_PDF_MAGIC = b"%PDF-"
_ENCAPSULATED_DOCUMENT = 0x00420011
_NUMBERS = frozenset({"OD", "OF", "OL", "OV", "OW", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV"})

bp = Blueprint("dicomweb_bulkdata", __name__, url_prefix=PREFIX)


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its one piece, or its pieces in order as they are made, and the length of all."""

    tag: int
    pieces: tuple[Piece] | Iterator[Piece]
    length: int


@bp.get("/studies/<study>/series/<series>/instances/<instance>/bulkdata/<path:place>")
@needs(Permission.VIEW_STUDIES)
def bulkdata(study: str, series: str, instance: str, place: str) -> Response:
    """Return the value at `place`."""
    found = find_instance(study, series, instance)
    place = place.upper()
    value = find_value(found, place, services().frame_store)
    chosen = negotiate(_offered(value))
    services().looks.looked(auth.signed_in(), study, auth.address())
    etag = etag_of("bulkdata", found.dataset_sha256, place, chosen)
    if is_known(etag):
        return kept(Response(status=304), etag)
    location = f"{place_of(found, base_address())}/bulkdata/{place}"
    response = _related(value, etag, location) if chosen is _OCTETS_RELATED else _single(value, chosen, etag)
    response.vary.add("Accept")
    return kept(response, etag)


def find_value(instance: Instance, place: str, store: FrameStore, head: Head | None = None) -> Value:
    """Return the value at a place of an object, whose head may have been read before.

    Raises:
        NotFound: there is none, or its file is gone.
        InvalidObject, PixelError: the object cannot be read.
    """
    head = head or read_head(instance)
    if head.pixels is not None and place == f"{head.pixels.tag:08X}":
        return _pixels(instance, head.pixels, head, store)
    for block, start in ((head.block, head.start), (head.tail, 0)):
        found = locate(block, head.encoding, place, start) if len(block) > start else None
        if found is not None:
            return _value(instance, head, block, found[0], store)
    raise NotFound(f"no value at {place[:80]!r} in this instance")


def _pixels(instance: Instance, element: Element, head: Head, store: FrameStore) -> Value:
    if element.length == UNDEFINED or not head.encoding.little_endian:
        return _decoded(instance, element.tag, store)
    span = FileSpan(instance.path, element.value, element.length)
    return Value(element.tag, (span,), element.length)


def _decoded(instance: Instance, tag: int, store: FrameStore) -> Value:
    count = store.number_of_frames(instance)
    first = store.pieces(instance, 0, EXPLICIT_LITTLE)
    if count == 1 and len(first) == 1:
        return Value(tag, (first[0],), length_of(first[0]))

    def pieces() -> Iterator[Piece]:
        yield from first
        for index in range(1, count):
            yield from store.pieces(instance, index, EXPLICIT_LITTLE)

    # All frames of an object are of one size; were one not, the answer would break off rather than seem whole.
    return Value(tag, pieces(), count * sum(map(length_of, first)))


def _value(instance: Instance, head: Head, block: Block, element: Element, store: FrameStore) -> Value:
    if element.vr == "SQ":
        raise NotFound(f"{element.tag:08X} is a sequence and has no bulk data")
    if element.length == UNDEFINED:
        if element.tag == 0x7FE00010 and instance.transfer_syntax_uid in DEFLATED:
            return _decoded(instance, element.tag, store)
        raise NotFound(f"{element.tag:08X} has fragments, which have no address")
    in_file = block is head.block and instance.transfer_syntax_uid not in DEFLATED
    if in_file and (head.encoding.little_endian or element.vr not in _NUMBERS):
        offset = instance.dataset_offset + element.value - head.start
        return Value(element.tag, (FileSpan(instance.path, offset, element.length),), element.length)
    data = block[element.value : element.value + element.length]
    data = little_endian(element.vr, data, "<" if head.encoding.little_endian else ">")
    return Value(element.tag, (data,), len(data))


def _offered(value: Value) -> tuple[MediaType, ...]:
    if value.tag == _ENCAPSULATED_DOCUMENT and _begins_with(value, _PDF_MAGIC):
        return (OCTETS, _OCTETS_RELATED, _PDF)
    # Never as what the object says it is: a page or a drawing with a script in it would run here.
    return (OCTETS, _OCTETS_RELATED)


def _begins_with(value: Value, magic: bytes) -> bool:
    if not isinstance(value.pieces, tuple) or value.length < len(magic):
        return False
    return read(cut(value.pieces[0], 0, len(magic))) == magic


def _related(value: Value, etag: str, location: str) -> Response:
    # The ETag is a hash of the object, so nobody can write it into the bytes that it is of.
    head = multipart.part_head(etag, "application/octet-stream", length=value.length, location=location)
    end = multipart.end(etag)

    def pieces() -> Iterator[Piece]:
        yield head
        yield from value.pieces
        yield end

    length = len(head) + value.length + len(end)
    return _streamed(pieces(), length, multipart.content_type(_OCTETS_RELATED, etag))


def _single(value: Value, media_type: MediaType, etag: str) -> Response:
    if isinstance(value.pieces, tuple):
        response = ranged(value.pieces[0], str(media_type), etag)
    else:
        response = _streamed(value.pieces, value.length, str(media_type))
    if media_type is _PDF:
        response.headers["Content-Security-Policy"] = PDF_POLICY
    return response


def _streamed(pieces: Iterator[Piece], length: int, content_type: str) -> Response:
    response = Response(StreamBody(pieces, length), content_type=content_type, direct_passthrough=True)
    response.headers["Content-Length"] = str(length)
    return response

"""All bulk data, or all pixel data, of a study, series or instance (PS3.18 10.4.1.1.5, 10.4.1.1.6, 10.4.3.3.5).

One part for each value that metadata gives an address of, and `Content-Location` is that address. Pixel data that is
asked for compressed comes in one part for each frame, with the frame's address. A value that cannot be made, as where
compressed pixels are damaged, is an empty part that says so in words rather than the end of all others.

Parts are made as the client takes them: no more than one frame that has to be decoded is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from flask import Blueprint, Response

from storage.errors import NotFound, StorageError
from storage.model import Instance
from storage.pixels import stream_of
from viewer.auth import address, signed_in
from viewer.dicomweb import multipart
from viewer.dicomweb.bulkdata import find_value
from viewer.dicomweb.dicom_json import Encoder
from viewer.dicomweb.elements import PIXELS
from viewer.dicomweb.errors import PREFIX, not_acceptable
from viewer.dicomweb.heads import Head, read_head
from viewer.dicomweb.media_types import related
from viewer.dicomweb.metadata import base_address
from viewer.dicomweb.negotiation import accepted_types, negotiate
from viewer.dicomweb.prepared import attributes, place_of
from viewer.dicomweb.resources import find_instance, find_instances
from viewer.dicomweb.wado.forms import (
    EXPLICIT_LITTLE,
    OCTETS,
    Form,
    choose_frame_form,
    frame_forms,
    is_video,
    media_type_of,
)
from viewer.etags import etag_of, is_known
from viewer.frame_store import FrameStore
from viewer.permissions import Permission, needs
from viewer.services import services
from viewer.streaming import FileSpan, Piece, StreamBody, length_of

_PIXEL_TAGS = frozenset(f"{tag:08X}" for tag in PIXELS)

bp = Blueprint("dicomweb_bulk", __name__, url_prefix=PREFIX)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its media type, its address, its bytes as they are made, and `words` where something is to be said."""

    media_type: str
    location: str
    length: int
    pieces: Iterable[Piece]
    words: str | None = None


Parts = Callable[[Instance], Iterator[Part]]


@bp.get("/studies/<study>/bulkdata")
@needs(Permission.VIEW_STUDIES)
def bulkdata_of_study(study: str) -> Response:
    """Return the bulk data of all instances of a study."""
    return _bulk(find_instances(study))


@bp.get("/studies/<study>/series/<series>/bulkdata")
@needs(Permission.VIEW_STUDIES)
def bulkdata_of_series(study: str, series: str) -> Response:
    """Return the bulk data of all instances of a series."""
    return _bulk(find_instances(study, series))


@bp.get("/studies/<study>/series/<series>/instances/<instance>/bulkdata")
@needs(Permission.VIEW_STUDIES)
def bulkdata_of_instance(study: str, series: str, instance: str) -> Response:
    """Return all bulk data of an instance."""
    return _bulk([find_instance(study, series, instance)])


@bp.get("/studies/<study>/pixeldata")
@needs(Permission.VIEW_STUDIES)
def pixels_of_study(study: str) -> Response:
    """Return the pixel data of all instances of a study."""
    return _pixels(find_instances(study))


@bp.get("/studies/<study>/series/<series>/pixeldata")
@needs(Permission.VIEW_STUDIES)
def pixels_of_series(study: str, series: str) -> Response:
    """Return the pixel data of all instances of a series."""
    return _pixels(find_instances(study, series))


@bp.get("/studies/<study>/series/<series>/instances/<instance>/pixeldata")
@needs(Permission.VIEW_STUDIES)
def pixels_of_instance(study: str, series: str, instance: str) -> Response:
    """Return the pixel data of an instance."""
    return _pixels([find_instance(study, series, instance)])


def _bulk(instances: Sequence[Instance]) -> Response:
    negotiate((related(OCTETS),))
    making = _Making(services().frame_store, base_address())
    return _answer(instances, making.values, "there is no bulk data here", "bulkdata", making.base)


def _pixels(instances: Sequence[Instance]) -> Response:
    shown = [instance for instance in instances if instance.has_pixels]
    forms = _forms(sorted({instance.transfer_syntax_uid for instance in shown}))
    making = _Making(services().frame_store, base_address())

    def parts_of(instance: Instance) -> Iterator[Part]:
        return making.pixels(instance, forms.get(instance.transfer_syntax_uid))

    what = [form.part_type for form in forms.values()]
    return _answer(shown, parts_of, "there is no pixel data here", "pixeldata", making.base, *what)


def _forms(stored: Sequence[str]) -> dict[str, Form]:
    """Return how pixel data of each stored syntax goes out; videos are not in it, as they are sent as they are stored.

    Raises:
        Refused: 406, there is a syntax whose pixel data cannot be had as is accepted.
    """
    ranges, forms = accepted_types(), dict[str, Form]()
    for uid in stored:
        form = choose_frame_form(ranges, uid, is_single=False)
        if form is not None:
            forms[uid] = form
        elif not is_video(uid):
            raise not_acceptable([form.media_type for form in frame_forms(uid, is_single=False)])
        else:
            negotiate((related(OCTETS), related(media_type_of(uid), uid)))
    return forms


def _answer(instances: Sequence[Instance], parts_of: Parts, nothing: str, *form: str) -> Response:
    # The ETag is a hash of the objects, so nobody can write it into the bytes that it is of.
    boundary = etag_of(*form, b"".join(instance.dataset_sha256 for instance in instances))
    parts = (part for instance in instances for part in parts_of(instance))
    first = next(parts, None)
    if first is None:
        raise NotFound(nothing)
    if is_known(boundary):
        return _kept(Response(status=304), boundary)
    services().looks.looked(signed_in(), instances[0].study_instance_uid, address())
    content_type = multipart.content_type(related(first.media_type.split(";")[0]), boundary)
    body = StreamBody(_pieces(chain((first,), parts), boundary))
    return _kept(Response(body, content_type=content_type, direct_passthrough=True), boundary)


def _kept(response: Response, etag: str) -> Response:
    """Kept by the caller, but asked for again each time: a series may have grown."""
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept")
    return response


def _pieces(parts: Iterable[Part], boundary: str) -> Iterator[Piece]:
    for part in parts:
        yield multipart.part_head(
            boundary, part.media_type, length=part.length, location=part.location, description=part.words
        )
        yield from part.pieces
    yield multipart.end(boundary)


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes the parts of instances; used after the request, so it holds all that it needs."""

    store: FrameStore
    base: str

    def values(self, instance: Instance, tags: Container[str] | None = None) -> Iterator[Part]:
        """Give the values that metadata gives addresses of, in the order of the object; only of `tags` if given."""
        try:
            head = read_head(instance)
            places = _places(instance, head)
        except (StorageError, OSError):
            # Metadata knows such an object by its UIDs alone, and has no address in it either.
            return
        for place in places:
            if tags is None or place in tags:
                yield self._value(instance, place, head)

    def pixels(self, instance: Instance, form: Form | None) -> Iterator[Part]:
        """Give the pixel data of an instance: in one part where it is uncompressed or a video, else frame by frame."""
        if form is None or form.transfer_syntax_uid == EXPLICIT_LITTLE:
            yield from self.values(instance, _PIXEL_TAGS)
            return
        try:
            count = self.store.number_of_frames(instance)
        except (StorageError, OSError):
            count = 1
        for number in range(1, count + 1):
            yield self._frame(instance, number, form)

    def _value(self, instance: Instance, place: str, head: Head) -> Part:
        location, media_type = f"{place_of(instance, self.base)}/bulkdata/{place}", OCTETS
        try:
            if place in _PIXEL_TAGS and is_video(instance.transfer_syntax_uid):
                uid = instance.transfer_syntax_uid
                media_type = f"{media_type_of(uid)}; transfer-syntax={uid}"
                pieces = [FileSpan(instance.path, span.offset, span.length) for span in stream_of(instance)]
                return Part(media_type, location, sum(map(length_of, pieces)), pieces)
            value = find_value(instance, place, self.store, head)
        except (StorageError, OSError):
            return _missing(media_type, location)
        return Part(media_type, location, value.length, value.pieces)

    def _frame(self, instance: Instance, number: int, form: Form) -> Part:
        location = f"{place_of(instance, self.base)}/frames/{number}"
        try:
            pieces = self.store.pieces(instance, number - 1, form.transfer_syntax_uid)
        except (StorageError, OSError):
            return _missing(form.part_type, location)
        return Part(form.part_type, location, sum(map(length_of, pieces)), pieces)


def _missing(media_type: str, location: str) -> Part:
    return Part(media_type, location, 0, (), "left empty, since it cannot be read or decoded")


def _places(instance: Instance, head: Head) -> list[str]:
    """Return the places of all values that metadata of an object gives an address of; raises as `attributes`."""
    places: list[str] = []

    def address(place: str) -> str:
        places.append(place)
        return place

    attributes(Encoder(), head, instance, address)
    return places

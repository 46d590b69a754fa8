"""Retrieve Frames (PS3.18 10.4.1.1.6): from file to socket where they are stored as asked, else made and kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response
from werkzeug.datastructures import Headers

from storage.errors import NotFound
from storage.model import Instance
from viewer.auth import address, signed_in
from viewer.dicomweb import multipart
from viewer.dicomweb.errors import PREFIX, Refused, not_acceptable
from viewer.dicomweb.negotiation import accepted_types
from viewer.dicomweb.resources import find_instance
from viewer.dicomweb.wado.forms import Form, choose_frame_form, frame_forms
from viewer.etags import etag_of, is_known, kept
from viewer.frame_store import FrameStore
from viewer.permissions import Permission, needs
from viewer.services import services
from viewer.streaming import Piece, StreamBody, length_of

LISTED_MAX = 100_000

bp = Blueprint("wado_frames", __name__, url_prefix=PREFIX)


@bp.get("/studies/<study>/series/<series>/instances/<instance>/frames/<listed>")
@needs(Permission.VIEW_STUDIES)
def frames(study: str, series: str, instance: str, listed: str) -> Response:
    """Return frames in the order listed, each as often as it is listed."""
    found = find_instance(study, series, instance)
    try:
        numbers = read_list(listed)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    store = services().frame_store
    check_numbers(numbers, store.number_of_frames(found))
    form = choose_frame_form(accepted_types(), found.transfer_syntax_uid, len(numbers) == 1)
    if form is None:
        raise not_acceptable([form.media_type for form in frame_forms(found.transfer_syntax_uid, len(numbers) == 1)])
    services().looks.looked(signed_in(), study, address())
    etag = etag_of_frames(found, listed, form)
    if is_known(etag):
        return kept(Response(status=304, headers={"Vary": "Accept"}), etag)
    first = store.pieces(found, numbers[0] - 1, form.transfer_syntax_uid)
    return _answer(Body(store, found, numbers, form, etag), first, etag)


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer, made frame by frame."""

    store: FrameStore
    instance: Instance
    numbers: Sequence[int]
    form: Form
    boundary: str

    @property
    def content_type(self) -> str:
        """Its media type."""
        if self.form.is_multipart:
            return multipart.content_type(self.form.media_type, self.boundary)
        return self.form.part_type

    def pieces(self) -> Iterator[Piece]:
        """Give its pieces; raises as `FrameStore.pieces` does."""
        for number in self.numbers:
            pieces = self.store.pieces(self.instance, number - 1, self.form.transfer_syntax_uid)
            if self.form.is_multipart:
                yield self.head(sum(map(length_of, pieces)))
            yield from pieces
        if self.form.is_multipart:
            yield multipart.end(self.boundary)

    def length(self, first: Sequence[Piece]) -> int | None:
        """Return the number of bytes, given the pieces of the first frame; None where frames are still to be made."""
        lengths = [sum(map(length_of, first))]
        for number in self.numbers[1:]:
            spans = self.store.stored(self.instance, number - 1, self.form.transfer_syntax_uid)
            if spans is None:
                return None
            lengths.append(sum(map(length_of, spans)))
        around = sum(len(self.head(length)) for length in lengths) + len(multipart.end(self.boundary))
        return sum(lengths) + (around if self.form.is_multipart else 0)

    def head(self, length: int) -> bytes:
        """Return what stands before a frame of so many bytes."""
        return multipart.part_head(self.boundary, self.form.part_type, length=length)


def _answer(body: Body, first: Sequence[Piece], etag: str) -> Response:
    headers = Headers({"Content-Type": body.content_type, "Vary": "Accept"})
    length = body.length(first)
    if length is not None:
        headers["Content-Length"] = str(length)
    return kept(Response(StreamBody(body.pieces(), length), headers=headers, direct_passthrough=True), etag)


def etag_of_frames(instance: Instance, listed: str, form: Form) -> str:
    """Return the ETag of frames in a form, which is the boundary too: nobody can write it into the bytes it is of."""
    return etag_of("frames", instance.dataset_sha256, listed, form.part_type, form.is_multipart)


def read_list(listed: str) -> list[int]:
    """Read a list of frame numbers, counted from 1; `ValueError` in one sentence where it is none."""
    members = listed.split(",", LISTED_MAX)
    if len(members) > LISTED_MAX:
        raise ValueError(f"More than {LISTED_MAX} frames are asked for.")
    for member in members:
        if not (member.isascii() and member.isdigit() and len(member) <= 10):
            raise ValueError(f"{member[:20]!r} is no frame number.")
        if int(member) == 0:
            raise ValueError("Frames are counted from 1.")
    return [int(member) for member in members]


def check_numbers(numbers: Sequence[int], there: int) -> None:
    """Raise `NotFound` for numbers of frames that are not there."""
    highest = max(numbers)
    if highest > there:
        raise NotFound(f"frame {highest} of {there} was asked for")

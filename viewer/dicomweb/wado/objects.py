"""Retrieve Study, Series and Instance (PS3.18 10.4.1.1.1 to 10.4.1.1.3): whole objects in parts, or as a zip file.

Objects that are stored as asked go from file to socket. Others are transcoded one by one as the client takes them; one
of many that cannot be is sent as it is stored, and its part says so in words, rather than left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flask import Blueprint, Response
from werkzeug.datastructures import Headers

from storage.model import Instance
from viewer.auth import address, signed_in
from viewer.dicomweb import multipart
from viewer.dicomweb.errors import PREFIX, Refused, not_acceptable
from viewer.dicomweb.media_types import MediaType, choose
from viewer.dicomweb.negotiation import accepted_types
from viewer.dicomweb.resources import find_instance, find_instances
from viewer.dicomweb.wado.forms import ANY, DICOM, Form, choose_object_form, object_forms
from viewer.etags import etag_of, is_known
from viewer.object_store import ObjectStore
from viewer.permissions import Permission, needs
from viewer.ranges import ranged
from viewer.services import services
from viewer.streaming import Piece, StreamBody
from viewer.zipping import zip_response

ZIP = MediaType("application", "zip")

bp = Blueprint("wado_objects", __name__, url_prefix=PREFIX)


@bp.get("/studies/<study>")
@needs(Permission.DOWNLOAD_OBJECTS)
def of_study(study: str) -> Response:
    """Return all instances of a study."""
    return _many(find_instances(study), "study")


@bp.get("/studies/<study>/series/<series>")
@needs(Permission.DOWNLOAD_OBJECTS)
def of_series(study: str, series: str) -> Response:
    """Return all instances of a series."""
    return _many(find_instances(study, series), f"series {series}")


@bp.get("/studies/<study>/series/<series>/instances/<instance>")
@needs(Permission.DOWNLOAD_OBJECTS)
def of_instance(study: str, series: str, instance: str) -> Response:
    """Return one instance, as the only part of a body or bare."""
    found = find_instance(study, series, instance)
    form = _form([found], can_be_bare=True)
    with services().object_store.opened_if_possible(found, form.transfer_syntax_uid) as file:
        _check(form, file.transfer_syntax_uid)
        if not form.is_multipart:
            # What is bare has no part that could say that it is in another syntax than the default.
            form = replace(form, transfer_syntax_uid=file.transfer_syntax_uid)
    etag = _etag([found], form)
    if is_known(etag):
        return _negotiated(Response(status=304), etag)
    _note(found, instance)
    stored = services().object_store.stored(found, form.transfer_syntax_uid)
    if form.is_multipart or stored is None:
        return _streamed([found], form, etag)
    return _negotiated(ranged(stored.span, f"{DICOM}; transfer-syntax={stored.transfer_syntax_uid}", etag), etag)


def _many(instances: Sequence[Instance], what: str) -> Response:
    ranges = accepted_types()
    is_zip = choose(ranges, [f.media_type for f in object_forms((), False)] + [ZIP]) is ZIP
    form = None if is_zip else _form(instances, can_be_bare=False, more=(ZIP,))
    etag = _etag(instances, form)
    if is_known(etag):
        return _negotiated(Response(status=304), etag)
    _note(instances[0], what if form else f"{what} as zip")
    if form is None:
        return _negotiated(zip_response(instances), etag)
    return _streamed(instances, form, etag)


def _form(instances: Sequence[Instance], *, can_be_bare: bool, more: Sequence[MediaType] = ()) -> Form:
    stored = frozenset(instance.transfer_syntax_uid for instance in instances)
    form = choose_object_form(accepted_types(), stored, can_be_bare)
    if form is None:
        raise not_acceptable([*(f.media_type for f in object_forms(stored, can_be_bare)), *more])
    return form


def _check(form: Form, given: str) -> None:
    """Refuse where an instance cannot be put into the syntax asked for, and nobody said that any would do."""
    if form.transfer_syntax_uid in (ANY, given):
        return
    asked = [r for r in accepted_types() if r.parameter("transfer-syntax") == form.transfer_syntax_uid]
    if asked:
        raise Refused(406, f"The instance cannot be put into {form.transfer_syntax_uid}; it is stored as {given}.")


def _etag(instances: Sequence[Instance], form: Form | None) -> str:
    hashes = b"".join(instance.dataset_sha256 for instance in instances)
    return etag_of("objects", hashes, form.transfer_syntax_uid if form else "zip", form.media_type if form else "zip")


def _note(instance: Instance, what: str) -> None:
    services().looks.took(signed_in(), instance.study_instance_uid, address(), what)


def _streamed(instances: Sequence[Instance], form: Form, etag: str) -> Response:
    body = Body(services().object_store, instances, form, etag)
    headers = Headers({"Content-Type": body.content_type})
    length = body.length()
    if length is not None:
        headers["Content-Length"] = str(length)
    return _negotiated(Response(StreamBody(body.pieces(), length), headers=headers, direct_passthrough=True), etag)


def _negotiated(response: Response, etag: str) -> Response:
    """Kept by the caller, but asked for again each time: a series may have grown."""
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.add("Accept")
    return response


class Body:
    """Instances as the body of an answer; the boundary is the ETag, which nobody can write into what it is of."""

    def __init__(self, store: ObjectStore, instances: Sequence[Instance], form: Form, boundary: str) -> None:
        self._store = store
        self._instances = instances
        self._form = form
        self._boundary = boundary

    @property
    def content_type(self) -> str:
        """Its media type."""
        if self._form.is_multipart:
            return multipart.content_type(self._form.media_type, self._boundary)
        return self._form.part_type

    def length(self) -> int | None:
        """Return the number of bytes; None where objects are still to be transcoded."""
        total = 0
        for instance in self._instances:
            stored = self._store.stored(instance, self._form.transfer_syntax_uid)
            if stored is None:
                return None
            total += stored.span.length
            if self._form.is_multipart:
                total += len(self._head(stored.transfer_syntax_uid, stored.span.length, stored.transfer_syntax_uid))
        return total + (len(multipart.end(self._boundary)) if self._form.is_multipart else 0)

    def pieces(self) -> Iterator[Piece]:
        """Give its pieces, one object at a time; raises as `ObjectStore.opened`."""
        for instance in self._instances:
            target = self._store.target_of(instance, self._form.transfer_syntax_uid)
            with self._store.opened_if_possible(instance, target) as file:
                if self._form.is_multipart:
                    yield self._head(file.transfer_syntax_uid, file.span.length, target)
                yield file.span
        if self._form.is_multipart:
            yield multipart.end(self._boundary)

    def _head(self, transfer_syntax_uid: str, length: int, target: str) -> bytes:
        part_type = f"{DICOM}; transfer-syntax={transfer_syntax_uid}"
        # RFC 2045 8; the status is sent before anybody knows.
        words = None if transfer_syntax_uid == target else f"as it is stored, since it cannot be put into {target}"
        return multipart.part_head(self._boundary, part_type, length=length, description=words)

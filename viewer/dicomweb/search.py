"""QIDO-RS: search for studies, series and instances (PS3.18 10.6)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from itertools import islice

from flask import Blueprint, Response, request
from pydicom.dataset import Dataset

from storage import objects
from storage.answers import OBJECT, Answer
from storage.attributes import Level
from storage.errors import NotFound, StorageError
from storage.query import Query
from viewer.dicomweb import compression, multipart, xml
from viewer.dicomweb.dicom_json import Encoder
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.heads import read_head
from viewer.dicomweb.media_types import DICOM_JSON, JSON, XML
from viewer.dicomweb.metadata import base_address
from viewer.dicomweb.negotiation import negotiate
from viewer.dicomweb.prepared import attributes, place_of
from viewer.dicomweb.resources import conditions
from viewer.dicomweb.search_answers import Writer
from viewer.dicomweb.search_keys import Search, parse
from viewer.etags import conditional
from viewer.permissions import Permission, needs
from viewer.services import archive, services

SEARCH_SECONDS = 20.0
"""A search is given up after so long."""
OBJECTS_MAX = 2000
"""So many objects are read for one search; what is beyond is not looked at, and said so."""
_OFFERED = (DICOM_JSON, JSON, XML)
_MORE = "There are more results than are answered at once; ask for them with offset, or for something narrower."
_NOT_READ = f"Only the objects of the first {OBJECTS_MAX} results were looked into; ask for something narrower."

bp = Blueprint("dicomweb_search", __name__, url_prefix=PREFIX)


@bp.get("/studies")
@needs(Permission.VIEW_STUDIES)
def studies() -> Response:
    """Search for studies, the newest first."""
    return _answer(Level.STUDY)


@bp.get("/series")
@needs(Permission.VIEW_STUDIES)
def series() -> Response:
    """Search for series of all studies."""
    return _answer(Level.SERIES)


@bp.get("/instances")
@needs(Permission.VIEW_STUDIES)
def instances() -> Response:
    """Search for instances of all studies."""
    return _answer(Level.INSTANCE)


@bp.get("/studies/<study>/series")
@needs(Permission.VIEW_STUDIES)
def series_of_study(study: str) -> Response:
    """Search for series of a study, by number."""
    return _answer(Level.SERIES, study)


@bp.get("/studies/<study>/instances")
@needs(Permission.VIEW_STUDIES)
def instances_of_study(study: str) -> Response:
    """Search for instances of a study, by the numbers of their series and their own."""
    return _answer(Level.INSTANCE, study)


@bp.get("/studies/<study>/series/<series>/instances")
@needs(Permission.VIEW_STUDIES)
def instances_of_series(study: str, series: str) -> Response:
    """Search for instances of a series, by number."""
    return _answer(Level.INSTANCE, study, series)


class _Page:
    """The answers of one search, and what has to be said about them."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._writer = Writer(search, base_address())
        self._encoder = Encoder()
        self._read = 0
        self._until = time.monotonic() + SEARCH_SECONDS
        self.cut_off = False
        self.documents: list[str] = []
        self.has_more = False

    def fill(self) -> None:
        """Search; one more than asked for tells whether there is more."""
        search = self._search
        if len(search.matched_in_object):
            found: Iterator[Answer] = islice(self._matching(), search.offset, search.offset + search.limit + 1)
        else:
            found = self._find(search.limit + 1, search.offset)
        for answer in found:
            if len(self.documents) == search.limit:
                self.has_more = True
                return
            self.documents.append(self._writer.write(answer, self._from_object(answer)))

    def _find(self, limit: int | None, offset: int) -> Iterator[Answer]:
        search = self._search
        keywords = (*search.indexed, OBJECT) if search.reads_objects else search.indexed
        return archive().find(search.query(limit, offset), keywords, lambda: time.monotonic() > self._until)

    def _matching(self) -> Iterator[Answer]:
        keys = self._search.matched_in_object
        for number, answer in enumerate(self._find(None, 0)):
            if number == OBJECTS_MAX:
                self.cut_off = True
                return
            if answer.path is not None and objects.matches(_read(answer, [int(e.tag) for e in keys]), keys):
                yield answer

    def _from_object(self, answer: Answer) -> list[bytes]:
        search = self._search
        if answer.path is None or not (search.from_object or search.everything or search.groups):
            return []
        if self._read == OBJECTS_MAX:
            self.cut_off = True
            return []
        self._read += 1
        try:
            instance = archive().instance(answer.path.stem)
            address = f"{place_of(instance, base_address())}/bulkdata/"
            return attributes(self._encoder, read_head(instance), instance, lambda place: address + place)
        except (StorageError, OSError):
            # The index knows the object; what only its file could tell is left out.
            return []


def _read(answer: Answer, tags: list[int]) -> Dataset:
    assert answer.path is not None
    try:
        return objects.attributes(answer.path, tags)
    except StorageError:
        return Dataset()


def _answer(level: Level, *uids: str) -> Response:
    chosen = negotiate(_OFFERED)
    nested = conditions(*uids)
    search = parse(level, nested, request.args.to_dict(flat=False))
    page = _Page(search)
    page.fill()
    if not page.documents and uids and not archive().count(Query(level, nested)):
        raise NotFound("there is no such study or series")
    if chosen is XML:
        response = _xml(page.documents)
    else:
        response = Response(f"[{','.join(page.documents)}]", content_type=str(chosen))
        compression.compress_if_worth(response)
    _say_how_many(response, search, page)
    for text in _warnings(search, page):
        response.headers.add("Warning", f'299 filmless "{text}"')
    response.vary.add("Accept")
    return conditional(response)


def _say_how_many(response: Response, search: Search, page: _Page) -> None:
    """Tell the total where it is known; where it is not, how many there are at least."""
    seen = search.offset + len(page.documents)
    if not page.has_more and not page.cut_off and (page.documents or not search.offset):
        total: int | None = seen
    elif len(search.matched_in_object):
        total = None
    else:
        total = services().totals.of(Query(search.level, search.conditions))
    if total is not None:
        response.headers["X-Total-Count"] = str(total)
    else:
        response.headers["X-Total-Count-At-Least"] = str(seen + page.has_more)


def _warnings(search: Search, page: _Page) -> Iterator[str]:
    if page.has_more and search.is_capped:
        yield _MORE
    if page.cut_off:
        yield _NOT_READ
    if search.ignored:
        # Names were found in the dictionary, so they hold nothing that a header field cannot.
        yield f"These attributes are not known at this level and were ignored: {', '.join(search.ignored)}"


def _xml(documents: list[str]) -> Response:
    if not documents:
        return Response(status=204)
    # The same answers have the same boundary, and so the same ETag; nobody can write a hash into what it is of.
    boundary = hashlib.sha256("\0".join(documents).encode()).hexdigest()[:32]
    parts = (xml.from_json(document.encode()) for document in documents)
    body = multipart.joined(boundary, "application/dicom+xml", parts)
    return Response(body, content_type=multipart.content_type(XML, boundary))

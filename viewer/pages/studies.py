"""The study list: search, sort, pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template, request

from storage.model import Study
from viewer.day_fields import day_fields
from viewer.permissions import Permission, needs
from viewer.services import archive, services
from viewer.study_search import PAGE_SIZE, Search, parse

MODALITY_CHIPS = ("CT", "MR", "DX", "CR", "US", "MG", "XA", "NM", "PT", "SR")

bp = Blueprint("studies", __name__)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list and what surrounds it."""

    search: Search
    studies: list[Study]
    total: int
    revision: int
    key_marked: frozenset[str]
    """UIDs of the studies in which key images are chosen."""

    @property
    def first(self) -> int:
        """Number of the first row, 0 for an empty page."""
        return (self.search.page - 1) * PAGE_SIZE + 1 if self.studies else 0

    @property
    def last(self) -> int:
        """Number of the last row."""
        return (self.search.page - 1) * PAGE_SIZE + len(self.studies)

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


@bp.get("/")
@needs(Permission.VIEW_STUDIES)
def index() -> str:
    """Show the list with everything around it."""
    page, today = _page(), date.today()
    health = archive().health()
    return render_template(
        "studies.html", page=page, search=page.search, today=today, health=health, chips=_chips(page.search),
        settings=services().settings, archive_is_empty=health.studies == 0,
        days=day_fields(_typed("from"), _typed("to")),
    )  # fmt: skip


@bp.get("/studies/rows")
@needs(Permission.VIEW_STUDIES)
def rows() -> str:
    """Return the table alone, for a list that is already open."""
    page = _page()
    return render_template("study_rows.html", page=page, search=page.search)


def _page() -> Page:
    search = parse(request.args.to_dict(flat=False))
    # Read before the rows: what changes in between is announced again, never missed.
    revision = archive().revision()
    total = archive().count(search.query(limit=None))
    search = search.with_page(min(search.page, max(1, -(-total // PAGE_SIZE))))
    found = archive().studies(search.query())
    key_marked = frozenset(study.study_instance_uid for study in found if services().key_marks.of(study))
    return Page(search, found, total, revision, key_marked)


def _typed(name: str) -> str:
    return (request.args.getlist(name) or [""])[-1]


def _chips(search: Search) -> tuple[str, ...]:
    return (*MODALITY_CHIPS, *(m for m in search.modalities if m not in MODALITY_CHIPS))

"""The study list's question: from the query string to a `storage.query.Query`, and back to addresses. No Flask here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from urllib.parse import urlencode

from storage.attributes import Level
from storage.names import tokens
from storage.query import Condition, OneOf, Order, Query, Range, Words, attribute
from viewer.days import read as read_day

PAGE_SIZE = 50
PAGE_MAX = 10_000
TEXT_MAX_LENGTH = 200
WORDS_MAX = 8
MODALITIES_MAX = 20

SORTS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "date": ("StudyDate", "StudyTime"),
        "name": ("PatientName",),
        "id": ("PatientID",),
        "accession": ("AccessionNumber",),
        "description": ("StudyDescription",),
    }
)
DEFAULT_SORT = "-date"
QUICK_DAYS = MappingProxyType({"today": 0, "7d": 6, "30d": 29})
"""Quick buttons: how many days before today the range begins."""

_MODALITY = re.compile(r"[A-Z0-9_ ]{1,16}\Z")


@dataclass(frozen=True, slots=True)
class Search:
    """What a person asked the list for; every value is already within limits."""

    text: str = ""
    first: date | None = None
    last: date | None = None
    modalities: tuple[str, ...] = ()
    sort: str = DEFAULT_SORT
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but order and page is asked for."""
        return bool(self.text or self.first or self.last or self.modalities)

    def query(self, limit: int | None = PAGE_SIZE) -> Query:
        """Return the query of this page; `limit` None for counting."""
        return Query(
            Level.STUDY,
            conditions=self._conditions(),
            order=self._order(),
            limit=limit,
            offset=0 if limit is None else (self.page - 1) * limit,
        )

    def _conditions(self) -> tuple[Condition, ...]:
        found: list[Condition] = []
        words = tokens(self.text)[:WORDS_MAX]
        if words:
            keywords = ("PatientName", "PatientID", "AccessionNumber")
            found.append(Words(tuple(attribute(keyword) for keyword in keywords), words))
        if self.first or self.last:
            found.append(Range(attribute("StudyDate"), _dicom(self.first), _dicom(self.last)))
        if self.modalities:
            found.append(OneOf(attribute("Modality"), self.modalities))
        return tuple(found)

    def _order(self) -> tuple[Order, ...]:
        keywords = SORTS[self.sort.lstrip("-")]
        return tuple(Order(attribute(keyword), self.sort.startswith("-")) for keyword in keywords)

    def quick(self, today: date) -> str:
        """Return which quick button the range is, or an empty string."""
        for name, days in QUICK_DAYS.items():
            if self.first == today - timedelta(days=days) and self.last in (None, today):
                return name
        return ""

    def with_quick(self, name: str, today: date) -> Search:
        """Return the search with the range of a quick button, or without a range when it is set already."""
        if self.quick(today) == name:
            return replace(self, first=None, last=None, page=1)
        return replace(self, first=today - timedelta(days=QUICK_DAYS[name]), last=None, page=1)

    def with_modality(self, modality: str) -> Search:
        """Return the search with `modality` put in or taken out."""
        others = tuple(m for m in self.modalities if m != modality)
        chosen = others if len(others) < len(self.modalities) else (*self.modalities, modality)
        return replace(self, modalities=chosen, page=1)

    def with_sort(self, column: str) -> Search:
        """Return the search sorted by `column`, turned round when it is already; dates begin with the newest."""
        first = f"-{column}" if column == "date" else column
        second = column if column == "date" else f"-{column}"
        return replace(self, sort=second if self.sort == first else first, page=1)

    def with_page(self, page: int) -> Search:
        """Return the search on another page."""
        return replace(self, page=page)

    def address(self, path: str = "/") -> str:
        """Return the address that asks for this, without what is default."""
        pairs: list[tuple[str, str]] = [("q", self.text)] if self.text else []
        pairs += [("from", self.first.isoformat())] if self.first else []
        pairs += [("to", self.last.isoformat())] if self.last else []
        pairs += [("modality", modality) for modality in self.modalities]
        pairs += [("sort", self.sort)] if self.sort != DEFAULT_SORT else []
        pairs += [("page", str(self.page))] if self.page > 1 else []
        return f"{path}?{urlencode(pairs)}" if pairs else path


def parse(args: Mapping[str, Sequence[str]]) -> Search:
    """Read a query string, given as lists of values; what cannot be understood is left out, as in an old bookmark."""

    def last_of(name: str) -> str:
        values = args.get(name)
        return values[-1] if values else ""

    sort = last_of("sort")
    modalities = [m.strip().upper() for m in args.get("modality", ())]
    chosen = dict.fromkeys(m for m in modalities if _MODALITY.match(m))
    return Search(
        text=" ".join(last_of("q").replace("\0", " ").split())[:TEXT_MAX_LENGTH],
        first=read_day(last_of("from")),
        last=read_day(last_of("to")),
        modalities=tuple(chosen)[:MODALITIES_MAX],
        sort=sort if sort.lstrip("-") in SORTS and not sort.startswith("--") else DEFAULT_SORT,
        page=_page(last_of("page")),
    )


def _page(value: str) -> int:
    return min(max(int(value), 1), PAGE_MAX) if value.isascii() and value.isdigit() and len(value) < 10 else 1


def _dicom(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""

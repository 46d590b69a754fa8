"""Media types and the choice among them (PS3.18 8.7, RFC 9110 12.5.1). Pure.

Rules this rests on:
- PS3.18 8.7.3: DICOM media types carry parameters that are part of the choice (`type` of `multipart/related`,
  `transfer-syntax`); `charset`, `boundary` and `start` say nothing about which representation is wanted.
- RFC 2387 wants the value of `type` quoted, since it holds a slash. Many clients do not quote it, so both are read.
- RFC 9110 12.5.1: the most specific range that fits decides the quality of an offer; quality 0 refuses it.
- PS3.18 8.3.3.1: the query parameter `accept` stands before the header field; in a query string `+` means a space, so
  `accept=application/dicom+json` arrives with one.
- Members of a list that cannot be read are passed over, as a server cannot offer what it does not understand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NOT_CHOSEN_BY = frozenset({"q", "charset", "boundary", "start"})
MEMBERS_MAX = 64
"""Of a longer list, the first so many are looked at."""


class MediaTypeError(ValueError):
    """A text is no media type; `str()` is one sentence."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range, lower case but for the values of parameters other than `type`."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: float = field(default=1.0, compare=False)

    @property
    def essence(self) -> str:
        """`type/subtype` without parameters."""
        return f"{self.type}/{self.subtype}"

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter; None when it is not given."""
        return next((value for known, value in self.parameters if known == name), None)

    def __str__(self) -> str:
        """As in a header field, values quoted where they have to be."""
        return "".join([self.essence, *(f"; {name}={_quoted(value)}" for name, value in self.parameters)])


def parse(text: str) -> MediaType:
    """Read one media type or range, as in Content-Type.

    Raises:
        MediaTypeError: it is none.
    """
    essence, *rest = _split(text, ";")
    main, slash, sub = essence.strip().lower().partition("/")
    if not slash or not _is_token(main) or not _is_token(sub) or (main == "*" and sub != "*"):
        raise MediaTypeError(f"{text.strip()[:80]!r} is not a media type")
    parameters: dict[str, str] = {}
    for name, value in (_parameter(piece) for piece in rest if piece.strip()):
        parameters.setdefault(name, value)
    quality = _quality(parameters.pop("q", "1"))
    return MediaType(main, sub, tuple(parameters.items()), quality)


def parse_accept(text: str) -> tuple[MediaType, ...]:
    """Read the list of an Accept field; what cannot be read is left out."""
    found = []
    for member in _split(text, ",")[:MEMBERS_MAX]:
        try:
            found.append(parse(member))
        except MediaTypeError:
            continue
    return tuple(found)


def accepted(parameter: str | None, header: str | None) -> tuple[MediaType, ...]:
    """Return what a request accepts: its query parameter `accept` if there, else its header field, else anything."""
    if parameter is not None and parameter.strip():
        return parse_accept(_plussed(parameter))
    if header is not None and header.strip():
        return parse_accept(header)
    return (MediaType("*", "*"),)


def choose(ranges: Sequence[MediaType], offered: Iterable[MediaType]) -> MediaType | None:
    """Return the best of `offered`, None when none is accepted.

    Highest quality first, then what was named most exactly, then the order of `offered`, the first being the default.
    """
    best: tuple[float, int] = (0.0, -1)
    chosen = None
    for offer in offered:
        fitting = [(_exactness(r), r.quality) for r in ranges if matches(r, offer)]
        if not fitting:
            continue
        exactness, quality = max(fitting)
        if quality > 0 and (quality, exactness) > best:
            best, chosen = (quality, exactness), offer
    return chosen


def matches(media_range: MediaType, offer: MediaType) -> bool:
    """Tell whether a range takes in an offer; a parameter `*` on either side fits any value."""
    if media_range.type not in ("*", offer.type) or media_range.subtype not in ("*", offer.subtype):
        return False
    return all(
        _parameter_matches(name, value, offer)
        for name, value in media_range.parameters
        if name not in _NOT_CHOSEN_BY
    )  # fmt: skip


def _parameter_matches(name: str, value: str, offer: MediaType) -> bool:
    offers = offer.parameter(name)
    if offers is None:
        return name not in ("type", "transfer-syntax") or value == "*"
    if value in ("*", "*/*", offers) or offers == "*":
        return True
    # A range of parts, such as `type="image/*"`.
    return name == "type" and value.endswith("/*") and offers.startswith(value[:-1])


def _exactness(media_range: MediaType) -> int:
    named = sum(name not in _NOT_CHOSEN_BY and "*" not in value for name, value in media_range.parameters)
    return (media_range.type != "*") * 100 + (media_range.subtype != "*") * 100 + named


def _parameter(piece: str) -> tuple[str, str]:
    name, equals, value = piece.strip().partition("=")
    name, value = name.strip().lower(), value.strip()
    if not equals or not _is_token(name):
        raise MediaTypeError(f"{piece.strip()[:80]!r} is not a parameter of a media type")
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise MediaTypeError(f"{piece.strip()[:80]!r} has a quote without an end")
        value = _unescaped(value[1:-1])
    return name, value.lower() if name == "type" else value


def _unescaped(text: str) -> str:
    out, escaped = [], False
    for c in text:
        escaped = c == "\\" and not escaped
        if not escaped:
            out.append(c)
    return "".join(out)


def _quality(value: str) -> float:
    try:
        quality = float(value) if value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit() else -1.0
    except ValueError:
        quality = -1.0
    if not 0 <= quality <= 1:
        raise MediaTypeError(f"q={value[:16]!r} is not between 0 and 1")
    return quality


def _split(text: str, at: str) -> list[str]:
    """Split outside quoted strings; a quote that does not end takes in the rest."""
    pieces, start, quoted, escaped = [], 0, False, False
    for i, c in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif c == at and not quoted:
            pieces.append(text[start:i])
            start = i + 1
    return [*pieces, text[start:]]


def _plussed(text: str) -> str:
    """Give each member of a list from a query string back the `+` of its subtype."""
    members = []
    for member in _split(text, ","):
        essence, semicolon, rest = member.partition(";")
        members.append(essence.strip().replace(" ", "+") + semicolon + _plussed_type(rest))
    return ",".join(members)


def _plussed_type(parameters: str) -> str:
    pieces = []
    for piece in _split(parameters, ";"):
        name, equals, value = piece.partition("=")
        is_type = name.strip().lower() == "type"
        pieces.append(f"{name}{equals}{value.strip().replace(' ', '+') if is_type else value}")
    return ";".join(pieces)


def _is_token(text: str) -> bool:
    return bool(text) and all(c in _TOKEN for c in text)


def _quoted(value: str) -> str:
    if _is_token(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def related(part_type: str, transfer_syntax: str | None = None) -> MediaType:
    """Return `multipart/related` of parts of `part_type`, with a transfer syntax if given (PS3.18 8.7.3.1)."""
    parameters = [("type", part_type)]
    if transfer_syntax is not None:
        parameters.append(("transfer-syntax", transfer_syntax))
    return MediaType("multipart", "related", tuple(parameters))


DICOM_JSON = MediaType("application", "dicom+json")
JSON = MediaType("application", "json")
XML = related("application/dicom+xml")
OCTETS = MediaType("application", "octet-stream")

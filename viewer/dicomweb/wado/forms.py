"""In which form pixel data goes out: the media types of each transfer syntax, and the choice among them. Pure.

Rules this rests on (PS3.18 8.7.3, tables 8.7.3-2 to 8.7.3-5):
- Uncompressed frames are `application/octet-stream` in Explicit VR Little Endian, the default. Each compressed syntax
  has a media type; a parameter `transfer-syntax` chooses among those that share it.
- `transfer-syntax=*` takes any, so what is stored goes out as it is, whatever the type it is asked under.
- `multipart/related` is the default; a single frame may go out bare, where a bare type is asked for.
- Nothing is compressed with loss on the way out. What was stored with loss is given as stored, or decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from storage.transcode import COMPRESSED, UNCOMPRESSED, is_the_same
from viewer.dicomweb.media_types import MediaType, choose, related

EXPLICIT_LITTLE = UNCOMPRESSED[0]
OCTETS = "application/octet-stream"
DICOM = "application/dicom"
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **{f"{_JPEG_FAMILY}{n}": "image/jpeg" for n in (50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 70)},
    **{f"{_JPEG_FAMILY}{n}": "image/jls" for n in (80, 81)},
    **{f"{_JPEG_FAMILY}{n}": "image/jp2" for n in (90, 91)},
    **{f"{_JPEG_FAMILY}{n}": "image/jpx" for n in (92, 93)},
    **{f"{_JPEG_FAMILY}{n}": "image/jxl" for n in (110, 111, 112)},
    **{f"{_JPEG_FAMILY}{n}": "image/jphc" for n in (201, 202, 203)},
    **{f"{_JPEG_FAMILY}{n}": "video/mpeg" for n in ("100", "100.1", "101", "101.1")},
    **{f"{_JPEG_FAMILY}{n}": "video/mp4" for n in ("102", "103", "104", "105", "106", "107", "108")},
    **{f"{_JPEG_FAMILY}{n}.1": "video/mp4" for n in (102, 103, 104, 105, 106)},
}
ANY = "*"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to send: the media type offered, the transfer syntax, and whether parts are wrapped."""

    media_type: MediaType
    transfer_syntax_uid: str

    @property
    def is_multipart(self) -> bool:
        """Whether the body is `multipart/related`."""
        return self.media_type.type == "multipart"

    @property
    def part_type(self) -> str:
        """The Content-Type of one part, or of the whole where it is bare."""
        essence = self.media_type.parameter("type") if self.is_multipart else self.media_type.essence
        return f"{essence}; transfer-syntax={self.transfer_syntax_uid}"


def media_type_of(transfer_syntax_uid: str) -> str:
    """Return the media type of pixel data in a transfer syntax."""
    return _TYPES.get(transfer_syntax_uid, OCTETS)


def is_video(transfer_syntax_uid: str) -> bool:
    """Tell whether frames of this transfer syntax cannot be had one by one."""
    return media_type_of(transfer_syntax_uid).startswith("video/")


def choose_frame_form(ranges: Sequence[MediaType], stored: str, is_single: bool) -> Form | None:
    """Return how frames stored in a syntax go out to one who accepts `ranges`; None when in no way."""
    as_stored = _as_stored(stored, is_single) if _takes_any(ranges) else ()
    return _chosen(ranges, [*as_stored, *frame_forms(stored, is_single)])


def frame_forms(stored: str, is_single: bool) -> Iterator[Form]:
    """Give all forms that frames of a stored syntax can have, the default first."""
    if is_video(stored):
        return
    makeable = [EXPLICIT_LITTLE, stored, *COMPRESSED, *(uid for uid in _TYPES if is_the_same(stored, uid))]
    for wrap in _wraps(is_single):
        for uid in dict.fromkeys(makeable):
            if uid == EXPLICIT_LITTLE or uid not in UNCOMPRESSED:
                yield wrap(media_type_of(uid), uid)


def choose_object_form(ranges: Sequence[MediaType], stored: Collection[str], can_be_bare: bool) -> Form | None:
    """Return how objects stored in some syntaxes go out; the form's syntax is `*` where each stays as it is."""
    wraps = _wraps(can_be_bare)
    as_stored = [wrap(DICOM, ANY) for wrap in wraps] if _takes_any(ranges) else []
    return _chosen(ranges, [*as_stored, *object_forms(stored, can_be_bare)])


def object_forms(stored: Collection[str], can_be_bare: bool) -> Iterator[Form]:
    """Give all forms that whole objects can have, the default first.

    A lossy syntax cannot be made, but is given where all of the objects have it already.
    """
    syntaxes = dict.fromkeys((*UNCOMPRESSED, *COMPRESSED, *(stored if len(stored) == 1 else ())))
    for wrap in _wraps(can_be_bare):
        yield from (wrap(DICOM, uid) for uid in syntaxes)


def _takes_any(ranges: Sequence[MediaType]) -> bool:
    return any(r.parameter("transfer-syntax") == ANY for r in ranges)


def _as_stored(stored: str, is_single: bool) -> Iterator[Form]:
    uid = EXPLICIT_LITTLE if stored in UNCOMPRESSED else stored
    if not is_video(uid):
        for wrap in _wraps(is_single):
            yield wrap(media_type_of(uid), uid)
            yield wrap(OCTETS, uid)


def _wraps(can_be_bare: bool) -> Sequence[Callable[[str, str], Form]]:
    return (_wrapped, _bare) if can_be_bare else (_wrapped,)


def _wrapped(essence: str, uid: str) -> Form:
    return Form(related(essence, uid), uid)


def _bare(essence: str, uid: str) -> Form:
    main, sub = essence.split("/")
    return Form(MediaType(main, sub, (("transfer-syntax", uid),)), uid)


def _chosen(ranges: Sequence[MediaType], forms: Sequence[Form]) -> Form | None:
    chosen = choose(ranges, [form.media_type for form in forms])
    return next((form for form in forms if form.media_type is chosen), None)

"""Key images out of Key Object Selection Documents, ours and others'."""

from __future__ import annotations

from pydicom.dataset import Dataset

from viewer.evidence.key_write import WITHDRAWN, KeyImages
from viewer.evidence.model import ImageRef
from viewer.rendering.attributes import items, numbers, text

_DESCRIPTION = "113012"
_REJECTIONS = frozenset({"113001", "113037", "113038", "113039"})
"""Document titles with which objects are rejected or corrected, not chosen (PS3.16 CID 7010, CID 7011)."""


def is_selection(ds: Dataset) -> bool:
    """Tell whether a document chooses images, as against rejecting them."""
    title = items(ds, "ConceptNameCodeSequence")
    return bool(title) and text(title[0], "CodeValue") not in _REJECTIONS


def read_key_document(ds: Dataset) -> KeyImages:
    """Return the images that a document chooses; an image named without frames counts as its first."""
    content = items(ds, "ContentSequence")
    images = [image for item in content if text(item, "ValueType") == "IMAGE" for image in _images(item)]
    words = next((text(item, "TextValue") for item in content if _concept(item) == _DESCRIPTION), "")
    return KeyImages(tuple(dict.fromkeys(images)), "" if words == WITHDRAWN else words)


def _images(item: Dataset) -> list[ImageRef]:
    found = []
    for reference in items(item, "ReferencedSOPSequence"):
        frames = numbers(reference, "ReferencedFrameNumber") or (1,)
        found += [ImageRef(text(reference, "ReferencedSOPInstanceUID"), max(1, int(frame))) for frame in frames]
    return [image for image in found if image.instance]


def _concept(item: Dataset) -> str:
    names = items(item, "ConceptNameCodeSequence")
    return text(names[0], "CodeValue") if names else ""

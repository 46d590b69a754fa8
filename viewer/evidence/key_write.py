"""Key images as a Key Object Selection Document (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydicom.dataset import Dataset

from storage.model import Instance
from viewer.evidence.codes import Code
from viewer.evidence.document import CHARACTER_SET, MANUFACTURER, Place, inherit, stand_in
from viewer.evidence.model import ImageRef, InvalidReading, object_of, read_image, read_text
from viewer.evidence.report_write import observer

SERIES_NUMBER = 9103
MODALITY = "KO"
IMAGES_MAX = 500
DESCRIPTION_MAX = 1000
OF_INTEREST = Code("113000", "DCM", "Of Interest")
WITHDRAWN = "Withdrawn: no image is selected any more"


@dataclass(frozen=True, slots=True)
class KeyImages:
    """The chosen frames in their order, and why they were chosen."""

    images: tuple[ImageRef, ...]
    description: str = ""

    def json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def read_key_images(body: object) -> KeyImages:
    """Return the key images of a request; `InvalidReading` names what is wrong."""
    found = object_of(body, ("images", "description", "based_on"))
    images = found.get("images")
    if not isinstance(images, list) or len(images) > IMAGES_MAX:
        raise InvalidReading(f"images: a list of at most {IMAGES_MAX} is needed")
    refs = tuple(read_image(image, f"images[{i}]") for i, image in enumerate(images))
    if len(set(refs)) < len(refs):
        raise InvalidReading("images: each image can be chosen once")
    return KeyImages(refs, read_text(found.get("description", ""), "description", DESCRIPTION_MAX))


def write_key_images(
    key: KeyImages, images: dict[str, Instance], place: Place, previous: Instance | None, anchor: Instance
) -> Dataset:
    """Return the document of `key`, whose images are in `images` by SOP Instance UID.

    A document must refer to something (TID 2010): an empty selection refers to `previous`, the one it withdraws, and
    needs it.
    """
    from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument

    chosen = [stand_in(images[ref.instance]) for ref in key.images]
    withdrawn = not chosen and previous is not None
    if withdrawn and previous is not None:
        chosen = [_document(previous)]
    content = KeyObjectSelection(
        document_title=OF_INTEREST.concept,
        referenced_objects=chosen,
        observer_person_context=observer(place.author),
        description=WITHDRAWN if withdrawn else key.description or None,
    )
    _name_frames(content[0], key, images)
    distinct = {str(ds.SOPInstanceUID): ds for ds in chosen}
    ds = KeyObjectSelectionDocument(
        evidence=list(distinct.values()),
        content=content,
        series_instance_uid=place.series_instance_uid,
        series_number=place.series_number,
        sop_instance_uid=place.sop_instance_uid,
        instance_number=place.instance_number,
        manufacturer=MANUFACTURER,
        series_description="Key images",
        specific_character_set=CHARACTER_SET,
    )
    return inherit(ds, anchor, place)


def _document(previous: Instance) -> Dataset:
    """A stand-in without size, which highdicom takes for no image."""
    ds = stand_in(previous)
    del ds.Rows, ds.Columns
    return ds


def _name_frames(root: Dataset, key: KeyImages, images: dict[str, Instance]) -> None:
    references = [item for item in root.ContentSequence if item.ValueType == "IMAGE"]
    for item, ref in zip(references, key.images, strict=True) if key.images else ():
        if images[ref.instance].number_of_frames is not None:
            item.ReferencedSOPSequence[0].ReferencedFrameNumber = ref.frame

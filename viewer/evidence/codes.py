"""Coded concepts of measurements: our short names and the codes they stand for (PS3.16 CID 218, 7464, 7469).

Names of statistics are used as concept names themselves, as other viewers write and look for them; a reading of other
documents also takes a general concept ("Attenuation Coefficient") with its Derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE = "99FILMLESS"
PRIVATE_NAME = "Filmless"
DCMJS = "99dcmjs"
FREE_TEXT = "CS3DTEXT"
"""A finding in the reader's own words, as dcmjs codes it; its older code is too long for a code (SH)."""
SCHEMES: Mapping[str, str] = {PRIVATE: PRIVATE_NAME, DCMJS: "dcmjs"}
"""Private coding schemes that our documents use, and whose they are."""


class Code(NamedTuple):
    """A coded concept. pydicom's own comes with all dictionaries of PS3.16, a fifth of what the web side would load."""

    value: str
    scheme_designator: str
    meaning: str

    @property
    def concept(self) -> CodedConcept:
        """As highdicom takes it."""
        from highdicom.sr import CodedConcept

        return CodedConcept(self.value, self.scheme_designator, self.meaning)


CONCEPTS: Mapping[str, Code] = {
    "length": Code("410668003", "SCT", "Length"),
    "angle": Code("1483009", "SCT", "Angle"),
    "cobb_angle": Code("285285000", "SCT", "Cobb angle"),
    "long_axis": Code("103339001", "SCT", "Long Axis"),
    "short_axis": Code("103340004", "SCT", "Short Axis"),
    "area": Code("42798000", "SCT", "Area"),
    "mean": Code("373098007", "SCT", "Mean"),
    "deviation": Code("386136009", "SCT", "Standard Deviation"),
    "minimum": Code("255605001", "SCT", "Minimum"),
    "maximum": Code("56851009", "SCT", "Maximum"),
    "cardiothoracic_ratio": Code("CTR", PRIVATE, "Cardiothoracic ratio"),
    "heart_width": Code("HEART_WIDTH", PRIVATE, "Transverse width of the heart"),
    "thorax_width": Code("THORAX_WIDTH", PRIVATE, "Inner width of the thorax"),
}
"""The concept name of each value."""

OLDER_CODES: Mapping[tuple[str, str], str] = {
    ("G-D7FE", "SRT"): "length",
    ("121206", "DCM"): "length",
    ("G-A185", "SRT"): "long_axis",
    ("G-A186", "SRT"): "short_axis",
    ("G-A166", "SRT"): "area",
    ("R-00317", "SRT"): "mean",
    ("R-10047", "SRT"): "deviation",
    ("R-404FB", "SRT"): "minimum",
    ("G-A437", "SRT"): "maximum",
}
"""Codes that older documents use for the same."""

UNITS: Mapping[str, Code] = {
    "mm": Code("mm", "UCUM", "millimeter"),
    "mm2": Code("mm2", "UCUM", "square millimeter"),
    "deg": Code("deg", "UCUM", "degree"),
    "1": Code("1", "UCUM", "no units"),
    "{pixels}": Code("{pixels}", "UCUM", "pixels"),
    "{pixels}2": Code("{pixels}2", "UCUM", "square pixels"),
    "[hnsf'U]": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "Bq/ml": Code("Bq/ml", "UCUM", "Becquerels/milliliter"),
}
"""UCUM codes with a meaning in words; others mean themselves."""

UNIT_SIGNS: Mapping[str, str] = {
    "1": "",
    "deg": "°",
    "[hnsf'U]": "HU",
    "{pixels}": "px",
    "{pixels}2": "px²",
    "mm2": "mm²",
    "cm2": "cm²",
    "mm3": "mm³",
    "cm3": "cm³",
    "Cel": "°C",
    "g/ml{SUVbw}": "SUV",
    "{SUVbw}g/ml": "SUV",
}
"""How UCUM codes are written for people; others as they are."""

PROCEDURES: Mapping[str, Code] = {
    "CT": Code("77477000", "SCT", "Computed tomography"),
    "MR": Code("113091000", "SCT", "Magnetic resonance imaging"),
    "US": Code("16310003", "SCT", "Ultrasonography"),
    "PT": Code("82918005", "SCT", "Positron emission tomography"),
    "MG": Code("71651007", "SCT", "Mammography"),
    "XA": Code("420040002", "SCT", "Fluoroscopic angiography"),
    "CR": Code("168537006", "SCT", "Plain radiography"),
    "DX": Code("168537006", "SCT", "Plain radiography"),
}
"""Procedure Reported by modality (CID 100); any other is an imaging procedure."""
IMAGING = Code("363679005", "SCT", "Imaging procedure")

ESTIMATED: Mapping[str, Code] = {
    "detector": Code("AT_DETECTOR", PRIVATE, "At the detector, not corrected for magnification"),
    "film": Code("ON_FILM", PRIVATE, "On the digitised film, not corrected for magnification"),
}
"""Measurement Method where a length is not that in the patient (PS3.3 10.7)."""

THIN = "thin"
PROJECTED: Mapping[str, Code] = {
    THIN: Code("113072", "DCM", "Multiplanar reformatting"),
    "maximum": Code("113078", "DCM", "Maximum intensity projection"),
    "minimum": Code("113079", "DCM", "Minimum intensity projection"),
    "mean": Code("113072", "DCM", "Multiplanar reformatting"),
}
"""Measurement Method on a plane made from a series: of a thin one, else by what was shown of the slab (CID 7203)."""
PLANE = Code("PLANE", PRIVATE, "Plane of the measurement")
PATH = Code("121055", "DCM", "Path")
SOURCE_IMAGE = Code("121324", "DCM", "Source image")

IMAGING_MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
MEASUREMENT_GROUP = Code("125007", "DCM", "Measurement Group")
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
TRACKING_IDENTIFIER = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
COMMENT = Code("121106", "DCM", "Comment")
FINDING = Code("121071", "DCM", "Finding")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
DERIVATION = Code("121401", "DCM", "Derivation")
IMAGE_REGION = Code("111030", "DCM", "Image Region")
IMAGE = Code("260753009", "SCT", "Source")
PERSON_NAME = Code("121008", "DCM", "Person Observer Name")

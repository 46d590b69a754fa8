"""Standardised uptake value by body weight, from an object's own facts (PS3.3 C.8.9.1).

SUVbw = activity concentration [Bq/ml] * weight [g] / dose [Bq], the dose decayed to the time to which the pixels are
corrected. Only the plain case is computed: Units BQML, corrected to the start of the series (DecayCorrection START);
GML is SUV already. Anything else has no factor, and nothing is guessed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from viewer.rendering.attributes import items, number, text

_DAY = timedelta(days=1)


def suv_body_weight_factor(ds: Dataset) -> float | None:
    """Return by what a modality value is to be multiplied to become SUVbw (g/ml); None where that is not known."""
    if text(ds, "Modality") != "PT":
        return None
    units = text(ds, "Units")
    if units == "GML" and text(ds, "SUVType") in ("", "BW"):
        return 1.0
    dose, weight = _decayed_dose(ds), number(ds, "PatientWeight")
    corrected = text(ds, "DecayCorrection") in ("START", "ADMIN") and "DECY" in str(ds.get("CorrectedImage", ""))
    if units != "BQML" or not corrected or not dose or not weight or weight <= 0:
        return None
    return weight * 1000 / dose


def _decayed_dose(ds: Dataset) -> float | None:
    isotope = next(iter(items(ds, "RadiopharmaceuticalInformationSequence")), None)
    if isotope is None:
        return None
    dose, half_life = number(isotope, "RadionuclideTotalDose"), number(isotope, "RadionuclideHalfLife")
    if text(ds, "DecayCorrection") == "ADMIN":
        return dose
    waited = _seconds_from_injection(ds, isotope)
    if dose is None or not half_life or half_life <= 0 or waited is None:
        return None
    return float(dose * 2 ** (-waited / half_life))


def _seconds_from_injection(ds: Dataset, isotope: Dataset) -> float | None:
    """From injection to the start of the series; an injection before midnight belongs to the day before."""
    start = _time(text(ds, "SeriesDate") + text(ds, "SeriesTime"))
    stated = text(isotope, "RadiopharmaceuticalStartDateTime")
    injected = _time(stated) or _time(text(ds, "SeriesDate") + text(isotope, "RadiopharmaceuticalStartTime"))
    if start is None or injected is None:
        return None
    if not stated and injected > start:
        injected -= _DAY
    seconds = (start - injected).total_seconds()
    return seconds if 0 <= seconds < _DAY.total_seconds() else None


def _time(value: str) -> datetime | None:
    """Read `YYYYMMDDHHMMSS`, with or without a fraction and an offset, which cancels out here."""
    try:
        return datetime.strptime(value[:14], "%Y%m%d%H%M%S")
    except ValueError:
        return None

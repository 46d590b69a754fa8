"""Comprehensive SR and Encapsulated PDF Storage (PS3.3 A.35.3, A.45.1)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, EncapsulatedPDFStorage

from sample_dicom.iods.common import Code, Series, acquired, decimal, instance, reference

REPORT = Code("18748-4", "LN", "Diagnostic imaging report")
FINDINGS = Code("121070", "DCM", "Findings")
FINDING = Code("121071", "DCM", "Finding")
CONCLUSIONS = Code("121076", "DCM", "Conclusions")
CONCLUSION = Code("121077", "DCM", "Conclusion")
SOURCE = Code("121112", "DCM", "Source of Measurement")
DIAMETER = Code("81827009", "SCT", "Diameter")
MILLIMETRE = Code("mm", "UCUM", "mm")
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
VIETNAMESE = Code("vi", "RFC5646", "Vietnamese")


def content(value_type: str, name: Code, relationship: str = "CONTAINS", **values: object) -> Dataset:
    """A content item (PS3.3 C.17.3)."""
    item = Dataset()
    item.RelationshipType, item.ValueType = relationship, value_type
    item.ConceptNameCodeSequence = [name.item()]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def text(name: Code, value: str) -> Dataset:
    """A TEXT item."""
    return content("TEXT", name, TextValue=value)


def section(name: Code, items: Sequence[Dataset]) -> Dataset:
    """A CONTAINER with its items."""
    return content("CONTAINER", name, ContinuityOfContent="SEPARATE", ContentSequence=list(items))


def length_of(name: Code, millimetres: float, image: Dataset) -> Dataset:
    """A NUM item in mm that is inferred from `image`."""
    value = Dataset()
    value.NumericValue = decimal(millimetres)
    value.MeasurementUnitsCodeSequence = [MILLIMETRE.item()]
    source = content("IMAGE", SOURCE, "INFERRED FROM", ReferencedSOPSequence=[reference(image)])
    return content("NUM", name, MeasuredValueSequence=[value], ContentSequence=[source])


def report(series: Series, sections: Sequence[Dataset], evidence: Sequence[Dataset]) -> Dataset:
    """A verified Comprehensive SR; `evidence` are the images it speaks of, of one series."""
    ds = instance(series, ComprehensiveSRStorage, 1)
    acquired(ds)
    del ds.AcquisitionNumber, ds.AcquisitionDate, ds.AcquisitionTime, ds.OperatorsName
    ds.ReferencedPerformedProcedureStepSequence, ds.PerformedProcedureCodeSequence = [], []
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "VERIFIED"
    ds.VerifyingObserverSequence = [_observer(ds, series)]
    ds.CurrentRequestedProcedureEvidenceSequence = [_evidence(evidence)]
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [REPORT.item()]
    language = content("CODE", LANGUAGE, "HAS CONCEPT MOD", ConceptCodeSequence=[VIETNAMESE.item()])
    ds.ContentSequence = [language, *sections]
    return ds


def _observer(ds: Dataset, series: Series) -> Dataset:
    observer = Dataset()
    observer.VerifyingObserverName = series.study.hospital.reading
    observer.VerifyingObserverIdentificationCodeSequence = []
    observer.VerifyingOrganization = series.study.hospital.institution
    observer.VerificationDateTime = f"{ds.ContentDate}{ds.ContentTime}{series.study.timezone}"
    return observer


def _evidence(images: Sequence[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedSOPSequence = [reference(image) for image in images]
    study = Dataset()
    study.StudyInstanceUID = images[0].StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study


def encapsulated_pdf(series: Series, title: str, document: bytes) -> Dataset:
    """A PDF as an object; `document` is padded to even length, its own length is kept (PS3.3 C.24.2)."""
    ds = instance(series, EncapsulatedPDFStorage, 1)
    acquired(ds)
    del ds.AcquisitionNumber, ds.AcquisitionDate, ds.AcquisitionTime, ds.OperatorsName
    ds.AcquisitionDateTime = ""
    ds.ConversionType, ds.BurnedInAnnotation, ds.DocumentTitle = "WSD", "YES", title
    ds.ConceptNameCodeSequence = [REPORT.item()]
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(document)
    ds.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return ds

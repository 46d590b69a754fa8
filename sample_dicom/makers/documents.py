"""The documents: a structured report on the chest CT, and a PDF beside the MR."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from sample_dicom.iods import documents as iod
from sample_dicom.iods.common import Series
from sample_dicom.makers import ct_chest, devices, mr_brain
from sample_dicom.pdf import one_page
from sample_dicom.phantoms.chest import NODULE

SR_SERIES = Series(ct_chest.STUDY, "report", 9, "SR", "Kết quả CLVT ngực", devices.DOCUMENTS)
PDF_SERIES = Series(mr_brain.STUDY, "pdf", 9, "DOC", "Phiếu kết quả", devices.DOCUMENTS)


def chest_report() -> Iterator[Dataset]:
    """Yield the report: findings, a diameter measured on the slice through the nodule, conclusion."""
    size = ct_chest.STANDARD
    number = round((ct_chest.EXTENT - NODULE.centre[2]) / size.spacing + 0.5)
    image = _slice_reference(number)
    findings = [
        iod.text(iod.FINDING, "Nốt đặc thùy trên phổi phải, bờ đều."),
        iod.length_of(iod.DIAMETER, 2 * NODULE.radius, image),
        iod.text(iod.FINDING, "Không thấy hạch trung thất lớn. Không tràn dịch màng phổi."),
    ]
    conclusion = [iod.text(iod.CONCLUSION, "Nốt phổi phải 13 mm. Đề nghị theo dõi theo phác đồ.")]
    sections = [iod.section(iod.FINDINGS, findings), iod.section(iod.CONCLUSIONS, conclusion)]
    yield iod.report(SR_SERIES, sections, [image])


def brain_pdf() -> Iterator[Dataset]:
    """Yield the PDF. Its text has no diacritics, for the standard fonts of a PDF have none for Vietnamese."""
    lines = [
        "Benh vien Da khoa Tinh Mau - Khoa Chan doan hinh anh",
        "Ho ten: TRAN THI MO PHONG     Ma benh nhan: 25-000387",
        "Ky thuat: T1 SE, T2 TSE mat phang ngang.",
        "Ket luan: Khong thay ton thuong.",
        "(Synthetic sample, made by a program; nobody's record.)",
    ]
    yield iod.encapsulated_pdf(PDF_SERIES, "Phiếu kết quả cộng hưởng từ", one_page("KET QUA CHUP CONG HUONG TU", lines))


def _slice_reference(number: int) -> Dataset:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, ct_chest.SERIES.instance_uid(number)
    image.StudyInstanceUID = ct_chest.STUDY.study_instance_uid
    image.SeriesInstanceUID = ct_chest.SERIES.series_instance_uid
    return image

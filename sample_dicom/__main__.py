"""``python -m sample_dicom``."""

from sample_dicom.cli import main

main(prog_name="python -m sample_dicom")

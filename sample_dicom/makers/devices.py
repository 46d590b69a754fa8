"""The devices that the sample images come from; invented, and named so."""

from __future__ import annotations

from sample_dicom.iods.common import Device

_MAKER = "Filmless sample generator"

CT = Device(_MAKER, "Phantom CT 64", "CT-0001", "CT01")
MR = Device(_MAKER, "Phantom MR 1.5", "MR-0001", "MR01")
DX = Device(_MAKER, "Phantom DR", "DR-0001", "DR01")
MG = Device(_MAKER, "Phantom Mammo", "MG-0001", "MG01")
US = Device(_MAKER, "Phantom US", "US-0001", "US01")
PET = Device(_MAKER, "Phantom PET/CT", "PT-0001", "PETCT01")
DOCUMENTS = Device(_MAKER, "Phantom Workstation", "WS-0001", "WS01")

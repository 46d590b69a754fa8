"""Keys of queries that the index has no column for (PS3.4 C.6.1.1, C.6.2.1), the same for C-FIND and QIDO-RS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from storage.attributes import Level

FROM_OBJECTS: Mapping[Level, frozenset[str]] = MappingProxyType(
    {
        Level.STUDY: frozenset(
            [
                "AdditionalPatientHistory",
                "AdmittingDiagnosesDescription",
                "EthnicGroup",
                "IssuerOfAccessionNumberSequence",
                "NameOfPhysiciansReadingStudy",
                "OtherPatientIDs",
                "OtherPatientIDsSequence",
                "OtherPatientNames",
                "PatientComments",
                "PatientSize",
                "PatientWeight",
                "PhysiciansOfRecord",
                "ProcedureCodeSequence",
                "ReferencedStudySequence",
                "RequestedProcedureDescription",
                "RequestingPhysician",
            ]
        ),
        Level.SERIES: frozenset(
            [
                "DeviceSerialNumber",
                "InstitutionalDepartmentName",
                "OperatorsName",
                "PatientPosition",
                "PerformedProcedureStepDescription",
                "PerformedProcedureStepID",
                "PerformedProcedureStepEndDate",
                "PerformedProcedureStepEndTime",
                "RequestAttributesSequence",
                "SoftwareVersions",
            ]
        ),
    }
)
"""Optional keys that are answered from the first object of a study or series; at image level all are."""
MATCHED_IN_SERIES = frozenset({"RequestAttributesSequence"})
STAND_FOR = MappingProxyType({"ModalitiesInStudy": "Modality", "SOPClassesInStudy": "SOPClassUID"})
"""Attributes of a study that are matched through one of its series or instances."""

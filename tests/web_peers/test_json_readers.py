"""Our DICOM JSON read back by others: `highdicom` in Python, `dcmjs` in Node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import highdicom
import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Instance
from storage.query import OneOf, Query, attribute
from storage.records import Role
from storage.settings import ArchiveSettings
from tests.support.peers import require_tool
from tests.support.web import Server
from tests.support.web_peers import DCMJS, Samples, fetched

_SCRIPT = """
const dcmjs = require("dcmjs");
const { DicomMetaDictionary: dictionary } = dcmjs.data;
const sent = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = sent.map((one) => dictionary.naturalizeDataset(one));
// It reads the null of an empty value among several (PS3.18 F.2.5), but cannot write one.
const again = process.argv[1] === "read" ? sent : read.map((one) => dictionary.denaturalizeDataset(one));
process.stdout.write(JSON.stringify({ read, again }));
"""


@pytest.fixture(scope="module")
def metadata(sample_server: Server, filled: Samples) -> Callable[[str], tuple[Instance, list[dict[str, Any]]]]:
    """Return the first instance of a modality, and the metadata of its series."""
    token = filled.tokens[Role.RADIOLOGIST]
    client = DICOMwebClient(f"{sample_server.address}/dicom-web", headers={"Authorization": f"Bearer {token}"})

    def of(modality: str) -> tuple[Instance, list[dict[str, Any]]]:
        with Archive.open(ArchiveSettings(filled.data)) as archive:
            query = Query(Level.INSTANCE, (OneOf(attribute("Modality"), (modality,)),), limit=1)
            instance = archive.matching_instances(query)[0]
        found = client.retrieve_series_metadata(instance.study_instance_uid, instance.series_instance_uid)
        return instance, sorted(found, key=lambda one: one["00080018"]["Value"] != [instance.sop_instance_uid])

    return of


def _object(attributes: dict[str, Any], instance: Instance) -> Dataset:
    """An object from metadata, its pixels from the file."""
    stored = dcmread(instance.path)
    pixels = stored.pixel_array.tobytes() if "PixelData" in stored else b""
    ds = Dataset.from_json(attributes, lambda tag, vr, uri: pixels if tag == "7FE00010" else b"")
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_highdicom_reads_an_image(
    metadata: Callable[[str], tuple[Instance, list[dict[str, Any]]]], modality: str
) -> None:
    instance, found = metadata(modality)
    image = highdicom.Image.from_dataset(_object(found[0], instance))
    stored = dcmread(instance.path)
    assert np.array_equal(image.get_stored_frame(1), stored.pixel_array.reshape(image.get_stored_frame(1).shape))
    assert image.PatientName == stored.PatientName
    geometry = image.get_volume_geometry()
    assert geometry is not None
    assert np.allclose(geometry.position, [float(v) for v in stored.ImagePositionPatient])


def test_highdicom_reads_a_report(metadata: Callable[[str], tuple[Instance, list[dict[str, Any]]]]) -> None:
    instance, found = metadata("SR")
    report = Dataset.from_json(found[0])
    stored = dcmread(instance.path)
    content = highdicom.sr.ContentSequence.from_sequence(report.ContentSequence, is_root=False, is_sr=True)
    assert [str(item.name.meaning) for item in content] == [
        item.ConceptNameCodeSequence[0].CodeMeaning for item in stored.ContentSequence
    ]


@pytest.mark.parametrize(
    ("modality", "how"),
    [("CT", "write"), ("MR", "write"), ("US", "write"), ("SR", "write"), ("DOC", "write"), ("MG", "read")],
)
def test_dcmjs_reads_it_and_writes_it_again(
    metadata: Callable[[str], tuple[Instance, list[dict[str, Any]]]], modality: str, how: str
) -> None:
    instance, found = metadata(modality)
    folder = fetched(DCMJS)
    node = require_tool("node")
    done = subprocess.run(
        [node, "-e", _SCRIPT, how],
        input=json.dumps(found),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    stored = dcmread(instance.path, stop_before_pixels=True)
    first = answer["read"][0]
    assert first["SOPInstanceUID"] == stored.SOPInstanceUID
    assert _name(first["PatientName"]) == str(stored.PatientName)
    assert len(answer["again"]) == len(found)
    for before, after in zip(found, answer["again"], strict=True):
        assert after["00080018"]["Value"] == before["00080018"]["Value"]
        assert after["00100010"]["Value"] == before["00100010"]["Value"]


def _name(value: Any) -> str:
    one = value[0] if isinstance(value, list) else value
    return str(one["Alphabetic"] if isinstance(one, dict) else one)

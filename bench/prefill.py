"""Archives whose index holds many instances already, without their files: what matters is the size of the index."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from storage.archive import INDEX_NAME, Archive
from storage.attributes import ATTRIBUTES, Matching
from storage.batch import Entry
from storage.header import Header, Value
from storage.settings import ArchiveSettings

_BATCH = 20_000
_FAMILY = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
]
_MIDDLE = [
    "Văn",
    "Thị",
    "Hữu",
    "Đức",
    "Minh",
    "Thanh",
    "Ngọc",
    "Quang",
    "Xuân",
    "Thu",
    "Kim",
    "Gia",
    "Bảo",
    "Hồng",
    "Anh",
    "Công",
]
_GIVEN = [
    "An",
    "Bình",
    "Chi",
    "Cường",
    "Dũng",
    "Dung",
    "Đạt",
    "Hà",
    "Hải",
    "Hạnh",
    "Hiếu",
    "Hoa",
    "Hòa",
    "Huệ",
    "Hùng",
    "Hương",
    "Khánh",
    "Lan",
    "Liên",
    "Linh",
    "Long",
    "Mai",
    "Nam",
    "Nga",
    "Nhung",
    "Phúc",
    "Phương",
    "Quân",
    "Sơn",
    "Tâm",
    "Thảo",
    "Thắng",
    "Thủy",
    "Trang",
    "Trung",
    "Tuấn",
    "Tùng",
    "Vinh",
    "Xuân",
    "Yến",
]
_MODALITIES = ("CT", "DX", "US", "MR", "CR", "MG", "XA")


def archive(data: Path, instances: int, *, per_study: int = 5) -> Path:
    """Make an archive in `data` whose index holds so many instances, in studies of five; return `data`."""
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as opened:
        entries: list[Entry] = []
        for entry in synthetic(instances, per_study):
            entries.append(entry)
            if len(entries) == _BATCH:
                opened.index.add_many(entries)
                entries.clear()
        opened.index.add_many(entries)
        opened.index.checkpoint()
    return data


@contextmanager
def copy_of(template: Path) -> Iterator[Path]:
    """Hand out a fresh copy of a prepared archive."""
    with TemporaryDirectory(prefix="bench-", dir=template.parent) as folder:
        shutil.copy(template / INDEX_NAME, folder)
        yield Path(folder)


def synthetic(instances: int, per_study: int, seed: int = 7) -> Iterator[Entry]:
    """Make up entries with plausible names, dates and modalities; the same ones for the same seed."""
    rng = random.Random(seed)
    empty: dict[str, Value] = {a.column: None if a.matching is Matching.NUMBER else "" for a in ATTRIBUTES}
    first_day = date(2016, 1, 1)
    study: dict[str, Value] = {}
    for i in range(instances):
        number, image = divmod(i, per_study)
        if image == 0:
            study = {**empty, **_study(rng, number, first_day)}
        values = {
            **study,
            "sop_instance_uid": f"1.2.826.0.1.3680043.10.998.{number}.1.{image + 1}",
            "instance_number": image + 1,
        }
        day = f"{study['study_date']}"
        yield Entry(
            header=Header(MappingProxyType(values), None),
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            received_on=f"{day[:4]}/{day[4:6]}/{day[6:]}",
            received_at=f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00.000+00:00",
            size=525_000,
            dataset_offset=400,
            dataset_sha256=hashlib.sha256(i.to_bytes(8, "big")).digest(),
        )  # fmt: skip


def _study(rng: random.Random, number: int, first_day: date) -> dict[str, Value]:
    day = (first_day + timedelta(days=number * 3650 // 1_000_000)).strftime("%Y%m%d")
    uid = f"1.2.826.0.1.3680043.10.998.{number}"
    return {
        "patient_name": f"{rng.choice(_FAMILY)}^{rng.choice(_MIDDLE)}^{rng.choice(_GIVEN)}",
        "patient_id": f"BN{rng.randrange(700_000):07}" if number % 3 else f"BN{number:07}",
        "patient_birth_date": f"{rng.randrange(1930, 2020)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}",
        "patient_sex": rng.choice("MF"),
        "study_instance_uid": uid,
        "study_date": day,
        "study_time": f"{rng.randrange(24):02}{rng.randrange(60):02}{rng.randrange(60):02}",
        "accession_number": f"A{number:08}",
        "study_description": "Chụp cắt lớp vi tính ngực",
        "referring_physician_name": f"{rng.choice(_FAMILY)}^{rng.choice(_GIVEN)}",
        "series_instance_uid": f"{uid}.1",
        "modality": rng.choice(_MODALITIES),
        "series_number": 1,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "rows": 512,
        "columns": 512,
        "bits_allocated": 16,
    }

"""The short form of `make chaos`, and proof that it would notice."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from pathlib import Path

from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.chaos import check
from tests.chaos.campaign import campaign, in_words
from tests.chaos.objects import sample
from tests.support.objects import store


def _seed() -> int:
    seed = random.SystemRandom().randrange(1 << 20)
    print(f"replay: python -m tests.chaos --seed {seed}")
    return seed


def test_what_was_acknowledged_survives_kills_under_load(tmp_path: Path) -> None:
    with campaign(tmp_path, _seed()) as one:
        tally = one.run(12)
    assert tally.is_good, in_words(tally)
    assert tally.acknowledged > 20


def test_what_was_acknowledged_survives_kills_and_failing_disks(tmp_path: Path) -> None:
    with campaign(tmp_path, _seed(), fault_rate=0.03) as one:
        tally = one.run(8)
    assert tally.is_good, in_words(tally)
    assert tally.refused.get(0xA700)


def test_each_kind_of_loss_would_be_noticed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    samples = [sample(random.Random(n), n) for n in range(4)]
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for one in samples:
            store(archive, one.data, sop_instance_uid=one.uid)
        paths = [archive.instance(one.uid).path for one in samples]
    acknowledged = {one.uid: hashlib.sha256(one.data).digest() for one in samples}
    assert not check.whole(data, acknowledged)
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-1] + b"?")
    with sqlite3.connect(data / "index.sqlite3") as index:
        index.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (samples[2].uid,))
    index.close()
    (data / "incoming" / "left.part").touch()
    faults = check.whole(data, acknowledged)
    assert set(faults.lost) == {samples[0].uid, samples[1].uid, samples[2].uid}
    assert len(faults.rows_without_files) == 2
    assert [Path(f.split()[-1]).name for f in faults.files_without_rows] == [paths[2].name, "left.part"]

"""The folders of an archive and the moves between them."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.errors import DataFolderError, OutOfSpace, WriteFailed
from storage.files import FileStore, IncomingFile, disk_errors
from storage.model import Outcome
from storage.recovery import recover
from storage.settings import ArchiveSettings, Durability
from tests.support.faults import Disk
from tests.support.objects import INSTANCE, ct, files_below, store


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileStore]:
    opened = FileStore(tmp_path / "data", Durability.FULL)
    opened.prepare()
    yield opened
    opened.close()


def incoming(files: FileStore, data: bytes = b"data") -> IncomingFile:
    f = files.new_incoming(b"p" * 32)
    f.write(data)
    return f


def test_a_file_is_moved_whole_with_its_hash(files: FileStore) -> None:
    f = incoming(files)
    files.place(f, Path("archive/2026/01/31/1/2/3.dcm"))
    f.discard()
    kept = (files.data / "archive/2026/01/31/1/2/3.dcm").read_bytes()
    assert kept[32:] == b"data"
    assert kept[:32].hex() == "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"


def test_a_taken_place_leaves_both_as_they_are(files: FileStore) -> None:
    one, other = incoming(files), incoming(files, b"other")
    files.place(one, Path("archive/x.dcm"))
    with pytest.raises(FileExistsError):
        files.place(other, Path("archive/x.dcm"))
    assert other.path.exists()
    other.discard()
    one.discard()
    assert [p.read_bytes()[32:] for p in files_below(files.data)] == [b"data"]


def test_everything_is_synced_before_place_returns(files: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    for name in ("fdatasync", "fsync"):
        original = getattr(os, name)

        def call(fd: int, name: str = name, original: object = original) -> None:
            steps.append(f"{name} {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")  # noqa: PTH115
            original(fd)  # type: ignore[operator]

        monkeypatch.setattr(os, name, call)
    f = incoming(files)
    name = f.path.name
    files.place(f, Path("archive/2026/01/31/1/2/3.dcm"))
    f.discard()
    # The data, every new folder in its parent, and last the folder with the name.
    assert steps == [
        f"fdatasync {name}",
        *(f"fsync {n}" for n in ("1", "31", "01", "2026", "archive", "data")),
        "fsync 2",
    ]
    steps.clear()
    again = incoming(files)
    files.place(again, Path("archive/2026/01/31/1/2/4.dcm"))
    again.discard()
    assert steps[1:] == ["fsync 2"]


def test_relaxed_durability_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FileStore(tmp_path / "data", Durability.RELAXED)
    files.prepare()
    disk = Disk(monkeypatch)
    disk.fail("fsync", errno.EIO)
    disk.fail("fdatasync", errno.EIO)
    f = incoming(files)
    files.place(f, Path("archive/1/2.dcm"))
    f.discard()
    assert disk.failed == 0
    files.close()


def test_a_folder_that_went_away_is_made_again(files: FileStore) -> None:
    for name in ("a", "b"):
        f = incoming(files)
        files.place(f, Path(f"archive/1/2/{name}.dcm"))
        f.discard()
        shutil.rmtree(files.data / "archive/1")
    f = incoming(files)
    files.place(f, Path("archive/1/2/c.dcm"))
    f.discard()
    assert (files.data / "archive/1/2/c.dcm").exists()


def test_discarding_removes_only_what_was_not_placed(files: FileStore) -> None:
    f = incoming(files)
    f.discard()
    f.discard()
    assert files_below(files.data / "incoming") == []


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, OutOfSpace), (errno.EDQUOT, OutOfSpace), (errno.EIO, WriteFailed)]
)
def test_errors_of_the_disk_have_their_kinds(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="doing this: "), disk_errors("doing this"):
        raise OSError(code, os.strerror(code))


def test_a_taken_name_is_no_error_of_the_disk() -> None:
    with pytest.raises(FileExistsError), disk_errors("doing this"):
        raise FileExistsError


# ---- the data folder


def test_a_file_in_the_place_of_the_folder_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataFolderError, match=r"cannot use the data folder .*data"):
        Archive.open(ArchiveSettings(tmp_path / "data"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "archive").write_text("")
    with pytest.raises(DataFolderError, match="cannot use the data folder"):
        Archive.open(ArchiveSettings(tmp_path / "other"))


def test_a_full_disk_does_not_keep_from_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(code: int) -> None:
        def touch(self: Path) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(Path, "touch", touch)

    files = FileStore(tmp_path / "data", Durability.FULL)
    refuse(errno.ENOSPC)
    files.prepare()
    refuse(errno.EACCES)
    with pytest.raises(DataFolderError, match="Permission denied"):
        files.prepare()


def _mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB of its own."""
    yield from _mounted(tmp_path / "small", "-o", "size=2m")


def test_a_read_only_data_folder_is_said_clearly(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(DataFolderError, match="Read-only file system"):
        Archive.open(ArchiveSettings(small_disk / "data"))


def test_a_full_disk_refuses_keeps_what_it_has_and_recovers(small_disk: Path) -> None:
    with Archive.open(ArchiveSettings(small_disk / "data", minimum_free_bytes=0)) as archive:
        store(archive, ct())
        before = archive.instance(INSTANCE).path.read_bytes()
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(4 << 20))
        for n in range(5):
            with pytest.raises(OutOfSpace):
                store(archive, ct(SOPInstanceUID=f"1.5.{n}", PixelData=bytes(400_000)))
        assert archive.instance(INSTANCE).path.read_bytes() == before
        assert files_below(archive.data / "incoming") == []
        assert len(files_below(archive.data / "archive")) == 1
        ballast.unlink()
        assert store(archive, ct(SOPInstanceUID="1.5.0")).outcome is Outcome.STORED
        recovered = recover(archive)
        assert (recovered.indexed, recovered.missing) == (0, ())


def test_objects_until_the_disk_is_full_are_kept_or_refused_never_half(small_disk: Path) -> None:
    kept: list[str] = []
    with Archive.open(ArchiveSettings(small_disk / "data", minimum_free_bytes=0)) as archive:
        for n in range(60):
            uid = f"1.5.{n}"
            try:
                store(archive, ct(SOPInstanceUID=uid, Rows=128, Columns=128, PixelData=bytes(32_768)))
            except (OutOfSpace, WriteFailed):
                continue
            kept.append(uid)
        assert 5 < len(kept) < 60
        assert {i.sop_instance_uid for _, i in archive.index.walk(0, 100, archive.data)} == set(kept)
        assert {p.stem for p in files_below(archive.data / "archive")} == set(kept)
        assert files_below(archive.data / "incoming") == []


# ---- the folder in incoming/ that tells the living from the dead


def test_only_what_the_dead_left_is_swept(files: FileStore, tmp_path: Path) -> None:
    own = incoming(files)
    living = FileStore(files.data, Durability.FULL)
    alive = incoming(living)
    dead = FileStore(files.data, Durability.FULL)
    left = [incoming(dead), incoming(dead)]
    os.close(dead._mine_fd)  # as the end of its process does
    (files.data / "incoming" / "stray").write_text("")
    assert files.sweep_incoming() == 2
    assert own.path.exists()
    assert alive.path.exists()
    assert not any(f.path.exists() for f in left)
    assert not (files.data / "incoming" / "stray").exists()
    for f in (own, alive, *left):
        f.discard()
    living.close()


def test_a_process_that_is_killed_is_dead(files: FileStore) -> None:
    code = (
        "import sys; from pathlib import Path; from storage.files import FileStore, Durability\n"
        "f = FileStore(Path(sys.argv[1]), Durability.FULL).new_incoming(b''); f.write(b'half')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, files.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert files.sweep_incoming() == 0
    process.kill()
    process.communicate()
    assert files.sweep_incoming() == 1


def test_sweeping_and_starting_at_once_harm_nobody(files: FileStore) -> None:
    stop = threading.Event()
    errors: list[BaseException] = []

    def sweep() -> None:
        while not stop.is_set():
            try:
                files.sweep_incoming()
            except BaseException as e:  # the test looks at it
                errors.append(e)

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for _ in range(200):
            other = FileStore(files.data, Durability.FULL)
            other.prepare()
            f = incoming(other)
            assert f.path.exists()
            f.discard()
            other.close()
    finally:
        stop.set()
        for sweeper in sweepers:
            sweeper.join()
    assert errors == []


def test_holding_is_for_one_at_a_time_and_tells_whether_the_file_is_there(files: FileStore) -> None:
    path = files.data / "archive" / "x.dcm"
    with files.hold(path) as there:
        assert not there
    path.write_bytes(b"")
    with files.hold(path) as there:
        assert there
        fd = os.open(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
    waiting: list[bool] = []

    def wait() -> None:
        with files.hold(path) as there:
            waiting.append(there)

    with files.hold(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.1)
        path.unlink()
        path.write_bytes(b"another file of that name")
    thread.join(10)
    assert waiting == [False]

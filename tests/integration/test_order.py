"""The order of system calls on the way to Success, as the kernel saw them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.objects import INSTANCE, ct, encode
from tests.support.peers import require_tool
from tests.support.processes import running_receiver
from tests.support.wire import Wire

_CALLS = "write,pwrite64,fdatasync,fsync,rename,renameat,renameat2,link,linkat,sendto,sendmsg"


@dataclass(frozen=True)
class Call:
    """One finished system call of one thread."""

    name: str
    arguments: str

    def is_rename(self) -> bool:
        return self.name.startswith(("rename", "link"))

    def quoted(self) -> list[str]:
        """File names given as text, as a rename has them."""
        return re.findall(r'"(/[^"]*)"', self.arguments)

    def names(self) -> list[str]:
        """File names among its arguments, those of descriptors in angle brackets too."""
        return re.findall(r'["<](/[^">]*)[">]', self.arguments)


def _calls(trace: Path) -> list[Call]:
    """Successful calls in the order in which they ended; a call that another thread interrupts is put together."""
    calls, unfinished = [], {}
    for line in trace.read_text(errors="replace").splitlines():
        tid, _, rest = line.partition(" ")
        rest = rest.strip()
        if found := re.match(r"(\w+)\((.*) <unfinished \.\.\.>$", rest):
            unfinished[tid] = found.groups()
        elif found := re.match(r"<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)", rest):
            name, begun = unfinished.pop(tid)
            if int(found[3]) >= 0:
                calls.append(Call(name, begun + found[2]))
        elif (found := re.match(r"(\w+)\((.*)\) += (-?\d+)", rest)) and int(found[3]) >= 0:
            calls.append(Call(found[1], found[2]))
    return calls


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """All calls of a receiver that took twelve objects over three associations."""
    folder = tmp_path_factory.mktemp("order")
    trace = folder / "trace"
    strace = [require_tool("strace"), "-f", "-y", "-s", "4096", "-e", f"trace={_CALLS}", "-o", str(trace)]
    with running_receiver(folder, command=lambda: [*strace, *_python_pacs()]) as running:
        for association in range(3):
            with Wire.connect(running.dicom_port, 30) as wire:
                wire.associate()
                for n in range(4):
                    uid = f"{INSTANCE}.{association}.{n}"
                    ds = ct(SOPInstanceUID=uid, SeriesInstanceUID=f"{INSTANCE}.{association}.{n // 2}")
                    assert wire.store(encode(ds), uid).status == 0
                wire.release()
        # strace keeps signals to itself: the receiver is its child.
        (receiver,) = psutil.Process(running.pid).children()
        receiver.terminate()
        assert running.processes[0].popen is not None
        running.processes[0].popen.wait(30)
    return _calls(trace)


def _python_pacs() -> list[str]:
    import sys

    return [sys.executable, "-m", "pacs"]


def test_every_object_is_synced_renamed_and_its_folder_synced_before_the_response(calls: list[Call]) -> None:
    renames = [n for n, call in enumerate(calls) if call.is_rename() and "/archive/" in call.arguments]
    assert len(renames) == 12
    for at in renames:
        source, target = calls[at].quoted()
        assert source.endswith(".part")
        before = [n for n in range(at) if source in calls[n].names()]
        synced = [n for n in before if calls[n].name in ("fdatasync", "fsync")]
        written = [n for n in before if calls[n].name in ("write", "pwrite64")]
        assert written, "nothing was written"
        assert synced, "the data was not synced before the rename"
        assert max(written) < max(synced), "written to after the sync"
        answered = next(n for n in range(at, len(calls)) if calls[n].name in ("sendto", "sendmsg"))
        folder_synced = [
            n for n in range(at, answered) if calls[n].name == "fsync" and str(Path(target).parent) in calls[n].names()
        ]
        assert folder_synced, "the folder was not synced between rename and response"


def test_every_new_folder_is_in_a_synced_folder(calls: list[Call]) -> None:
    """A file is only there after a power cut when the way to it is: the folders above it were synced before."""
    first_rename = next(n for n, call in enumerate(calls) if call.is_rename() and "/archive/" in call.arguments)
    target = Path(calls[first_rename].quoted()[-1])
    archive = next(p for p in target.parents if p.name == "archive")
    above = [p for p in target.parent.parents if p.is_relative_to(archive)]
    synced = {name for call in calls[:first_rename] if call.name == "fsync" for name in call.names()}
    assert len(above) == 5
    assert {str(p) for p in above} <= synced


def test_the_index_was_written_before_the_response(calls: list[Call]) -> None:
    """Recovery would find the object without it; but whoever was told Success may look at once."""
    for at in [n for n, call in enumerate(calls) if call.is_rename() and "/archive/" in call.arguments]:
        answered = next(n for n in range(at, len(calls)) if calls[n].name in ("sendto", "sendmsg"))
        assert any("index.sqlite3-wal" in calls[n].arguments for n in range(at, answered))

"""A process of its own that stores objects and says, line by line, what was acknowledged.

    python -m tests.support.storing DATA FIRST COUNT [THREADS]

Prints `ready`, waits for a line on its standard input, stores the objects FIRST to FIRST + COUNT, and prints the number
of each one as soon as the archive has said that it is kept.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import ct, encode, store


def uids(n: int) -> dict[str, str]:
    """Object `n`: sixty to a study."""
    return {"StudyInstanceUID": f"1.1{n // 60:05d}", "SOPInstanceUID": f"1.7.1{n:05d}"}


def _changed(template: bytes, n: int) -> bytes:
    """Encoding takes longer than storing, so one object is made the others by its bytes."""
    for old, new in zip(uids(0).values(), uids(n).values(), strict=True):
        template = template.replace(old.encode(), new.encode())
    return template


def main(data: str, first: str, count: str, threads: str = "1") -> None:
    """See the module's top."""
    numbers = range(int(first), int(first) + int(count))
    template = encode(ct(**uids(0)))
    objects = {n: _changed(template, n) for n in numbers}
    archive = Archive.open(ArchiveSettings(Path(data), minimum_free_bytes=0))
    print("ready", flush=True)
    sys.stdin.readline()

    def run(some: range) -> None:
        for n in some:
            store(archive, objects[n])
            sys.stdout.write(f"{n}\n")
            sys.stdout.flush()

    step = int(threads)
    workers = [threading.Thread(target=run, args=(numbers[i::step],)) for i in range(step)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    archive.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

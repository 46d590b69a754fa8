"""The same targets under atheris, which keeps inputs that reach new code; an option (`pip install filmless[fuzz]`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def run_guided(seconds: float, seed: int) -> None:
    """Fuzz with coverage for a time; ends the process, with status 0 when nothing was found."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=["storage", "pacs"]):
        from tests.fuzz.corpus import SYNTAXES, conversations, data_sets
        from tests.fuzz.targets import Targets
    from pacs.logs import quiet_libraries

    quiet_libraries()
    targets = Targets().__enter__()

    def one_input(data: bytes) -> None:
        # The first byte chooses the target, so that one corpus serves all.
        kind, rest = (data[0] if data else 0), data[1:]
        if kind < 128:
            targets.conversation(rest)
        else:
            targets.data_set(SYNTAXES[kind % len(SYNTAXES)], rest)

    folder = Path(tempfile.mkdtemp(prefix="filmless-corpus-"))
    for n, seed_input in enumerate(conversations()):
        (folder / f"conversation-{n}").write_bytes(b"\0" + seed_input)
    for n, (syntax, data) in enumerate(data_sets()):
        kind = next(k for k in range(128, 256) if SYNTAXES[k % len(SYNTAXES)] == syntax)
        (folder / f"data-set-{n}").write_bytes(bytes([kind]) + data)
    options = [f"-max_total_time={int(seconds)}", f"-seed={seed % (1 << 31)}", "-max_len=65536", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, str(folder)], one_input)
    atheris.Fuzz()

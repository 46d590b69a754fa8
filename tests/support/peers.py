"""Real counterparts: programs of other projects that tests talk to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

START_SECONDS = 180.0
"""So long processes may take to come up on a slow computer whose processors are busy with others."""


def require_tool(name: str) -> str:
    """Return the path of a program, or skip the test by its name; with CI=true a missing program is a failure."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return path


def run_tool(
    name: str, *arguments: str | Path | int, check: bool = True, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it said, both streams in `stdout`."""
    done = subprocess.run(
        [require_tool(name), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        env=peer_environment(),
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{name} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done


def peer_environment() -> Mapping[str, str]:
    """The environment for DCMTK and Orthanc: without TCP_NODELAY each message waits for a delayed acknowledgement."""
    return {**os.environ, "TCP_NODELAY": "1"}


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

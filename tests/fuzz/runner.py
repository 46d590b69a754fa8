"""Feeds mutated bytes to the targets for a while; each input follows from the seed and its number alone."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from storage import meta
from storage.model import Source
from tests.fuzz.corpus import SYNTAXES, conversations, data_sets
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import Targets
from tests.support.objects import INSTANCE
from tests.support.wire import CT


@dataclass(frozen=True, slots=True)
class Input:
    """One mutated input and what it is for."""

    kind: str
    syntax: str
    data: bytes


def make(seed: int, number: int) -> Input:
    """Make input `number` of a run."""
    chance = random.Random(f"{seed}:{number}")
    kind = chance.choice(("conversation", "conversation", "data set", "data set", "file"))
    if kind == "conversation":
        return Input(kind, "", mutate(chance, chance.choice(conversations()), conversations()))
    syntax, data = chance.choice(data_sets())
    if chance.random() < 0.1:
        syntax = chance.choice(SYNTAXES)
    others = [d for _, d in data_sets()]
    if kind == "file":
        whole = meta.encode(CT, INSTANCE, syntax, Source()) + data
        return Input(kind, syntax, mutate(chance, whole, others))
    return Input(kind, syntax, mutate(chance, data, others))


def feed(targets: Targets, one: Input) -> None:
    """Give an input to its target."""
    if one.kind == "conversation":
        targets.conversation(one.data)
    elif one.kind == "file":
        targets.file(one.data)
    else:
        targets.data_set(one.syntax, one.data)


def run(seed: int, seconds: float, first: int = 0) -> int:
    """Feed inputs until the time is over; answer with how many.

    Raises:
        Exception: whatever an input caused, with a note of how to make it again.
    """
    number = first
    until = time.monotonic() + seconds
    with Targets() as targets:
        while time.monotonic() < until:
            try:
                feed(targets, make(seed, number))
            except Exception as e:
                e.add_note(f"replay: python -m tests.fuzz --seed {seed} --first {number} --count 1")
                raise
            number += 1
    return number - first

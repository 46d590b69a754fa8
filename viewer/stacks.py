"""A series as a stack of drawable frames, in the order of instance numbers, multi-frame objects unrolled."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from storage.errors import NotFound
from storage.model import Instance, Series
from viewer.evidence.video import is_video
from viewer.lru import Lru

if TYPE_CHECKING:
    from storage.archive import Archive

INSTANCES_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Stack:
    """All instances of a series; `drawable` ones with, for each, the number of frames up to and with it.

    A video is played and not drawn by frame: it is no part of `drawable`.
    """

    instances: tuple[Instance, ...]
    drawable: tuple[Instance, ...]
    ends: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many frames there are to draw."""
        return self.ends[-1] if self.ends else 0

    def at(self, position: int) -> tuple[Instance, int]:
        """Return the instance and its frame index (from 0) at `position` (from 0); `NotFound` outside."""
        i = self.number_at(position)
        return self.drawable[i], position - (self.ends[i - 1] if i else 0)

    def number_at(self, position: int) -> int:
        """Return the number of the instance at `position` among the drawable ones, both from 0; `NotFound` outside."""
        if not 0 <= position < self.total:
            raise NotFound(f"no image {position + 1} in a series of {self.total}")
        return bisect_right(self.ends, position)


class Stacks:
    """Stacks of this archive, kept until their series changes."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: Lru[tuple[str, str, int], Stack] = Lru(INSTANCES_KEPT, lambda stack: len(stack.instances) + 1)

    def of(self, series: Series) -> Stack:
        """Return the stack of `series`."""
        key = (series.study_instance_uid, series.series_instance_uid, series.revision)
        return self._kept.get(key, lambda: self._read(series))

    def _read(self, series: Series) -> Stack:
        return stack_of(self._archive.instances(series.series_instance_uid, series.study_instance_uid))


def stack_of(instances: Sequence[Instance]) -> Stack:
    """Return the stack of `instances`, which are in order already."""
    drawable = tuple(i for i in instances if i.has_pixels and not is_video(i))
    ends = tuple(accumulate(max(instance.number_of_frames or 1, 1) for instance in drawable))
    return Stack(tuple(instances), drawable, ends)

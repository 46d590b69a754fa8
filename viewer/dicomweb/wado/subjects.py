"""What a rendered resource shows: which frames of which instances (PS3.18 10.4.1.1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.errors import NotFound
from storage.model import Instance
from viewer.dicomweb.errors import Refused
from viewer.dicomweb.resources import find_instance, find_series
from viewer.dicomweb.wado.frames import check_numbers, read_list
from viewer.services import archive, services

Shown = tuple[Instance, int]
"""An instance and one of its frames, counted from 0."""


@dataclass(frozen=True, slots=True)
class Subject:
    """All frames that are meant, and the one that stands for them."""

    all: Sequence[Shown]
    one: Shown

    @property
    def is_single(self) -> bool:
        """Whether there is only one."""
        return len(self.all) == 1


def of_study(study: str) -> Subject:
    """Return the frames of a study; one of its first series that has any stands for them.

    Raises:
        NotFound: there is none.
    """
    stacks = [services().stacks.of(one) for one in archive().series(study)]
    shown = [stack.at(i) for stack in stacks for i in range(stack.total)]
    stack = next((stack for stack in stacks if stack.total), None)
    if stack is None:
        raise NotFound("there is no image in this study")
    return Subject(shown, stack.at(stack.total // 2))


def of_series(study: str, series: str) -> Subject:
    """Return the frames of a series; the middle one stands for them. Raises as `of_study`."""
    stack = services().stacks.of(find_series(study, series))
    if not stack.total:
        raise NotFound("there is no image in this series")
    return Subject([stack.at(i) for i in range(stack.total)], stack.at(stack.total // 2))


def of_instance(instance: Instance) -> Subject:
    """Return the frames of an instance; the middle one stands for them. Raises `NotFound` where there are none."""
    if not instance.has_pixels:
        raise NotFound("there is no image in this instance")
    frames = max(instance.number_of_frames or 1, 1)
    return Subject([(instance, i) for i in range(frames)], (instance, frames // 2))


def of_frames(study: str, series: str, instance: str, listed: str) -> Subject:
    """Return the frames of a list; the first one stands for them.

    Raises:
        NotFound: one of them is not there.
        Refused: 400, the list is none.
    """
    found = find_instance(study, series, instance)
    try:
        numbers = read_list(listed)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    check_numbers(numbers, services().frame_store.number_of_frames(found))
    return Subject([(found, number - 1) for number in numbers], (found, numbers[0] - 1))

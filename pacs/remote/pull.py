"""Bring a study of a remote node here: only what is missing, by C-GET or C-MOVE, and counted when it is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pydicom.dataset import Dataset

from pacs.remote import find, get, listing, move
from pacs.remote.calls import Remote, Troubled
from pacs.remote.listing import Listed
from pacs.remote.transfer import Transfer
from storage.archive import Archive
from storage.errors import NotFound
from storage.records.remote import How, Phase, Pull, Trouble

_CHUNK = 100
"""UIDs in one request at image level."""
_Method = tuple[str, Callable[[Sequence[Dataset], Sequence[str]], None]]


def pull(remote: Remote, archive: Archive, asked: Pull, transfer: Transfer) -> None:
    """Pull a study.

    Raises:
        Troubled: not all of it is here.
        Stopped: nobody wants it any more; what came is kept.
    """
    _Pull(remote, archive, asked, transfer).run()


def objects_here(archive: Archive, study_instance_uid: str) -> set[str]:
    """Return the SOP Instance UIDs of a study in the archive, none for an unknown one."""
    try:
        series = archive.series(study_instance_uid)
    except NotFound:
        return set()
    return {
        instance.sop_instance_uid
        for one in series
        for instance in archive.instances(one.series_instance_uid, study_instance_uid)
    }


class _Pull:
    def __init__(self, remote: Remote, archive: Archive, asked: Pull, transfer: Transfer) -> None:
        self._remote = remote
        self._archive = archive
        self._study = asked.study_instance_uid
        self._how = asked.how
        self._transfer = transfer
        self._before = self._count_here()
        self._said = ""
        """What the node said about objects that it could not send."""

    def run(self) -> None:
        self._transfer.enter(Phase.CONNECTING)
        with self._remote.associate([find.PROPOSAL, move.PROPOSAL, get.PROPOSAL]) as assoc:
            offered = {c.abstract_syntax for c in assoc.contexts}
            self._transfer.enter(Phase.COMPARING)
            listed = listing.of_study(self._remote, assoc, self._study)
        if listed is not None and not listed:
            raise self._remote.trouble(Trouble.NOT_THERE)
        here = objects_here(self._archive, self._study)
        missing = None if listed is None else [one for uid, one in listed.items() if uid not in here]
        if missing is None or listed is None:
            self._transfer.enter(Phase.TRANSFERRING)
        else:
            self._transfer.enter(Phase.TRANSFERRING, total=len(listed), already=len(listed) - len(missing))
        if missing is None or missing:
            self._bring(offered, missing, identifiers(self._study, listed, missing))

    def _bring(self, offered: set[str], missing: list[Listed] | None, asked: list[Dataset]) -> None:
        """Use the methods that the node offers, the next one where the first brings nothing at all."""
        methods = self._methods(offered)
        classes = {one.sop_class_uid for one in missing or () if one.sop_class_uid}
        for number, (name, bring) in enumerate(methods, 1):
            self._transfer.enter(Phase.TRANSFERRING, via=name)
            trouble: Troubled | None = None
            try:
                bring(asked, sorted(classes))
            except Troubled as e:
                trouble = e
            self._transfer.enter(Phase.CHECKING)
            lacking = self._lacking(missing)
            came = self._count_here() > self._before
            if number == len(methods) or came or lacking == []:
                self._end(lacking, trouble)
                return

    def _methods(self, offered: set[str]) -> list[_Method]:
        by_get: _Method = ("C-GET", self._get)
        by_move: _Method = ("C-MOVE", self._move)
        wanted = {How.GET: [by_get], How.MOVE: [by_move], How.AUTOMATIC: [by_get, by_move]}[self._how]
        classes = {"C-GET": get.STUDY_ROOT, "C-MOVE": move.STUDY_ROOT}
        found = [method for method in wanted if classes[method[0]] in offered]
        if not found:
            raise self._remote.trouble(Trouble.NO_RETRIEVE, comment="/".join(name for name, _ in wanted))
        return found

    def _get(self, asked: Sequence[Dataset], classes: Sequence[str]) -> None:
        for group in get.groups(classes) or [get.COMMON]:
            get.get(self._remote, self._archive, self._transfer, group, asked)

    def _move(self, asked: Sequence[Dataset], classes: Sequence[str]) -> None:
        self._said = move.move(self._remote, self._transfer, lambda: self._count_here() - self._before, asked)

    def _count_here(self) -> int:
        try:
            return self._archive.study(self._study).number_of_instances
        except NotFound:
            return 0

    def _lacking(self, missing: list[Listed] | None) -> list[str] | None:
        """Return which objects are still not here; None where nobody knows what there should be."""
        if missing is None:
            return None
        here = objects_here(self._archive, self._study)
        lacking = [one.sop_instance_uid for one in missing if one.sop_instance_uid not in here]
        self._transfer.count(done=len(missing) - len(lacking), failed=len(lacking))
        return lacking

    def _end(self, lacking: list[str] | None, trouble: Troubled | None) -> None:
        if lacking == []:
            return
        if lacking is None and trouble is None:
            self._check_unknown()
            return
        told = trouble or self._incomplete(len(lacking or ()))
        for uid in lacking or ():
            self._transfer.lacks(uid, told.problem)
        raise told

    def _incomplete(self, lacking: int) -> Troubled:
        if self._said:
            return self._remote.trouble(Trouble.INCOMPLETE, count=lacking, comment=self._said)
        return self._remote.trouble(Trouble.NOT_ARRIVED, count=lacking)

    def _check_unknown(self) -> None:
        """The node said success and tells no list: believe it where anything is here at all."""
        now = self._count_here()
        if not now or self._said:
            raise self._incomplete(0)
        self._transfer.count(total=now, done=now - self._before, already=self._before)


def identifiers(study: str, listed: Mapping[str, Listed] | None, missing: Sequence[Listed] | None) -> list[Dataset]:
    """Return what to ask for: the whole study, or whole series and single objects where a part is here already."""
    if listed is None or missing is None or len(missing) == len(listed):
        return [find.identifier("STUDY", (), StudyInstanceUID=study)]
    wanted: dict[str, list[str]] = {}
    there: dict[str, int] = {}
    for one in listed.values():
        there[one.series_instance_uid] = there.get(one.series_instance_uid, 0) + 1
    for one in missing:
        wanted.setdefault(one.series_instance_uid, []).append(one.sop_instance_uid)
    asked: list[Dataset] = []
    for series, uids in wanted.items():
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        if len(uids) == there[series]:
            asked.append(find.identifier("SERIES", (), **keys))
            continue
        asked += [
            find.identifier("IMAGE", (), **keys, SOPInstanceUID="\\".join(uids[i : i + _CHUNK]))
            for i in range(0, len(uids), _CHUNK)
        ]
    return asked

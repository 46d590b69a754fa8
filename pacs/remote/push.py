"""Send a study of ours to a remote node: what it has already is left out, and so is what an earlier try brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from pacs.courier import Courier
from pacs.remote import find, listing
from pacs.remote.calls import Remote, Stopped, Troubled, of_status
from pacs.remote.transfer import Transfer
from pacs.retrieve import Cancelled, Delivered, NotSent
from storage.archive import Archive
from storage.errors import NotFound
from storage.model import Instance
from storage.records import Peer
from storage.records.remote import Phase, Push, Trouble

AfterPush = Callable[[Peer, Sequence[Instance]], None]
"""Called once a node has every object of a push, with all of them; what it raises has the push tried again."""
_PERMANENT = frozenset({Trouble.NO_STORE, Trouble.NOT_AUTHORIZED, Trouble.ARCHIVE})


def push(
    remote: Remote,
    archive: Archive,
    asked: Push,
    transfer: Transfer,
    delivered: frozenset[str] = frozenset(),
    after: Sequence[AfterPush] = (),
) -> None:
    """Push a study; `delivered` are the objects that earlier tries brought there.

    Raises:
        Troubled: the node does not have all of it.
        Stopped: nobody wants it any more; what was sent stays there.
    """
    instances = _instances(archive, asked.study_instance_uid)
    if not instances:
        raise remote.trouble(Trouble.STUDY_REMOVED)
    transfer.enter(Phase.CONNECTING, total=len(instances), via="C-STORE")
    theirs = _theirs(remote, transfer, asked.study_instance_uid)
    # What it tells of itself counts more than what we remember of an earlier try.
    there = delivered if theirs is None else theirs
    waiting = [i for i in instances if i.sop_instance_uid not in there]
    before = sum(i.sop_instance_uid in delivered for i in instances if i.sop_instance_uid in there)
    already = len(instances) - len(waiting) - before
    transfer.enter(Phase.TRANSFERRING, done=before, already=already)
    if waiting:
        _send(remote, archive, transfer, waiting)
    for call in after:
        call(remote.peer, instances)


def _instances(archive: Archive, study_instance_uid: str) -> list[Instance]:
    try:
        series = archive.series(study_instance_uid)
    except NotFound:
        return []
    return [i for one in series for i in archive.instances(one.series_instance_uid, study_instance_uid)]


def _theirs(remote: Remote, transfer: Transfer, study_instance_uid: str) -> set[str] | None:
    """Return what the node has of the study; None where it does not tell."""
    with remote.associate([find.PROPOSAL]) as assoc:
        transfer.enter(Phase.COMPARING)
        listed = listing.of_study(remote, assoc, study_instance_uid)
    return None if listed is None else set(listed)


def _send(remote: Remote, archive: Archive, transfer: Transfer, waiting: Sequence[Instance]) -> None:
    failures: list[Troubled] = []
    courier = Courier(
        remote.node(), remote.own_aet, archive, waiting, is_cancelled=remote.should_stop, timeouts=remote.timeouts
    )
    with courier:
        ordered = list(courier.ordered())
        for instance, following in zip(ordered, [*ordered[1:], None], strict=True):
            if remote.should_stop():
                raise Stopped
            try:
                outcome = courier.deliver(instance, following=following)
            except Cancelled:
                raise Stopped from None
            if courier.gave_up:
                raise remote.trouble(Trouble.LOST, comment=courier.gave_up.rpartition(": ")[2])
            if outcome.ok:
                transfer.finished(instance.sop_instance_uid)
                continue
            failures.append(_failure(remote, instance, outcome))
            transfer.finished(instance.sop_instance_uid, failures[-1].problem)
    if failures:
        raise _summary(remote, failures)


def _failure(remote: Remote, instance: Instance, outcome: Delivered) -> Troubled:
    match outcome.not_sent:
        case NotSent.NOT_TAKEN:
            return remote.trouble(Trouble.NO_STORE, comment=instance.sop_class_uid)
        case NotSent.UNREADABLE:
            return remote.trouble(Trouble.ARCHIVE, comment=outcome.reason)
        case NotSent.LOST:
            return remote.trouble(Trouble.LOST, comment=outcome.reason.rpartition(": ")[2])
    status = outcome.status or 0
    return remote.trouble(of_status(status), status=f"{status:04X}H", comment=outcome.reason)


def _summary(remote: Remote, failures: Sequence[Troubled]) -> Troubled:
    """Return one trouble for all: the one they have in common, or their number and the most frequent reason."""
    kinds = Counter(failure.problem.trouble for failure in failures)
    (kind, _), *others = kinds.most_common()
    example = next(f.problem for f in failures if f.problem.trouble is kind)
    comment = " ".join(filter(None, (example.facts.get("status"), example.facts.get("comment"))))
    is_final = all(one in _PERMANENT for one in kinds)
    if not others and kind in (Trouble.OUT_OF_RESOURCES, Trouble.NOT_AUTHORIZED):
        return Troubled(example, is_final=is_final)
    return remote.trouble(Trouble.INCOMPLETE, is_final=is_final, count=len(failures), comment=comment or kind.value)

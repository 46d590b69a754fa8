"""Takes objects to a remote node, for a C-MOVE and for whatever else sends what is stored (PS3.4 B.2.1, C.4.2).

For each SOP class it proposes one context for each transfer syntax that the objects are stored in, so that what is
stored goes out unchanged; one with the uncompressed syntaxes; and one with the lossless compressions, for a node that
takes nothing else. As one association has room for 128 contexts (PS3.8 9.3.2.2), several follow each other when the
objects need more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from pacs import retrieve
from pacs.dimse import Tag, Value
from pacs.requestor import MAXIMUM_CONTEXTS, AssociationFailed, Node, Proposal, Requestor
from pacs.retrieve import Cancelled, Delivered, NotSent
from pacs.upper_layer import ConnectionEnded, ProtocolError, Timeouts
from storage.archive import Archive
from storage.errors import StorageError
from storage.model import Instance
from storage.transcode import COMPRESSED, UNCOMPRESSED

TIMEOUTS = Timeouts(artim=10.0, idle=60.0, pdu=30.0)
_LOOK_SECONDS = 0.04
_MAX_LOSSES = 2
_FALLBACKS = ((UNCOMPRESSED[0], UNCOMPRESSED[1]), COMPRESSED)


def group(instances: Sequence[Instance]) -> list[list[Instance]]:
    """Sort objects into groups whose contexts fit one association each; within a group the order stays."""
    syntaxes: dict[str, set[str]] = {}
    for instance in instances:
        syntaxes.setdefault(instance.sop_class_uid, set()).add(instance.transfer_syntax_uid)
    number: dict[str, int] = {}
    room, last = MAXIMUM_CONTEXTS, 0
    for sop_class, stored in syntaxes.items():
        needed = len(stored) + len(_FALLBACKS)
        if needed > room:
            last, room = last + 1, MAXIMUM_CONTEXTS
        number[sop_class] = last
        room -= needed
    groups: list[list[Instance]] = [[] for _ in range(last + 1)]
    for instance in instances:
        groups[number[instance.sop_class_uid]].append(instance)
    return groups


def proposals(instances: Sequence[Instance]) -> list[Proposal]:
    """Return the contexts to propose for a group of objects."""
    kinds = dict.fromkeys((i.sop_class_uid, i.transfer_syntax_uid) for i in instances)
    stored = [Proposal(sop_class, (syntax,)) for sop_class, syntax in kinds]
    classes = dict.fromkeys(sop_class for sop_class, _ in kinds)
    return [*stored, *(Proposal(sop_class, syntaxes) for sop_class in classes for syntaxes in _FALLBACKS)]


class Courier:
    """Associations to one node, one after the other; a context manager that ends the last one.

    `is_cancelled` is asked while an answer is waited for, `when_sent` called once an object is on its way or cannot be
    sent; `more` is added to each C-STORE request.
    """

    def __init__(
        self,
        node: Node,
        calling_aet: str,
        archive: Archive,
        instances: Sequence[Instance],
        *,
        is_cancelled: Callable[[], bool] = lambda: False,
        when_sent: Callable[[], None] = lambda: None,
        more: dict[Tag, Value] | None = None,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        self._node = node
        self._calling_aet = calling_aet
        self._archive = archive
        self._groups = group(instances)
        self._group_of = {i.sop_class_uid: g for g, several in enumerate(self._groups) for i in several}
        self._is_cancelled = is_cancelled
        self._when_sent = when_sent
        self._more = more or {}
        self._timeouts = timeouts
        self._current = -1
        self._assoc: Requestor | None = None
        self._contexts: dict[str, dict[str, int]] = {}
        self._losses = 0
        self._gave_up = ""

    @property
    def gave_up(self) -> str:
        """Why nothing more can be delivered; empty while it can."""
        return self._gave_up

    def ordered(self) -> Iterator[Instance]:
        """Return the objects in the order that needs the fewest associations."""
        for several in self._groups:
            yield from several

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if self._assoc is not None:
            self._assoc.__exit__(kind, value, at)
            self._assoc = None

    def deliver(self, instance: Instance, priority: int = 0, following: Instance | None = None) -> Delivered:
        """Send one object and wait for the answer; meanwhile, read the beginning of the one that follows.

        After a lost association a new one is tried for the next object; after two losses in a row, or when no
        association can be had, all that follow fail at once.

        Raises:
            Cancelled: the association is aborted.
        """
        if self._gave_up:
            self._when_sent()
            return Delivered(None, self._gave_up, NotSent.LOST)
        try:
            assoc = self._open(self._group_of[instance.sop_class_uid])
            return self._store(assoc, instance, priority, following)
        except Cancelled:
            self._drop()
            raise
        except AssociationFailed as e:
            self._gave_up = str(e)
            return Delivered(None, self._gave_up, NotSent.LOST)
        except (ConnectionEnded, ProtocolError) as e:
            self._drop()
            reason = f"{self._node.aet} at {self._node.host}:{self._node.port}: {e}"
            self._losses += 1
            if self._losses >= _MAX_LOSSES:
                self._gave_up = reason
            return Delivered(None, reason, NotSent.LOST)
        except OSError as e:
            # Our disk failed in the middle of the object: the association is spoilt, the node not to blame.
            self._drop()
            return Delivered(None, f"{instance.path.name}: {e.strerror or e}", NotSent.UNREADABLE)

    def _open(self, number: int) -> Requestor:
        if self._assoc is not None and number == self._current:
            return self._assoc
        if self._assoc is not None:
            self._assoc.release()
            self._assoc = None
        proposed = proposals(self._groups[number])
        assoc = Requestor(self._node, self._calling_aet, proposed, timeouts=self._timeouts)
        self._assoc, self._current, self._contexts = assoc, number, {}
        for context in assoc.contexts:
            by_syntax = self._contexts.setdefault(context.abstract_syntax, {})
            by_syntax.setdefault(context.transfer_syntax, context.context_id)
        return assoc

    def _store(self, assoc: Requestor, instance: Instance, priority: int, following: Instance | None) -> Delivered:
        offered = self._contexts.get(instance.sop_class_uid)
        if not offered or instance.transfer_syntax_uid not in offered:
            # It takes a while, or is not sent at all: nobody should wait for news until then.
            self._when_sent()
        if not offered:
            reason = f"{self._node.aet} does not take this SOP class in any syntax it can be sent in"
            return Delivered(None, reason, NotSent.NOT_TAKEN)
        message_id = assoc.next_message_id()
        command = {**retrieve.store_request(instance, priority), **self._more, Tag.MESSAGE_ID: message_id}
        try:
            with self._archive.in_syntax(instance, tuple(offered)) as (syntax, span):
                assoc.send(offered[syntax], command, span)
        except StorageError as e:
            return Delivered(None, str(e), NotSent.UNREADABLE)
        self._when_sent()
        if following is not None and following.transfer_syntax_uid in self._contexts.get(following.sop_class_uid, {}):
            assoc.read_ahead(following.data_set)
        waited = 0.0
        while not assoc.has_answer(_LOOK_SECONDS):
            waited += _LOOK_SECONDS
            if self._is_cancelled():
                raise Cancelled
            if waited >= self._timeouts.idle:
                raise ConnectionEnded(f"no answer after {self._timeouts.idle:g} s")
        response, _ = assoc.receive()
        self._losses = 0
        return retrieve.outcome_of(response)

    def _drop(self) -> None:
        if self._assoc is not None:
            self._assoc.abort()
            self._assoc = None

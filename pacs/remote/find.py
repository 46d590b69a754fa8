"""C-FIND as SCU, Study Root (PS3.4 C.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs import data_sets
from pacs.contexts import FIND_CLASSES
from pacs.data_sets import DataSetError
from pacs.dimse import CommandField, Tag, Value
from pacs.remote.calls import PENDING, Remote, Troubled, cancel, context_for
from pacs.requestor import Proposal, Requestor
from storage.objects import texts
from storage.records.remote import Trouble

STUDY_ROOT = FIND_CLASSES[1]
PLAIN = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
PROPOSAL = Proposal(STUDY_ROOT, PLAIN)
UTF8 = "ISO_IR 192"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was read of the answers, and whether there are more that were not waited for."""

    answers: tuple[T, ...]
    is_cut: bool


def identifier(level: str, return_keys: tuple[str, ...], **keys: str) -> Dataset:
    """Return an identifier: `keys` with their values, `return_keys` empty.

    It names UTF-8: archives answer in the character set of the question, and Latin-1 has no Vietnamese.
    """
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword in return_keys:
        setattr(ds, keyword, None)
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    ds.SpecificCharacterSet = UTF8
    return ds


def without_character_set(ds: Dataset) -> Dataset | None:
    """Return an identifier for archives that do not know UTF-8; None where a value needs it."""
    plain = Dataset()
    for element in ds:
        if element.keyword != "SpecificCharacterSet":
            if not all(value.isascii() for value in texts(element)):
                return None
            plain.add(element)
    return plain


def find(remote: Remote, assoc: Requestor, asked: Dataset, limit: int, read: Callable[[Dataset], T]) -> Found[T]:
    """Ask, and collect what `read` makes of up to `limit` answers; a decoded answer is large, and there may be many.

    Raises:
        Troubled: it does not offer queries, refuses this one, or does not answer.
        Stopped: nobody waits any more.
    """
    try:
        return _find(remote, assoc, asked, limit, read)
    except Troubled as e:
        plain = without_character_set(asked) if e.problem.trouble is Trouble.STATUS else None
        if plain is None:
            raise
        return _find(remote, assoc, plain, limit, read)


def _find(remote: Remote, assoc: Requestor, asked: Dataset, limit: int, read: Callable[[Dataset], T]) -> Found[T]:
    context = context_for(assoc, [STUDY_ROOT])
    if context is None:
        raise remote.trouble(Trouble.NO_FIND)
    message_id = assoc.next_message_id()
    command: dict[Tag, Value] = {
        Tag.AFFECTED_SOP_CLASS_UID: STUDY_ROOT,
        Tag.COMMAND_FIELD: CommandField.C_FIND_RQ,
        Tag.MESSAGE_ID: message_id,
        Tag.PRIORITY: 0,
        Tag.COMMAND_DATA_SET_TYPE: 0x0001,
    }
    assoc.send(context.context_id, command, data_sets.encode(asked, context.transfer_syntax))
    answers: list[T] = []
    while True:
        remote.wait(assoc)
        response, data = assoc.receive()
        if response.get(Tag.STATUS) not in PENDING:
            break
        if len(answers) == limit:
            cancel(assoc, context.context_id, message_id)
            _drain(remote, assoc)
            return Found(tuple(answers), True)
        try:
            answers.append(read(data_sets.decode(data, context.transfer_syntax)))
        except DataSetError as e:
            raise remote.trouble(Trouble.STATUS, status="", comment=f"an answer cannot be read: {e}") from e
    remote.check_status(response)
    return Found(tuple(answers), False)


def _drain(remote: Remote, assoc: Requestor) -> None:
    """Read what was under way when the cancel was sent, to the final response."""
    while True:
        remote.wait(assoc)
        if assoc.receive()[0].get(Tag.STATUS) not in PENDING:
            return


def text(ds: Dataset, keyword: str) -> str:
    """Return the first value of an attribute as text; empty where there is none."""
    values = several(ds, keyword)
    return values[0] if values else ""


def several(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of an attribute that are not empty."""
    if keyword not in ds:
        return ()
    return tuple(stripped for value in texts(ds[keyword]) if (stripped := value.strip(" \0")))

"""Which presentation contexts are taken."""

from __future__ import annotations

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import AllTransferSyntaxes, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import (
    AllStoragePresentationContexts,
    BasicWorklistManagementPresentationContexts,
    QueryRetrievePresentationContexts,
    StorageCommitmentPresentationContexts,
)

from pacs.contexts import (
    Proposed,
    Result,
    Roles,
    accept_roles,
    choose,
    is_storage,
    negotiate,
    supported_services,
    transfer_syntaxes,
)
from tests.support.wire import CT, EXPLICIT, PRINT, VERIFICATION

_J2K = "1.2.840.10008.1.2.4.90"
# PS3.22: real-time video over RTP; nothing that a C-STORE could carry.
_REAL_TIME = "1.2.840.10008.1.2.7."
_SYNTAXES = [uid for uid in AllTransferSyntaxes if not uid.startswith(_REAL_TIME)]


def _result(abstract: str, *syntaxes: str) -> Result:
    (answer,) = negotiate([Proposed(1, abstract, syntaxes)])
    return answer.result


@pytest.mark.parametrize("context", AllStoragePresentationContexts, ids=lambda c: c.abstract_syntax.name)
def test_every_standard_storage_class_is_taken(context: object) -> None:
    assert _result(str(context.abstract_syntax), EXPLICIT) is Result.ACCEPTED  # type: ignore[attr-defined]


def test_every_retired_storage_class_is_taken() -> None:
    retired = [
        uid
        for uid, (name, kind, _, state, _) in UID_dictionary.items()
        if kind == "SOP Class" and state == "Retired" and "Storage" in name and "Commitment" not in name
    ]
    assert len(retired) >= 20
    assert [uid for uid in retired if _result(uid, EXPLICIT) is not Result.ACCEPTED] == []


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.826.0.1.3680043.2.1",  # private
        "2.25.1",
        "1.3.12.2.1107.5.9.1",  # CSA Non-Image Storage
        "1.2.840.10008.5.1.4.1.1.999.1",  # newer than the dictionary
        "1.2.840.10008.5.1.4.1.1.40",  # retired, and its name went too
        "1.2.840.10008.5.1.4.1.1.12.77",
    ],
)
def test_private_nameless_and_future_storage_classes_are_taken(uid: str) -> None:
    assert _result(uid, EXPLICIT) is Result.ACCEPTED


@pytest.mark.parametrize(
    "uid",
    [
        *sorted(
            {
                str(c.abstract_syntax)
                for contexts in (
                    QueryRetrievePresentationContexts,
                    BasicWorklistManagementPresentationContexts,
                    StorageCommitmentPresentationContexts,
                )
                for c in contexts
                if str(c.abstract_syntax) not in supported_services()
            }
        ),
        "1.2.840.10008.1.3.10",  # Media Storage Directory Storage: a medium's directory, no object
        "1.2.840.10008.5.1.1.9",  # Basic Grayscale Print Management
        "1.2.840.10008.4.2",  # Storage Service Class: no SOP class
        "1.2.840.10008.1.2.1",  # a transfer syntax
        "1.2.840.10008.5.1.4.1.1.201.5",  # Inventory Creation
    ],
)
def test_other_services_are_refused_with_result_3(uid: str) -> None:
    assert _result(uid, EXPLICIT) is Result.ABSTRACT_SYNTAX_NOT_SUPPORTED


@pytest.mark.parametrize("uid", ["", "1.2/3", "../1", "1.2.\x003", "9" * 65, "1.2.840.10008.5.1.4.1.1.x", "1..2"])
def test_what_is_no_uid_is_refused_with_result_3_and_gets_no_role(uid: str) -> None:
    assert _result(uid, EXPLICIT) is Result.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert accept_roles({uid: Roles(scu=True, scp=True)}) == {}


def test_verification_is_offered() -> None:
    assert _result(VERIFICATION, ImplicitVRLittleEndian) is Result.ACCEPTED


@pytest.mark.parametrize("model", [1, 2, 3])
@pytest.mark.parametrize("operation", [2, 3])
def test_every_model_is_retrieved_by_move_and_get(model: int, operation: int) -> None:
    assert _result(f"1.2.840.10008.5.1.4.1.2.{model}.{operation}", EXPLICIT) is Result.ACCEPTED


@pytest.mark.parametrize("uid", _SYNTAXES, ids=lambda uid: uid.name)
def test_every_transfer_syntax_is_taken_alone(uid: str) -> None:
    (answer,) = negotiate([Proposed(5, CT, (uid,))])
    assert (answer.result, answer.transfer_syntax, answer.context_id) == (Result.ACCEPTED, uid, 5)


def test_retired_transfer_syntaxes_are_taken_too() -> None:
    retired = {
        uid
        for uid, (_, kind, _, state, _) in UID_dictionary.items()
        if kind == "Transfer Syntax" and state == "Retired"
    }
    assert retired - transfer_syntaxes() <= {"1.2.840.10008.1.20", "1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.6.2"}
    assert "1.2.840.10008.1.2.4.52" in transfer_syntaxes()


def test_unknown_transfer_syntaxes_are_refused_with_result_4() -> None:
    assert _result(CT, "1.2.3.4") is Result.TRANSFER_SYNTAXES_NOT_SUPPORTED
    assert _result(CT) is Result.TRANSFER_SYNTAXES_NOT_SUPPORTED
    assert _result(CT, "1.2.3.4", _J2K) is Result.ACCEPTED


def test_an_unknown_class_is_result_3_even_with_an_unknown_syntax() -> None:
    assert _result(PRINT, "1.2.3.4") is Result.ABSTRACT_SYNTAX_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((_J2K, ExplicitVRLittleEndian, ImplicitVRLittleEndian), _J2K),
        ((ImplicitVRLittleEndian, ExplicitVRLittleEndian), ExplicitVRLittleEndian),
        ((ExplicitVRBigEndian, ImplicitVRLittleEndian, ExplicitVRLittleEndian), ExplicitVRLittleEndian),
        ((ImplicitVRLittleEndian, _J2K), ImplicitVRLittleEndian),
        (("1.2.3", ExplicitVRBigEndian), ExplicitVRBigEndian),
        ((), None),
    ],
)
def test_the_senders_first_known_syntax_wins_but_explicit_among_the_plain_ones(
    offered: tuple[str, ...], chosen: str | None
) -> None:
    assert choose(offered) == chosen


def test_roles_are_given_for_storage_only() -> None:
    asked = {CT: Roles(scu=True, scp=True), PRINT: Roles(scu=True, scp=True), VERIFICATION: Roles(scu=False, scp=True)}
    assert accept_roles(asked) == {
        CT: Roles(scu=True, scp=True),
        PRINT: Roles(scu=True, scp=False),
    }


def test_who_would_get_no_role_gets_no_answer() -> None:
    assert accept_roles({VERIFICATION: Roles(scu=False, scp=True), CT: Roles(scu=False, scp=False)}) == {}


def test_classes_with_storage_in_a_longer_word_are_not_mistaken() -> None:
    assert not is_storage("1.2.840.10008.1.20.1")
    assert not is_storage("1.2.840.10008.1.20.2")

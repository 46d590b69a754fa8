"""C-ECHO against DCMTK and pynetdicom."""

from __future__ import annotations

from collections.abc import Callable

from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs.receiver import Receiver
from tests.support.peers import run_tool


def test_dcmtk_is_answered(receiver: Callable[..., Receiver]) -> None:
    done = run_tool("echoscu", "-v", "-aec", "FILMLESS", "127.0.0.1", receiver().port)
    assert "Received Echo Response (Success)" in done.stdout


def test_pynetdicom_is_answered(receiver: Callable[..., Receiver]) -> None:
    ae = AE("TEST")
    ae.add_requested_context(Verification)
    assoc = ae.associate("127.0.0.1", receiver().port)
    assert assoc.is_established
    assert assoc.send_c_echo().Status == 0
    assoc.release()
    assert assoc.is_released

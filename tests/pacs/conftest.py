"""Sessions and receivers for the tests of the DICOM side."""

from tests.support.dicom import application, receiver, served, session

__all__ = ["application", "receiver", "served", "session"]

"""Small data sets of messages, whole in memory: identifiers and what N-services carry."""

from __future__ import annotations

import io
import warnings
import zlib

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from pacs.association import Association, Message

MAX_DATA_SET = 4 << 20
"""A list of 50,000 UIDs is below this."""


class DataSetError(Exception):
    """A data set is missing, too long, or cannot be read; `str()` says which."""


def receive(assoc: Association, message: Message, limit: int = MAX_DATA_SET) -> Dataset:
    """Read the data set of a message to its end and decode it.

    Raises:
        DataSetError: it is not there, longer than `limit` bytes, or unreadable.
        ConnectionEnded, ProtocolError: the peer is gone or broke the rules.
    """
    if not message.has_data_set:
        raise DataSetError("the request has no data set")
    parts = bytearray()
    is_long = False
    for fragment in assoc.data_set(message):
        is_long = is_long or len(parts) + len(fragment) > limit
        if not is_long:
            parts += fragment
    if is_long:
        raise DataSetError(f"the data set is longer than {limit} bytes")
    return decode(bytes(parts), message.context.transfer_syntax)


def decode(data: bytes, transfer_syntax_uid: str) -> Dataset:
    """Decode a data set, values included.

    Raises:
        DataSetError: it cannot be read.
    """
    uid = UID(transfer_syntax_uid)
    try:
        if uid == DeflatedExplicitVRLittleEndian:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            data = inflater.decompress(data, MAX_DATA_SET)
            if not inflater.eof:
                raise DataSetError(f"the data set is cut off, or longer than {MAX_DATA_SET} bytes when inflated")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tolerant on read: odd values are judged by whoever uses them
            ds = read_dataset(io.BytesIO(data), uid.is_implicit_VR, uid.is_little_endian)
            _read_values(ds)
    except DataSetError:
        raise
    except Exception as e:
        # pydicom fails with almost anything on hostile bytes; for the peer it is all one.
        raise DataSetError(f"the data set cannot be read ({type(e).__name__})") from e
    return ds


def _read_values(ds: Dataset) -> None:
    """Decode every value now, so that what cannot be read is found here and not later."""
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                _read_values(item)


def encode(ds: Dataset, transfer_syntax_uid: str) -> bytes:
    """Encode a data set as the transfer syntax of its context says."""
    uid = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = uid.is_implicit_VR, uid.is_little_endian
    write_dataset(buffer, ds)
    data = bytes(buffer.getvalue())
    if uid == DeflatedExplicitVRLittleEndian:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflater.compress(data) + deflater.flush()
        data += b"\0" * (len(data) % 2)
    return data

"""Secrets: passwords by argon2id, random tokens by SHA-256.

A password is guessable, so its hash is made slow and memory-hungry. A token has 256 random bits, so a plain SHA-256 is
enough to make a stolen copy of the records useless, and is cheap on every request.
"""

from __future__ import annotations

import hashlib
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

# The second choice of RFC 9106 4 asks for 64 MiB and four lanes; a small computer that also stores and renders takes
# OWASP's equivalent of 19 MiB and one lane, and at most two at a time, so that a burst of sign-ins stays bounded.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)

NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$F/AmPSCrCTUMebVidnzv4Q$TMY2NMwaasbQoteIyKkIrJQ286dI8swnrqrl1WlXrEY"
"""The hash of a random password that was thrown away; as slow to check as any, and made once for all processes."""

TOKEN_PREFIX = "flm_"
"""What an API token begins with, so that scanners for leaked secrets can know it."""


def hash_password(password: str) -> str:
    """Return the argon2id hash in PHC form, with its salt and parameters."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def password_matches(password_hash: str, password: str) -> bool:
    """Tell whether `password` made `password_hash`; a hash that cannot be read matches nothing."""
    with _AT_ONCE:
        try:
            return _HASHER.verify(password_hash, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def new_token(prefix: str = "") -> str:
    """Return 256 fresh random bits as URL-safe text."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Return what is kept of a token: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

"""Small answers that are asked for again and again, such as thumbnails: kept ready to send without asking Flask.

What is kept is good while its study has the revision it had: anything that happens to a study raises that.
"""

from __future__ import annotations

from dataclasses import dataclass

from viewer.lru import Lru

KEPT_BYTES = 32 << 20
KEY_MAX = 2048
"""Characters of the longest key: they are not part of what is weighed."""
Key = tuple[str, str, str]
"""Path, query string and Accept field of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its header fields in lower case, its body, and what it is about."""

    study_instance_uid: str
    revision: int
    etag: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    endpoint: str


class AnswerMemo:
    """One per process, safe between its threads."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._kept: Lru[Key, Answer] = Lru(limit, lambda answer: len(answer.body) + 1000)

    def get(self, key: Key) -> Answer | None:
        """Return an answer to look at; the caller checks its revision."""
        return self._kept.peek(key)

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer in place of an older one."""
        self._kept.put(key, answer)

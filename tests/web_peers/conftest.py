"""One server with the sample studies for all clients that only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.web import Server, running
from tests.support.web_peers import Samples, samples


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The sample studies."""
    return samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def sample_server(filled: Samples) -> Iterator[Server]:
    """A server that shows them."""
    with running(filled.data, "--minimum-free-bytes", "0") as server:
        yield server

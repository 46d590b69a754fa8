"""A program that stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storage.records import Role
from tests.support.stow import ACCEPT_JSON, STOW, bearer
from viewer.services import services_of


@pytest.fixture
def technician(app: Flask) -> dict[str, str]:
    """The header of a program that may store."""
    return dict(bearer(services_of(app).records.tokens.add("ct-room", Role.TECHNICIAN)))


@pytest.fixture
def post(app: Flask, technician: dict[str, str]) -> Callable[..., TestResponse]:
    """Post a body as that program."""

    def send(data: bytes, path: str = "/dicom-web/studies", **headers: str) -> TestResponse:
        fields = {**technician, **STOW, **ACCEPT_JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return app.test_client().post(path, data=data, headers=fields)

    return send

"""What the web side does before it answers: only what it needs."""

from __future__ import annotations

import subprocess
import sys

from flask import Flask
from werkzeug.routing import Rule

from viewer.addresses import LateRule

LATE = ("sqlite_utils", "highdicom", "pydicom.sr", "schemathesis")


def test_nothing_heavy_is_loaded_that_no_request_may_ever_need() -> None:
    """A day's first report may wait a second for its library; each start and each worker may not."""
    code = f"import sys, viewer.server; print([name for name in {LATE} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_addresses_are_built_as_werkzeug_builds_them(app: Flask) -> None:
    """Each rule, with what may stand in it and something more."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            assert isinstance(rule, LateRule) or rule.endpoint == "static"  # which Flask adds before it can be told
            plain = Rule(rule.rule, endpoint=rule.endpoint, methods=rule.methods, defaults=rule.defaults)
            plain.bind(app.url_map, rebind=True)
            values = dict.fromkeys(rule.arguments, 7 if "int:" in rule.rule else "1.2/é")
            for append_unknown in (False, True):
                for _ in range(2):
                    more = {**values, "q": "a b&c"}
                    assert rule.build(more, append_unknown) == plain.build(more, append_unknown)

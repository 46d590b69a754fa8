"""What may stand in an address."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import IntegerConverter, Rule


class WholeNumber(IntegerConverter):
    """`<int:...>` of at most 18 digits: what is longer fits into no column of SQLite, so that it is no address here."""

    regex = "[0-9]{1,18}"


class LateRule(Rule):
    """A rule that makes what builds its address when an address is first built.

    Werkzeug writes, parses and compiles two functions of each rule at once, of which most are never called: most of
    the time that the app took to be put together.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        made: list[Callable[..., tuple[str, str]]] = []
        compile_now = super()._compile_builder

        def build(*args: object, **values: object) -> tuple[str, str]:
            # Two threads at once make it twice, which does no harm.
            builder = made[0] if made else compile_now(append_unknown)
            made[:] = [builder]
            return builder(*args, **values)

        return build

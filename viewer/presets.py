"""Windows that radiologists know by name, for CT only: elsewhere values have no fixed scale."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class Preset:
    """A window in HU; its place in the table is its number key."""

    name: LazyString
    center: float
    width: float


CT_PRESETS = (
    Preset(lazy_gettext("Lung"), -600, 1500),
    Preset(lazy_gettext("Brain"), 40, 80),
    Preset(lazy_gettext("Bone"), 480, 2500),
    Preset(lazy_gettext("Abdomen"), 40, 350),
    Preset(lazy_gettext("Chest"), 40, 350),
    Preset(lazy_gettext("Vessels"), 300, 600),
)


def ct_presets() -> list[dict[str, object]]:
    """Return the table for a page, names in the present language."""
    return [{"name": str(preset.name), "center": preset.center, "width": preset.width} for preset in CT_PRESETS]

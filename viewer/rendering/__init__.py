"""Pictures from stored objects: numpy in, bytes out. Knows PS3.3 C.11 and PS3.4 N.2; knows no HTTP and no archive.

    with open_object(path) as obj:
        prepared = prepare(obj, 0)                       # decoded once; cache it (`prepared.nbytes`)
    render_prepared(prepared, View(window=Window(40, 400))).data     # JPEG bytes, a few milliseconds
    thumbnail(prepared, 128).data
    probe(prepared, row, column)                         # stored value, modality value, unit
    facts(obj, 0, prepared)                              # what the page needs, JSON-able

Frames, rows and columns count from 0. Whatever cannot be shown raises `storage.errors.PixelError` (an object without
pixels too); a view that makes no sense raises `ValueError` when it is made.

Letters and scale as stored are turned with the picture by `Letters.under(pose)` and `screen_spacing`; points by
`image_point` and `screen_point`.
"""

from viewer.rendering.facts import Probe, facts, probe
from viewer.rendering.geometry import Letters, image_point, screen_point, screen_spacing
from viewer.rendering.prepare import Prepared, prepare
from viewer.rendering.render import Rendered, render, render_prepared, thumbnail
from viewer.rendering.spacing import Region, Spacing
from viewer.rendering.view import Pose, View, Window

__all__ = [
    "Letters",
    "Pose",
    "Prepared",
    "Probe",
    "Region",
    "Rendered",
    "Spacing",
    "View",
    "Window",
    "facts",
    "image_point",
    "prepare",
    "probe",
    "render",
    "render_prepared",
    "screen_point",
    "screen_spacing",
    "thumbnail",
]

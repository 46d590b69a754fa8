"""A study or a series as a zip file: the objects as they are stored, and a DICOMDIR over them.

Names are made of counters, never of what an object says: none can lead out of the folder that it is unpacked into.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from storage import dicomdir
from storage.dicomdir import Listed
from storage.model import Instance
from viewer import zip_file
from viewer.services import archive
from viewer.streaming import FileSpan, StreamBody
from viewer.zip_file import Member

MEDIA_TYPE = "application/zip"


def zip_response(instances: Sequence[Instance]) -> Response:
    """Return instances of one study as a zip file to be kept under the study's UID."""
    study = instances[0].study_instance_uid
    members = list(members_of(instances))
    length = zip_file.length(members)
    body = StreamBody(zip_file.pieces(members), length)
    response = Response(body, mimetype=MEDIA_TYPE, direct_passthrough=True)
    response.headers["Content-Length"] = str(length)
    response.headers["Content-Disposition"] = f'attachment; filename="{study}.zip"'
    return response


def members_of(instances: Sequence[Instance]) -> list[Member]:
    """Return the members: DICOMDIR first, then a folder for each series."""
    study = archive().study(instances[0].study_instance_uid)
    of_series: dict[str, list[Instance]] = {}
    for instance in instances:
        of_series.setdefault(instance.series_instance_uid, []).append(instance)
    known = {series.series_instance_uid: series for series in archive().series(study.study_instance_uid)}
    listed = [
        (known[uid], [Listed(one, ("DICOM", f"S{s:07}", f"I{i:07}")) for i, one in enumerate(found, 1)])
        for s, (uid, found) in enumerate(of_series.items(), 1)
    ]
    directory = Member("DICOMDIR", dicomdir.encode(study, listed))
    files = [one for _, series in listed for one in series]
    return [directory, *(Member("/".join(f.file_id), FileSpan(f.instance.path, 0, f.instance.size)) for f in files)]

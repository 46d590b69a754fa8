"""What a study holds besides plain images, for the reading room: tags, masks, contours, waveforms, videos, priors."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, send_file

from storage.model import Instance
from viewer.etags import etag_of, is_known, kept
from viewer.evidence import priors, segmentation, structures, tags, video, waveform
from viewer.pages.found import find_instance
from viewer.permissions import Permission, needs
from viewer.services import archive, services

_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

bp = Blueprint("objects", __name__, url_prefix="/study/<study>")


@bp.get("/priors")
@needs(Permission.VIEW_STUDIES)
def prior_studies(study: str) -> Response:
    """Return the patient's other studies, the newest first; `doubtful` where name, birth date or sex disagree."""
    found = archive().study(study)
    others = priors.other_studies(archive(), found)
    return jsonify(
        studies=[
            {
                "study": other.study_instance_uid,
                "date": other.study_date,
                "time": other.study_time,
                "description": other.study_description,
                "accession": other.accession_number,
                "modalities": list(other.modalities),
                "series": other.number_of_series,
                "instances": other.number_of_instances,
                "doubtful": priors.is_doubtful(found, other),
                "earlier": (other.study_date, other.study_time) < (found.study_date, found.study_time),
            }
            for other in others
        ]
    )


@bp.get("/likenesses")
@needs(Permission.VIEW_STUDIES)
def likenesses(study: str) -> Response:
    """Return what each series with images is like, to find the one that goes with a series of another study."""
    found = (priors.likeness(series, services().stacks) for series in archive().series(study))
    return jsonify(series=[likeness.json() for likeness in found if likeness is not None])


@bp.get("/instances/<instance>/tags")
@needs(Permission.VIEW_STUDIES)
def tag_tree(study: str, instance: str) -> Response:
    """Return the attributes of an object as a tree; with `q`, those that hold it and what they stand in."""
    return jsonify(tags.tag_tree(find_instance(study, instance), request.args.get("q", "")[:100]))


@bp.get("/instances/<instance>/segmentation")
@needs(Permission.VIEW_STUDIES)
def segments(study: str, instance: str) -> Response:
    """Return the segments of a segmentation, and which of its frames lies over which image."""
    return jsonify(segmentation.describe(archive(), find_instance(study, instance)))


@bp.get("/instances/<instance>/frames/<int:frame>/mask")
@needs(Permission.VIEW_STUDIES)
def mask(study: str, instance: str, frame: int) -> Response:
    """Return a frame of a segmentation as PNG, 255 inside; `segment` chooses from a label map."""
    found = find_instance(study, instance)
    segment = request.args.get("segment", 0, type=int)
    etag = etag_of("mask", found.dataset_sha256, frame, segment)
    if is_known(etag):
        return kept(Response(status=304), etag)
    return kept(Response(segmentation.mask(found, frame, segment), mimetype="image/png"), etag)


@bp.get("/instances/<instance>/structures")
@needs(Permission.VIEW_STUDIES)
def contours(study: str, instance: str) -> Response:
    """Return the structures of a structure set and their contours in pixels of the images they lie on."""
    return jsonify(structures.describe(archive(), find_instance(study, instance)))


@bp.get("/instances/<instance>/waveform")
@needs(Permission.VIEW_STUDIES)
def drawing(study: str, instance: str) -> Response:
    """Return a waveform as SVG, an ECG at 25 mm/s and 10 mm/mV."""
    found = find_instance(study, instance)
    etag = etag_of("waveform", found.dataset_sha256)
    if is_known(etag):
        return kept(Response(status=304), etag)
    response = Response(waveform.drawing(waveform.read_channels(found)), mimetype="image/svg+xml")
    response.headers["Content-Security-Policy"] = _DRAWING_POLICY
    return kept(response, etag)


@bp.get("/instances/<instance>/video")
@needs(Permission.VIEW_STUDIES)
def play(study: str, instance: str) -> Response:
    """Return the video in an object as MP4, in parts where those are asked for."""
    found: Instance = find_instance(study, instance)
    path = video.video_file(found, archive().data / "cache" / "video")
    return send_file(path, mimetype="video/mp4", conditional=True, etag=found.dataset_sha256.hex())

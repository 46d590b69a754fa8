"""Retrieve Rendered (PS3.18 10.4.1.1.3): pictures of frames, and other objects as what a browser shows.

An object with many frames is shown by its middle one, by all of them in parts, as an animated GIF or as a video (see
`video`). What is stored as video is sent as it is.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from PIL import Image

from storage.errors import WriteFailed
from storage.files import disk_errors
from storage.model import Instance, Study
from storage.names import display as person_name
from storage.pixels import stream_of
from viewer import display
from viewer.auth import address, signed_in
from viewer.dicomweb import multipart
from viewer.dicomweb.errors import PREFIX, Refused, not_acceptable
from viewer.dicomweb.media_types import MediaType, choose, parse, related
from viewer.dicomweb.negotiation import accepted_types
from viewer.dicomweb.resources import find_instance
from viewer.dicomweb.wado import parameters as parameters_of
from viewer.dicomweb.wado import presented, subjects, video
from viewer.dicomweb.wado.forms import is_video, media_type_of
from viewer.dicomweb.wado.parameters import Parameters, Region
from viewer.dicomweb.wado.picture import GIF, JP2, JPEG, PNG, animate, draw, drawn, encode, srgb_profile
from viewer.dicomweb.wado.presented import State
from viewer.dicomweb.wado.subjects import Shown, Subject
from viewer.documents import Kind, kind_of, read_pdf, read_report
from viewer.etags import etag_of, is_known, kept
from viewer.frames import Frames
from viewer.permissions import Permission, needs
from viewer.ranges import ranged
from viewer.rendering import Prepared
from viewer.rendering.attributes import number
from viewer.services import archive, services
from viewer.streaming import FileSpan, StreamBody

ANIMATED_MAX = 300
ANIMATED_SIDE = 512
ANIMATED_PIXELS = ANIMATED_MAX * ANIMATED_SIDE * ANIMATED_SIDE
"""Of all frames together: they are in memory at once."""
_MILLISECONDS = 100
PICTURES = tuple(parse(name) for name in (JPEG, PNG, GIF, JP2))
_PARTS = (related(JPEG), related(PNG))
OFFERED = (*PICTURES, *_PARTS)
_MP4 = parse(video.MP4)
_HTML, _PLAIN = parse("text/html"), parse("text/plain")
_PDF = parse("application/pdf")
# A report is text of a stranger's making: nothing in it may run.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

bp = Blueprint("wado_rendered", __name__, url_prefix=PREFIX)


@bp.get("/studies/<study>/rendered")
@needs(Permission.VIEW_STUDIES)
def of_study(study: str) -> Response:
    """Return a picture that stands for a study, or pictures of all its frames in parts."""
    archive().study(study)
    return _pictures(subjects.of_study(study), OFFERED)


@bp.get("/studies/<study>/series/<series>/rendered")
@needs(Permission.VIEW_STUDIES)
def of_series(study: str, series: str) -> Response:
    """Return a picture that stands for a series, or pictures of all its frames in parts."""
    return _pictures(subjects.of_series(study, series), OFFERED)


@bp.get("/studies/<study>/series/<series>/instances/<instance>/rendered")
@needs(Permission.VIEW_STUDIES)
def of_instance(study: str, series: str, instance: str) -> Response:
    """Return an instance as a picture, a video, a PDF or text, by what it is."""
    found = find_instance(study, series, instance)
    if is_video(found.transfer_syntax_uid):
        return _video(found)
    match kind_of(found):
        case Kind.PDF:
            return document(found, _negotiated([_PDF]))
        case Kind.REPORT:
            return document(found, _negotiated([_HTML, _PLAIN]))
        case Kind.VIEW:
            return _presented(found)
        case _:
            subject = subjects.of_instance(found)
            return _pictures(subject, OFFERED if subject.is_single else (*OFFERED, *_videos()))


@bp.get("/studies/<study>/series/<series>/instances/<instance>/frames/<listed>/rendered")
@needs(Permission.VIEW_STUDIES)
def of_frames(study: str, series: str, instance: str, listed: str) -> Response:
    """Return frames as pictures: one bare or in a part, several in parts or as an animation."""
    subject = subjects.of_frames(study, series, instance, listed)
    return _pictures(subject, OFFERED if subject.is_single else (*_PARTS, PICTURES[2], *_videos()))


def _videos() -> tuple[MediaType, ...]:
    return (_MP4,) if video.is_possible() else ()


def _pictures(subject: Subject, offered: Sequence[MediaType]) -> Response:
    asked = _parameters()
    chosen = _negotiated(offered)
    _check_profile(asked, chosen)
    study = subject.one[0].study_instance_uid
    services().looks.looked(signed_in(), study, address())
    is_animated = chosen.essence == GIF and not subject.is_single
    shown = subject.all if chosen.type in ("multipart", "video") or is_animated else [subject.one]
    etag = etag_of_pictures(shown, asked, chosen)
    if is_known(etag):
        return _kept(Response(status=304), etag)
    drawing = Drawing.of(study, asked)
    if is_animated:
        return _kept(_animation(shown, drawing), etag)
    if chosen is _MP4:
        return _kept(_filmed(shown, drawing, etag), etag)
    if chosen.type == "multipart":
        return _kept(_parts(shown, drawing, chosen, etag), etag)
    return _kept(Response(drawing.picture(subject.one, chosen.essence), mimetype=chosen.essence), etag)


def etag_of_pictures(shown: Sequence[Shown], asked: Parameters, chosen: MediaType) -> str:
    """Return the ETag of pictures of these frames."""
    hashes = b"".join(instance.dataset_sha256 + index.to_bytes(4, "little") for instance, index in shown)
    return etag_of("rendered", hashes, asked, chosen)


@dataclass(frozen=True, slots=True)
class Drawing:
    """How frames are drawn; all that is needed of the request, as parts are drawn when the client takes them."""

    frames: Frames
    asked: Parameters
    words: tuple[str, ...]

    @classmethod
    def of(cls, study_instance_uid: str, asked: Parameters) -> Drawing:
        """Return what the present request asks for."""
        words = _words(archive().study(study_instance_uid), asked) if asked.annotation else ()
        return cls(services().frames, asked, words)

    def picture(self, shown: Shown, media_type: str) -> bytes:
        """Return one frame as a picture; raises `PixelError`, `NotFound` and `QueryError`."""
        return self._drawn(self.frames.prepared(*shown), shown[0], media_type)

    def one_of_many(self, shown: Shown, media_type: str) -> bytes:
        """Return one frame of many as a picture, without keeping what it is drawn from. Raises as `picture`.

        Nobody is about to ask for the same frames with another window, and they would fill the memory for nothing.
        """
        prepared = self.frames.prepared_at_hand(*shown) or self.frames.prepared_once(*shown)
        return self._drawn(prepared, shown[0], media_type)

    def _drawn(self, prepared: Prepared, instance: Instance, media_type: str) -> bytes:
        return drawn(prepared, self.asked, media_type, self.words, self._profile(instance))

    def whole(self, shown: Shown) -> Image.Image:
        """Return one frame for a video. Raises as `picture`."""
        return draw(self.frames.prepared_once(*shown), self.asked, self.words)

    def small(self, shown: Shown) -> Image.Image:
        """Return one frame for an animation. Raises as `picture`."""
        image = self.whole(shown)
        if self.asked.viewport is None:
            image.thumbnail((ANIMATED_SIDE, ANIMATED_SIDE))
        return image

    def _profile(self, instance: Instance) -> bytes | None:
        if self.asked.profile == "srgb":
            return srgb_profile()
        if self.asked.profile == "no":
            return None
        with self.frames.opened(instance) as obj:
            paths = obj.ds.get("OpticalPathSequence") or [obj.ds]
            found = paths[0].get("ICCProfile") or obj.ds.get("ICCProfile")
        return bytes(found) if isinstance(found, bytes) else None


def _presented(found: Instance) -> Response:
    """Return the first image that a presentation state is for, as it says (PS3.18 10.4.1.1.3)."""
    state, asked, chosen = presented.state_in(found), _parameters(), _negotiated(PICTURES)
    _check_profile(asked, chosen)
    if asked.window is not None or (asked.viewport is not None and asked.viewport.region != Region()):
        raise Refused(400, "The window and the region are those of the presentation state; leave them out.")
    shown = state.image()
    services().looks.looked(signed_in(), found.study_instance_uid, address())
    return _kept(presented_picture(state, shown, asked, chosen), etag_of_state(state, shown, asked, chosen))


def etag_of_state(state: State, shown: Shown, asked: Parameters, chosen: MediaType) -> str:
    """Return the ETag of a picture as a presentation state shows it."""
    return etag_of("presented", state.instance.dataset_sha256, shown[0].dataset_sha256, shown[1], asked, chosen)


def presented_picture(state: State, shown: Shown, asked: Parameters, chosen: MediaType) -> Response:
    """Return a frame as a presentation state shows it, or nothing but 304 to one who has it."""
    if is_known(etag_of_state(state, shown, asked, chosen)):
        return Response(status=304)
    drawing = Drawing.of(shown[0].study_instance_uid, asked)
    sides = None if asked.viewport is None else (asked.viewport.width, asked.viewport.height)
    prepared = drawing.frames.prepared(*shown)
    image = presented.draw(prepared, state.on(prepared), sides, drawing.words)
    return Response(encode(image, chosen.essence, asked.quality), mimetype=chosen.essence)


def _parameters() -> Parameters:
    try:
        return parameters_of.read(request.args)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _check_profile(asked: Parameters, chosen: MediaType) -> None:
    """Refuse a profile for what holds none (PS3.18 8.3.5.1.5)."""
    if asked.profile != "no" and (chosen.parameter("type") or chosen.essence) not in (JPEG, PNG):
        raise Refused(400, f"No ICC profile is put into {chosen.essence}; leave it out, or take {JPEG} or {PNG}.")


def _parts(shown: Sequence[Shown], drawing: Drawing, chosen: MediaType, boundary: str) -> Response:
    media_type = chosen.parameter("type") or JPEG

    def pieces() -> Iterator[bytes]:
        for one in shown:
            data = drawing.one_of_many(one, media_type)
            yield multipart.part_head(boundary, media_type, length=len(data))
            yield data
        yield multipart.end(boundary)

    return Response(
        StreamBody(pieces()), content_type=multipart.content_type(chosen, boundary), direct_passthrough=True
    )


def _animation(shown: Sequence[Shown], drawing: Drawing) -> Response:
    if len(shown) > ANIMATED_MAX:
        raise Refused(406, f"An animation has up to {ANIMATED_MAX} frames, here are {len(shown)}; take them in parts.")
    viewport = drawing.asked.viewport
    if viewport is not None and len(shown) * viewport.width * viewport.height > ANIMATED_PIXELS:
        side = int((ANIMATED_PIXELS / len(shown)) ** 0.5)
        raise Refused(406, f"An animation of {len(shown)} frames has up to {side} x {side} pixels; take them in parts.")
    return Response(animate(map(drawing.small, shown), _frame_time(shown[0][0])), mimetype=GIF)


def _filmed(shown: Sequence[Shown], drawing: Drawing, etag: str) -> Response:
    first, kept_videos = shown[0][0], services().videos
    size = (first.rows or 0) * (first.columns or 0) if drawing.asked.viewport is None else drawing.asked.viewport.pixels
    if size * len(shown) > video.PIXELS_MAX:
        raise Refused(406, f"A video of {len(shown)} frames of this size is too long; take them in parts.")
    span = kept_videos.span(etag)
    if span is None:
        pace = services().frames.facts(*shown[0])["cine"]["frames_per_second"]
        pictures = map(drawing.whole, shown)
        with disk_errors("cannot write a video"):
            kept_videos.make(etag, lambda path: video.write(pictures, pace, drawing.asked.quality, path))
        span = kept_videos.span(etag)
    if span is None:
        raise WriteFailed("the video cannot be kept in the cache")
    return ranged(span, video.MP4, etag)


def _frame_time(instance: Instance) -> int:
    with services().frames.opened(instance) as obj:
        stated = number(obj.ds, "FrameTime")
    return min(max(round(stated), 20), 2000) if stated else _MILLISECONDS


def _words(study: Study, asked: Parameters) -> tuple[str, ...]:
    lines = []
    if "patient" in asked.annotation:
        born = " ".join(filter(None, (display.date(study.patient_birth_date), study.patient_sex)))
        lines += [person_name(study.patient_name), study.patient_id, born]
    if "technique" in asked.annotation:
        when = f"{display.date(study.study_date)} {display.time(study.study_time)}".strip()
        lines += [study.institution_name, when, f"{' '.join(study.modalities)} {study.study_description}".strip()]
    return tuple(line for line in lines if line)


def _video(instance: Instance) -> Response:
    media_type = media_type_of(instance.transfer_syntax_uid)
    _negotiated([parse(media_type)])
    services().looks.looked(signed_in(), instance.study_instance_uid, address())
    spans = stream_of(instance)
    etag = etag_of("video", instance.dataset_sha256)
    if len(spans) == 1:
        # One run of bytes can be asked for in ranges, which players need to seek.
        span = FileSpan(instance.path, spans[0].offset, spans[0].length)
        return _kept(ranged(span, media_type, etag), etag)
    length = sum(span.length for span in spans)
    body = StreamBody([FileSpan(instance.path, span.offset, span.length) for span in spans], length)
    return _kept(Response(body, mimetype=media_type, direct_passthrough=True), etag)


def document(instance: Instance, chosen: MediaType) -> Response:
    """Return a PDF or a report as what it is; raises `PixelError` where it cannot be read."""
    services().looks.looked(signed_in(), instance.study_instance_uid, address())
    etag = etag_of("document", instance.dataset_sha256, chosen)
    if is_known(etag):
        return _kept(Response(status=304), etag)
    if chosen == _PDF:
        return _kept(Response(read_pdf(instance), mimetype="application/pdf"), etag)
    title, lines = read_report(instance)
    words = [(line.depth, f"{line.concept}: {line.words}" if line.value else line.concept) for line in lines]
    if chosen == _PLAIN:
        text = "\n".join([title, *("  " * depth + line for depth, line in words)])
        return _kept(Response(text + "\n", mimetype="text/plain"), etag)
    paragraphs = "".join(f'<p style="margin-left:{depth}em">{html.escape(line)}</p>' for depth, line in words)
    page = f"<!DOCTYPE html><title>{html.escape(title)}</title><h1>{html.escape(title)}</h1>{paragraphs}"
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _REPORT_POLICY
    return _kept(response, etag)


def _negotiated(offered: Sequence[MediaType]) -> MediaType:
    chosen = choose(accepted_types(), offered)
    if chosen is not None:
        return chosen
    if any(wanted.type == "video" for wanted in accepted_types()):
        names = ", ".join(map(str, offered))
        how = "with several frames" if video.is_possible() else "with several frames once filmless[video] is installed"
        raise Refused(406, f"Video is sent where it is stored, and made of one object {how}; these can be had: {names}")
    raise not_acceptable(offered)


def _kept(response: Response, etag: str) -> Response:
    response.vary.add("Accept")
    return kept(response, etag)

"""The Flask app: put together from its parts, nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flask import Flask, request
from werkzeug.wrappers import Response

from storage.archive import Archive
from storage.records import Records
from viewer import auth, cors, display, errors, language, looking, page_context, security, series_stream
from viewer.addresses import LateRule, WholeNumber
from viewer.answer_memo import AnswerMemo
from viewer.config import ViewerSettings
from viewer.dicomweb.blueprints import blueprints as dicomweb_blueprints
from viewer.dicomweb.prepared import PreparedMetadata
from viewer.dicomweb.totals import Totals
from viewer.disk_cache import DiskCache
from viewer.evidence.key_marks import KeyMarks
from viewer.frame_store import FrameStore
from viewer.frames import Frames
from viewer.look_log import LookLog
from viewer.lru import Lru
from viewer.object_store import ObjectStore
from viewer.pages import blueprints
from viewer.reading.prepared import PreparedFacts
from viewer.request_counts import RequestCounts
from viewer.services import Services, attach, services
from viewer.stacks import Stacks

FORM_PARTS_MAX = 100
WERKZEUG_MARGIN = 1 << 16
THUMBNAIL_BYTES = 16 << 20
VIDEO_BYTES = 4 << 30
KEEPERS = 12
"""Threads that wait for the disk, most of the time: syncs that wait together are one write of its journal."""


def create_app(settings: ViewerSettings) -> Flask:
    """Open the archive and the records in `settings.data` and return the app that shows them.

    Raises:
        storage.errors.DataFolderError: the folder cannot be used.
    """
    app = Flask(__name__)
    app.url_rule_class = LateRule
    attach(app, _open(settings))
    # Above the adapter's limit, which refuses: Werkzeug's own would silently cut a body that names no length.
    app.config["MAX_CONTENT_LENGTH"] = settings.body_max_bytes + WERKZEUG_MARGIN
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.body_max_bytes
    app.config["MAX_FORM_PARTS"] = FORM_PARTS_MAX
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    language.register(app)
    display.register(app)
    errors.register(app)
    page_context.register(app)
    app.after_request(_count)
    app.url_map.converters["int"] = WholeNumber
    first = (cors.bp, security.bp, auth.bp, looking.bp)
    for blueprint in (*first, *blueprints(), series_stream.bp, *dicomweb_blueprints()):
        app.register_blueprint(blueprint)
    return app


def _open(settings: ViewerSettings) -> Services:
    archive = Archive.open(settings.archive())
    records = Records.open(Path(settings.data))
    frames = Frames()
    return Services(
        settings=settings,
        archive=archive,
        records=records,
        requests=RequestCounts(),
        frames=frames,
        frame_store=FrameStore(archive.data / "cache" / "frames"),
        object_store=ObjectStore(archive.data / "cache" / "objects"),
        videos=DiskCache(archive.data / "cache" / "videos", VIDEO_BYTES),
        stacks=Stacks(archive),
        key_marks=KeyMarks(archive, frames),
        thumbnails=Lru(THUMBNAIL_BYTES, len),
        looks=LookLog(records),
        memo=AnswerMemo(),
        metadata=PreparedMetadata(archive),
        facts=PreparedFacts(archive.data / "cache" / "facts", frames),
        totals=Totals(archive),
        keepers=ThreadPoolExecutor(KEEPERS, thread_name_prefix="keep"),
    )


def _count(response: Response) -> Response:
    services().requests.add(request.endpoint or "", response.status_code)
    return response

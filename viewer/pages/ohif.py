"""A built OHIF, mounted at `/ohif/` by setting: its files as they are, and a configuration that points here.

OHIF is built to stand at the root of a site. Where it stands is said in its start page and in the scripts that load
others, so these are sent with that put right, scripts and styles from a copy in the cache folder. It is an app of one
page, so an address that is no file of it is that page, too.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, redirect, request, send_file, url_for
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as BaseResponse

from viewer.permissions import Permission, needs
from viewer.services import archive, services

bp = Blueprint("ohif", __name__, url_prefix="/ohif")

_PUBLIC_PATHS = {".js": b'__webpack_require__.p = "/"', ".css": b"url(/"}
KEEP_SECONDS = 31_536_000
KEEP_PLAIN_SECONDS = 600
_HASHED = re.compile(r"\.[0-9a-f]{16,32}\.|^[0-9a-f]{16,32}\.")
_ROOTED = re.compile(r"""(\b(?:src|href|content)=")/(?!/)""")
POLICY = "; ".join(
    (
        "default-src 'self'",
        # It compiles WebAssembly codecs, makes workers from blobs, and evaluates templates of its own.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "object-src 'self' blob:",
        "frame-src 'self' blob:",
        "connect-src 'self' blob: data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Wider than ours, and only under this path: nothing but this server may be reached or run."""

CONFIG = {
    "name": "config/filmless.js",
    "routerBasename": "/ohif",
    "extensions": [],
    "modes": [],
    "customizationService": {"ohif.tours": {"$set": []}},
    "showStudyList": True,
    "maxNumberOfWebWorkers": 3,
    "showWarningMessageForCrossOrigin": False,
    "showCPUFallbackMessage": True,
    "showLoadingIndicator": True,
    "strictZSpacingForVolumeViewport": True,
    "groupEnabledModesFirst": True,
    "investigationalUseDialog": {"option": "never"},
    "maxNumRequests": {"interaction": 100, "thumbnail": 75, "prefetch": 25},
    "defaultDataSourceName": "filmless",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "filmless",
            "configuration": {
                "friendlyName": "Filmless",
                "name": "Filmless",
                "wadoUriRoot": "/dicom-web/wado",
                "qidoRoot": "/dicom-web",
                "wadoRoot": "/dicom-web",
                "qidoSupportsIncludeField": True,
                "supportsReject": True,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": True,
                "supportsWildcard": True,
                "dicomUploadEnabled": True,
                "singlepart": "bulkdata,video,pdf",
                "bulkDataURI": {"enabled": True},
                "omitQuotationForMultipartRequest": False,
            },
        }
    ],
}

_TELLS_FAILURES = "window.config.httpErrorHandler = (error) => console.warn('not loaded:', error);\n"
"""It calls this for every image and request that fails, also one that it gave up itself; without it, it stumbles."""


@bp.get("/app-config.js")
@needs(Permission.VIEW_STUDIES)
def config() -> Response:
    """Return the configuration, in place of the one that was built in."""
    _folder()
    script = f"window.config = {json.dumps(CONFIG)};\n{_TELLS_FAILURES}"
    return Response(script, content_type="text/javascript; charset=utf-8")


@bp.get("")
@needs(Permission.VIEW_STUDIES)
def without_slash() -> BaseResponse:
    """Go to the start page."""
    _folder()
    return redirect(url_for("ohif.file", name=""))


@bp.get("/")
@bp.get("/<path:name>")
@needs(Permission.VIEW_STUDIES)
def file(name: str = "") -> BaseResponse:
    """Send a file of the app, or its start page."""
    folder = _folder()
    inside = safe_join(str(folder), name)
    if name in ("", "index.html") or inside is None or not Path(inside).is_file():
        if "." in name.rpartition("/")[2] and name != "index.html":
            raise NotFound  # a file that the build lacks; the start page in its place would be a riddle
        return _start_page(folder)
    response = send_file(_rebased(Path(inside), archive().data / "cache") if name.endswith((".js", ".css")) else inside)
    response.headers["Content-Security-Policy"] = POLICY
    if _HASHED.search(name):
        response.headers["Cache-Control"] = f"private, max-age={KEEP_SECONDS}, immutable"
    else:
        response.headers["Cache-Control"] = f"private, max-age={KEEP_PLAIN_SECONDS}"
    return response


def _start_page(folder: Path) -> Response:
    try:
        text = (folder / "index.html").read_text(encoding="utf-8")
    except OSError:
        raise NotFound("the folder of the setting holds no built OHIF") from None
    base = f"{request.script_root}/ohif/"
    # One of its libraries asks for `__filename` when a style sheet happens to arrive after its script, and fails.
    text = _ROOTED.sub(lambda match: match[1] + base, text).replace(
        "window.PUBLIC_URL = '/'", f"window.__filename = window.PUBLIC_URL = '{base}'"
    )
    return Response(text, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})


def _rebased(script: Path, cache: Path) -> Path:
    """Return a script or style, or the copy of it that loads others from where we mount them."""
    facts = script.stat()
    return _looked_at(script, cache, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=1024)
def _looked_at(script: Path, cache: Path, changed: int, size: int) -> Path:
    source = script.read_bytes()
    found = _PUBLIC_PATHS[script.suffix]
    if found not in source:
        return script
    key = hashlib.sha256(f"{script}\0{changed}\0{size}".encode()).hexdigest()[:24]
    copy = cache / f"ohif-{key}{script.suffix}"
    if not copy.exists():
        half = copy.with_suffix(f".{secrets.token_hex(4)}")
        half.write_bytes(source.replace(found, found.replace(b"/", b"/ohif/")))
        half.rename(copy)
    return copy


def _folder() -> Path:
    folder = services().settings.ohif
    if folder is None:
        raise NotFound
    return folder.resolve()

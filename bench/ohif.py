"""OHIF as a peer: its published build from npm, kept outside the project, behind nginx with an archive's DICOMweb.

nginx serves the files (packed beforehand, so that no request waits for that) and passes `/dicom-web/` on, as OHIF's own
container does it. One origin for both: no preflight requests.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.places import new_folder
from bench.servers import free_port
from bench.work import cache_folder

VERSION = "3.13.2"
_PACKED = {".js", ".css", ".html", ".json", ".wasm", ".svg"}
_PACKED_MIN = 1024

_SITE = """
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{}}
http {{
  types {{
    text/html html; text/css css; application/javascript js mjs; application/wasm wasm; application/json json;
    image/svg+xml svg; image/png png;
  }}
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream archive {{ server {archive}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    root {root};
    gzip_static on;
    location = /app-config.js {{ alias {folder}/app-config.js; }}
    location /dicom-web/ {{
      proxy_pass http://archive/dicom-web/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      {headers}
    }}
    location / {{ try_files $uri /index.html; }}
  }}
}}
"""

_CONFIG = """
const root = `${location.origin}/dicom-web`;
window.config = {
  routerBasename: '/', extensions: [], modes: [], showStudyList: true, investigationalUseDialog: { option: 'never' },
  maxNumberOfWebWorkers: 3, showLoadingIndicator: true, strictZSpacingForVolumeViewport: true,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  defaultDataSourceName: 'archive',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'archive',
    configuration: {
      friendlyName: 'archive', name: 'archive', wadoUriRoot: root, qidoRoot: root, wadoRoot: root,
      qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true, dicomUploadEnabled: false,
      bulkDataURI: { enabled: true }, omitQuotationForMultipartRequest: true,
    },
  }],
};
"""


def build(version: str = VERSION) -> Path:
    """Return the folder of OHIF's published build, fetched through npm when it is not in the cache yet."""
    target = cache_folder() / f"ohif-{version}"
    if not target.exists():
        half = target.with_name(f"{target.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        packed = ["npm", "pack", f"@ohif/app@{version}", "--json", "--pack-destination", str(half)]
        said = subprocess.run(packed, check=True, capture_output=True, text=True, cwd=half).stdout
        name = json.loads(said)[0]["filename"].replace("@", "").replace("/", "-")
        with tarfile.open(half / name) as archive:
            archive.extractall(half, filter="data")
        _pack(half / "package" / "dist")
        half.rename(target)
    return target / "package" / "dist"


def _pack(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in _PACKED and path.is_file() and path.stat().st_size >= _PACKED_MIN:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 6))


@contextmanager
def site(archive_port: int, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve OHIF on the archive at a loopback port, with `headers` added to each request to it; gives the address."""
    folder, port = new_folder(), free_port()
    (folder / "app-config.js").write_text(_CONFIG)
    added = " ".join(f'proxy_set_header {name} "{value}";' for name, value in (headers or {}).items())
    config = folder / "nginx.conf"
    config.write_text(
        _SITE.format(folder=folder, archive=f"127.0.0.1:{archive_port}", port=port, root=build(), headers=added)
    )
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx"
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(config), *user])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)

"""The same small answer and 512 KB file through different web servers; docs/decisions.md holds the figures.

gunicorn -k gthread -w 2 --threads 4 -b 127.0.0.1:9001 bench.web_servers:app
waitress-serve --threads 8 --listen 127.0.0.1:9002 bench.web_servers:app
granian --interface wsgi --workers 2 --blocking-threads 4 --port 9003 bench.web_servers:app
granian --interface rsgi --workers 2 --port 9004 bench.web_servers:rsgi
wrk -t1 -c8 -d5 http://127.0.0.1:900N/small      (and /file)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Flask, Response, send_file

from viewer.wsgi_adapter import WsgiAdapter

FILE = Path(tempfile.gettempdir()) / "filmless-bench-512k"
if not FILE.exists():
    FILE.write_bytes(bytes(512 * 1024))

app = Flask(__name__)


@app.get("/small")
def small() -> Response:
    return Response(b"x" * 200, mimetype="text/plain")


@app.get("/file")
def file() -> Response:
    return send_file(FILE, mimetype="application/octet-stream", conditional=False, etag=False)


class Application:
    def __rsgi_init__(self, loop: object) -> None:
        self.adapter = WsgiAdapter(app.wsgi_app, threads=4, waiting=128, request_max=1 << 20)

    async def __rsgi__(self, scope: object, protocol: object) -> None:
        await self.adapter(scope, protocol)  # type: ignore[arg-type]


rsgi = Application()

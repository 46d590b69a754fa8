"""Retrieve Capabilities (PS3.18 8.9) at the root, as WADL or JSON, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from flask import Blueprint, Response, current_app, jsonify, request

from viewer.dicomweb import compression
from viewer.dicomweb import openapi as document
from viewer.dicomweb.description import Resource, resources
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.media_types import JSON, MediaType
from viewer.dicomweb.metadata import base_address
from viewer.dicomweb.negotiation import negotiate
from viewer.etags import conditional
from viewer.permissions import Permission, needs

WADL = MediaType("application", "vnd.sun.wadl+xml")

bp = Blueprint("dicomweb_capabilities", __name__, url_prefix=PREFIX)


@bp.route("/", methods=["GET", "OPTIONS"], provide_automatic_options=False, strict_slashes=False)
@needs(Permission.SIGNED_IN)
def capabilities() -> Response:
    """Tell what can be asked of this server."""
    chosen = negotiate((JSON, WADL))
    found = resources(current_app)
    if chosen is WADL:
        return _sent(Response(_wadl(found, base_address()), content_type=str(WADL)))
    answer = jsonify(
        openapi=f"{base_address()}/openapi.json",
        resources=[
            {
                "path": one.path,
                "method": one.method,
                "name": one.operation.name,
                "summary": one.summary,
                "produces": list(one.operation.produces),
                "consumes": list(one.operation.consumes),
                "query": list(one.operation.query),
            }
            for one in found
        ],
    )
    return _sent(answer)


@bp.get("/openapi.json")
@needs(Permission.SIGNED_IN)
def openapi() -> Response:
    """Return the OpenAPI document."""
    return _sent(jsonify(document.document(resources(current_app), base_address())))


def _sent(response: Response) -> Response:
    if request.method == "OPTIONS":
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
    compression.compress_if_worth(response)
    response.vary.add("Accept")
    return conditional(response)


def _wadl(found: Sequence[Resource], base: str) -> str:
    """Return the Web Application Description Language document (PS3.18 8.9.2)."""
    body = "".join(map(_wadl_resource, found))
    namespace = 'xmlns="http://wadl.dev.java.net/2009/02"'
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}<application {namespace}><resources base={quoteattr(base)}>{body}</resources></application>"


def _wadl_resource(one: Resource) -> str:
    templates = "".join(f'<param name="{name}" style="template"/>' for name in one.parameters)
    query = "".join(f'<param name="{name}" style="query"/>' for name in one.operation.query if name != "search")
    taken = "".join(f"<representation mediaType={quoteattr(name)}/>" for name in one.operation.consumes)
    sent = "".join(f"<representation mediaType={quoteattr(name)}/>" for name in one.operation.produces)
    statuses = " ".join(str(status) for status in one.operation.statuses)
    return (
        f"<resource path={quoteattr(one.path.lstrip('/'))}>{templates}"
        f"<method name={quoteattr(one.method)} id={quoteattr(one.operation.name)}>"
        f'<request>{query}{taken}</request><response status="{statuses}">{sent}</response></method></resource>'
    )

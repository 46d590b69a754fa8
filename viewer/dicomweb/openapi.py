"""The OpenAPI 3.0 document of DICOMweb here, made from the routes of the app. Pure but for looking at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from viewer.dicomweb.description import Resource
from viewer.dicomweb.errors import PROBLEM_JSON
from viewer.dicomweb.search_keys import LIMIT_MAX, NUMBER_MAX

_UID = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)*$", "maxLength": 64}
_PATH: Mapping[str, Mapping[str, Any]] = {
    "study": {"description": "Study Instance UID (0020,000D)", "schema": _UID},
    "series": {"description": "Series Instance UID (0020,000E)", "schema": _UID},
    "instance": {"description": "SOP Instance UID (0008,0018)", "schema": _UID},
    "place": {
        "description": "Tags and, within sequences, item numbers from 1: `00880200/1/7FE00010`",
        "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}(/[0-9]+/[0-9A-Fa-f]{8})*$"},
    },
    "listed": {
        "description": "Numbers of frames from 1, separated by commas",
        "schema": {"type": "string", "pattern": "^[1-9][0-9]*(,[1-9][0-9]*)*$"},
    },
    "code": {"description": "Code value of the reason (PS3.16 CID 7011)", "schema": {"type": "string"}},
}
_QUERY: Mapping[str, Mapping[str, Any]] = {
    "search": {
        "name": "attributes",
        "description": "Attributes to match, each by its keyword, tag or path as a parameter of its own",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "includefield": {
        "description": "More attributes to answer with: keywords, tags, paths, groups or `all`; may be repeated",
        "schema": {"type": "array", "items": {"type": "string"}},
    },
    "fuzzymatching": {"description": "Match words of names", "schema": {"type": "boolean"}},
    "limit": {
        "description": f"How many answers at most; of more than {LIMIT_MAX} the first so many come, with a warning",
        "schema": {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX},
    },
    "offset": {
        "description": "How many answers to pass over",
        "schema": {"type": "integer", "minimum": 0, "maximum": NUMBER_MAX},
    },
    "requestType": {"required": True, "schema": {"type": "string", "enum": ["WADO"]}},
    **{name: {"required": True, "schema": _UID} for name in ("studyUID", "seriesUID", "objectUID")},
    "accept": {"description": "Media types that are accepted, before the header", "schema": {"type": "string"}},
}
_WORDS = {
    200: "Done",
    202: "Some instances were stored, others not",
    204: "Done; there is nothing to send",
    206: "The range that was asked for",
    304: "What the caller has is still so",
    409: "No instance was stored",
}
_WITHOUT_BODY = frozenset({204, 304})
_SCHEMAS: Mapping[str, Any] = {
    "DicomJson": {
        "type": "object",
        "description": "DICOM JSON Model (PS3.18 F.2)",
        "additionalProperties": {
            "type": "object",
            "required": ["vr"],
            "properties": {
                "vr": {"type": "string", "minLength": 2, "maxLength": 2},
                "Value": {"type": "array", "items": {"nullable": True}},
                "InlineBinary": {"type": "string"},
                "BulkDataURI": {"type": "string"},
            },
        },
    },
    "Problem": {
        "type": "object",
        "description": "Problem details (RFC 9457)",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    },
}


def document(resources: Sequence[Resource], server: str) -> dict[str, Any]:
    """Return the document; `server` is the address of `/dicom-web`."""
    paths: dict[str, dict[str, Any]] = {}
    for resource in resources:
        paths.setdefault(resource.path, {})[resource.method.lower()] = _operation(resource)
    return {
        "openapi": "3.0.3",
        "info": {"title": "Filmless DICOMweb", "version": _version(), "description": "PS3.18 of the DICOM standard"},
        "servers": [{"url": server}],
        "security": [{"bearer": []}, {"basic": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": dict(_SCHEMAS),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": "filmless_session"},
            },
        },
    }


def _operation(resource: Resource) -> dict[str, Any]:
    operation = resource.operation
    many = list(resource.parameters)
    found: dict[str, Any] = {
        "operationId": "".join([operation.name, *(f"_{name}" for name in many if _is_shared(operation.name))]),
        "summary": resource.summary,
        "parameters": [*(_in_path(name) for name in many), *(_in_query(name) for name in operation.query)],
        "responses": {
            **{str(status): _response(status, operation.produces, operation.name) for status in operation.statuses},
            "default": {
                "description": "Refused, in one sentence",
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if operation.consumes:
        found["requestBody"] = {"required": True, "content": {_essence(name): {} for name in operation.consumes}}
    return found


def _is_shared(name: str) -> bool:
    """Tell whether one operation serves several addresses, so that its name alone would not be unique."""
    return name in ("StoreInstances", "RejectForQuality", "Reject")


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, **_PATH.get(name, {"schema": {"type": "string"}})}


def _in_query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", **_QUERY.get(name, {"schema": {"type": "string"}})}


def _response(status: int, produces: Iterable[str], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"description": _WORDS.get(status, "Done")}
    if status not in _WITHOUT_BODY and produces:
        found["content"] = {_essence(media_type): _content(media_type, name) for media_type in produces}
    return found


def _content(media_type: str, name: str) -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/DicomJson"}
    if not media_type.endswith("json") or name in ("RetrieveCapabilities", "RetrieveOpenApi", "Reject"):
        return {}
    return {"schema": one if name == "StoreInstances" else {"type": "array", "items": one}}


def _essence(media_type: str) -> str:
    """Return the type without parameters: OpenAPI tells media types apart by no more."""
    return media_type.split(";")[0]


def _version() -> str:
    try:
        return version("filmless")
    except PackageNotFoundError:
        return "0"

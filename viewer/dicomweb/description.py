"""What each resource of DICOMweb does, for the capabilities and the OpenAPI document: one table, tested.

Addresses, methods and parameters of paths come from the routes themselves; here stands what a route does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Flask
from werkzeug.routing import Rule

from viewer.dicomweb.errors import PREFIX

JSON = ("application/dicom+json", "application/json")
XML = 'multipart/related; type="application/dicom+xml"'
OBJECTS = 'multipart/related; type="application/dicom"'
FRAME_TYPES = ("application/octet-stream", "image/jpeg", "image/jls", "image/jp2", "image/jpx", "image/jphc",
               "image/jxl", "image/dicom-rle")  # fmt: skip
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/jp2")
_PARTS = ('multipart/related; type="image/jpeg"', 'multipart/related; type="image/png"')
_VALUES = 'multipart/related; type="application/octet-stream"'
_DOCUMENTS = ("application/pdf", "text/html", "text/plain")
_VIDEO = ("video/mpeg", "video/mp4")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done: what it sends and takes, and with which statuses it succeeds."""

    name: str
    produces: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    query: tuple[str, ...] = ()
    """Query parameters that it knows; `search` stands for those of QIDO-RS."""


_SEARCH = ("search", "includefield", "fuzzymatching", "limit", "offset", "accept")
_DRAWN = ("window", "viewport", "quality", "annotation", "iccprofile", "accept")
_URI = ("requestType", "studyUID", "seriesUID", "objectUID", "contentType", "transferSyntax", "frameNumber", "rows",
        "columns", "region", "windowCenter", "windowWidth", "imageQuality", "annotation", "presentationSeriesUID",
        "presentationUID")  # fmt: skip
_STORED = (*JSON, "application/dicom+xml")
_TAKEN = (OBJECTS, 'multipart/related; type="application/dicom+json"', XML, "application/dicom")

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "dicomweb_capabilities.capabilities": Operation(
            "RetrieveCapabilities", ("application/json", "application/vnd.sun.wadl+xml"), (), (200, 304), ("accept",)
        ),
        "dicomweb_capabilities.openapi": Operation("RetrieveOpenApi", ("application/json",), (), (200, 304)),
        "dicomweb_search.studies": Operation("SearchForStudies", (*JSON, XML), (), (200, 204, 304), _SEARCH),
        "dicomweb_search.series": Operation("SearchForSeries", (*JSON, XML), (), (200, 204, 304), _SEARCH),
        "dicomweb_search.instances": Operation("SearchForInstances", (*JSON, XML), (), (200, 204, 304), _SEARCH),
        "dicomweb_search.series_of_study": Operation(
            "SearchForStudySeries", (*JSON, XML), (), (200, 204, 304), _SEARCH
        ),
        "dicomweb_search.instances_of_study": Operation(
            "SearchForStudyInstances", (*JSON, XML), (), (200, 204, 304), _SEARCH
        ),
        "dicomweb_search.instances_of_series": Operation(
            "SearchForSeriesInstances", (*JSON, XML), (), (200, 204, 304), _SEARCH
        ),
        "dicomweb_metadata.of_study": Operation("RetrieveStudyMetadata", (*JSON, XML), (), (200, 304), ("accept",)),
        "dicomweb_metadata.of_series": Operation("RetrieveSeriesMetadata", (*JSON, XML), (), (200, 304), ("accept",)),
        "dicomweb_metadata.of_instance": Operation(
            "RetrieveInstanceMetadata", (*JSON, XML), (), (200, 304), ("accept",)
        ),
        "dicomweb_bulkdata.bulkdata": Operation(
            "RetrieveBulkData",
            ("application/octet-stream", _VALUES, "application/pdf"),
            (),
            (200, 206, 304),
            ("accept",),
        ),
        **{
            f"dicomweb_bulk.bulkdata_of_{what.lower()}": Operation(
                f"Retrieve{what}BulkData", (_VALUES,), (), (200, 304), ("accept",)
            )
            for what in ("Study", "Series", "Instance")
        },
        **{
            f"dicomweb_bulk.pixels_of_{what.lower()}": Operation(
                f"Retrieve{what}PixelData",
                tuple(f'multipart/related; type="{name}"' for name in FRAME_TYPES),
                (),
                (200, 304),
                ("accept",),
            )
            for what in ("Study", "Series", "Instance")
        },
        "wado_objects.of_study": Operation("RetrieveStudy", (OBJECTS, "application/zip"), (), (200, 304), ("accept",)),
        "wado_objects.of_series": Operation(
            "RetrieveSeries", (OBJECTS, "application/zip"), (), (200, 304), ("accept",)
        ),
        "wado_objects.of_instance": Operation(
            "RetrieveInstance", (OBJECTS, "application/dicom"), (), (200, 206, 304), ("accept",)
        ),
        "wado_frames.frames": Operation(
            "RetrieveFrames",
            (*(f'multipart/related; type="{name}"' for name in FRAME_TYPES), *FRAME_TYPES),
            (),
            (200, 304),
            ("accept",),
        ),
        "wado_rendered.of_study": Operation("RetrieveRenderedStudy", (*_PICTURES, *_PARTS), (), (200, 304), _DRAWN),
        "wado_rendered.of_series": Operation("RetrieveRenderedSeries", (*_PICTURES, *_PARTS), (), (200, 304), _DRAWN),
        "wado_rendered.of_instance": Operation(
            "RetrieveRenderedInstance",
            (*_PICTURES, *_PARTS, *_DOCUMENTS, *_VIDEO),
            (),
            (200, 206, 304),
            _DRAWN,
        ),
        "wado_rendered.of_frames": Operation(
            "RetrieveRenderedFrames", (*_PICTURES, *_PARTS, "video/mp4"), (), (200, 206, 304), _DRAWN
        ),
        **{
            f"wado_thumbnails.of_{what.lower()}": Operation(
                f"Retrieve{what}Thumbnail", _PICTURES, (), (200, 304), ("viewport", "accept")
            )
            for what in ("Study", "Series", "Instance", "Frames")
        },
        "wado_uri.wado": Operation(
            "RetrieveByUri", (*_PICTURES, *_DOCUMENTS, "application/dicom"), (), (200, 206, 304), _URI
        ),
        "stow.store": Operation("StoreInstances", _STORED, _TAKEN, (200, 202, 409), ("accept",)),
        "reject.delete": Operation("RejectForQuality", (), (), (204,)),
        "reject.reject_with_code": Operation("Reject", ("application/json",), (), (200,)),
    }
)
"""By the endpoint of the app. An endpoint that is not here is described by its first line of documentation alone."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One method of one address."""

    path: str
    """Below `/dicom-web`, with `{name}` for variables."""
    method: str
    parameters: tuple[str, ...]
    summary: str
    operation: Operation


def resources(app: Flask) -> list[Resource]:
    """Return every method of every address of DICOMweb that `app` answers, in the order of addresses."""
    return sorted((one for rule in app.url_map.iter_rules() for one in _of_rule(app, rule)), key=_place)


def _place(resource: Resource) -> tuple[str, str]:
    return resource.path, resource.method


def _of_rule(app: Flask, rule: Rule) -> Iterator[Resource]:
    if not rule.rule.startswith(PREFIX):
        return
    path = _VARIABLE.sub(r"{\1}", rule.rule)
    summary = (app.view_functions[rule.endpoint].__doc__ or "").strip().split("\n")[0].rstrip(".")
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        operation = OPERATIONS.get(rule.endpoint) or Operation(rule.endpoint.replace(".", "_"), ("*/*",))
        yield Resource(
            path=path.removeprefix(PREFIX) or "/",
            method=method,
            parameters=tuple(sorted(rule.arguments, key=path.index)),
            summary=summary,
            operation=operation,
        )

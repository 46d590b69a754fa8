"""The services of DICOMweb, for the app to register: one blueprint per file, each with the prefix `/dicom-web`."""

from __future__ import annotations

from flask import Blueprint

from viewer.dicomweb import bulk, bulkdata, capabilities, metadata, reject, search
from viewer.dicomweb.stow import views as stow
from viewer.dicomweb.wado import frames, objects, rendered, thumbnails, uri


def blueprints() -> tuple[Blueprint, ...]:
    """Return all services."""
    return (
        capabilities.bp,
        search.bp,
        metadata.bp,
        bulk.bp,
        bulkdata.bp,
        reject.bp,
        stow.bp,
        frames.bp,
        objects.bp,
        rendered.bp,
        thumbnails.bp,
        uri.bp,
    )

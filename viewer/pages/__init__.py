"""What can be asked for: one resource, one blueprint, one file."""

from flask import Blueprint

from viewer.pages import (
    document,
    evidence,
    health,
    image,
    objects,
    ohif,
    peers,
    printing,
    quarantine,
    reading,
    rejected,
    remote,
    sign_in,
    studies,
    study,
    thumbnail,
    transfers,
    upload,
)


def blueprints() -> tuple[Blueprint, ...]:
    """Return all resources, for the app to register."""
    return (
        sign_in.bp,
        studies.bp,
        study.bp,
        image.bp,
        reading.bp,
        thumbnail.bp,
        document.bp,
        evidence.bp,
        objects.bp,
        printing.bp,
        quarantine.bp,
        rejected.bp,
        upload.bp,
        peers.bp,
        remote.bp,
        transfers.bp,
        ohif.bp,
        health.bp,
    )

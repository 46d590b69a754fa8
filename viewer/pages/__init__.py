"""What can be asked for: one resource, one blueprint, one file."""

from flask import Blueprint

from viewer.pages import (
    document,
    evidence,
    health,
    image,
    objects,
    peers,
    printing,
    quarantine,
    reading,
    remote,
    sign_in,
    studies,
    study,
    thumbnail,
    transfers,
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
        printing.bp,
        objects.bp,
        quarantine.bp,
        peers.bp,
        remote.bp,
        transfers.bp,
        health.bp,
    )

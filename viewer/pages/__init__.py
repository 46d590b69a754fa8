"""What can be asked for: one resource, one blueprint, one file."""

from flask import Blueprint

from viewer.pages import document, evidence, health, image, quarantine, reading, sign_in, studies, study, thumbnail


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
        quarantine.bp,
        health.bp,
    )

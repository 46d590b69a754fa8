"""What can be asked for: one resource, one blueprint, one file."""

from flask import Blueprint

from viewer.pages import health, quarantine, sign_in, studies


def blueprints() -> tuple[Blueprint, ...]:
    """Return all resources, for the app to register."""
    return (sign_in.bp, studies.bp, quarantine.bp, health.bp)

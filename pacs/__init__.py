"""DICOM network services and the command line."""

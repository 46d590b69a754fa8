"""DICOM objects: one file per information object definition of PS3.3, the shared modules in `common`."""

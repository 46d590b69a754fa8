"""The web side: pages, DICOMweb and rendering, on Flask."""

"""Bodies made of formulas: numpy only, no DICOM. Coordinates are patient coordinates in mm (LPS, PS3.3 C.7.6.2)."""

"""What a reader adds to a study (IHE's evidence documents), and what else a study holds besides images.

Measurements, views and key images as DICOM objects; segmentations, contours, waveforms, tags; priors. Knows DICOM
objects (PS3.3) and arrays; knows no HTTP.

Coordinates of points are those of SCOORD (PS3.3 C.18.6.1.1): column and row from the top left corner of the top left
pixel, so that the centre of that pixel is (0.5, 0.5). Frames count from 1 here, as DICOM's references do.
"""

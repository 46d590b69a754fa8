"""The archive: files, index and records; knows DICOM and SQL, no network protocol."""

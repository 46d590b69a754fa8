"""DICOMweb (PS3.18) under `/dicom-web`: one file per service, all of them thin over `storage`."""

"""WADO: studies, series, instances, frames, pictures and zip files out of the archive (PS3.18 9 and 10.4)."""

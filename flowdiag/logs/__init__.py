"""Flow log sources, one file each."""

"""Look-alikes of files as programs and beamlines write them, with expected numbers."""

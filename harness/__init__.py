"""The one command: orders the steps of a run, makes its folder and provenance, shows progress, cleans up."""

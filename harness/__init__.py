"""I am the one command: I order the steps, make the run folder and provenance, show progress, clean up."""

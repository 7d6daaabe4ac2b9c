"""One file per board; each is a pure function from the spec to a grafanalib dashboard."""

"""The life of a process: warming, draining, and several workers behind one address with one truth."""

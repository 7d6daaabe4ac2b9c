"""The pure part of answering: every function here gives the same result for the same arguments and does no I/O."""

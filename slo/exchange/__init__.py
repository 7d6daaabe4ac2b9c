"""SLO specs of others: OpenSLO v1 and Sloth read into ours, ours written as OpenSLO v1. Pure; `courtsight slo import` and `export` do the I/O.

Nothing is dropped silently: what could not be carried over, or only nearly, is a finding with file, line, path and what to do.
"""

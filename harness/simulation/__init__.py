"""What `courtsight slo simulate` reads, prints and draws; the reckoning itself is `slo.simulation`."""

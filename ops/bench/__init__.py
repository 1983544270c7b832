"""`make bench`: the event store beside its peers, on this machine, in one run."""

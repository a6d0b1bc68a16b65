"""Runs the scheduler over a workload, without an engine and without a clock: what would have been, if."""

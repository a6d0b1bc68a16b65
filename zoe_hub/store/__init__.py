"""Where executions, instances and events are kept: the truth."""

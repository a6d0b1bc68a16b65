"""A swarm: several Docker engines as one.

Each run of an instance is a service of one task, which the swarm never starts again: how often, when, and with which
secrets an instance is started again is the same on all engines, and before that its exit status and its log are read.
"""

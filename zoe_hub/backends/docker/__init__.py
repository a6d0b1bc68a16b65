"""Instances as containers of a Docker engine, each execution in a network of its own.

`backend` needs the extra ``docker``; `settings` does not, so that they can be read and explained without it.
"""

"""Traces from a Zoe database."""

"""Brings the engine to what the store says is wanted, and the store to what the engine reports."""

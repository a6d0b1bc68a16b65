"""Engines that run instances, behind one interface."""

"""The parts of our own policy; `policies/elastic.py` says what they do together."""

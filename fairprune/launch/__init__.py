"""Launching a study: in this process, or in several that share the store."""

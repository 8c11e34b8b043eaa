"""Checks of a deployment: a clean environment, and replicas behind a proxy."""

"""Checks of a deployment: the app in a new environment, and two replicas behind a proxy."""

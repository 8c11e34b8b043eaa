"""Distances between two distributions: divergences, the Lipschitz penalty, transport."""

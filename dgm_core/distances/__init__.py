"""Distances between two distributions: divergences, the Lipschitz penalty, optimal transport."""

"""The lab of exact likelihoods: a module for each of its views."""

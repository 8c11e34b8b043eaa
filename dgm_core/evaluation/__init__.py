"""Measurements of models for their cards and for the tables of the documents."""

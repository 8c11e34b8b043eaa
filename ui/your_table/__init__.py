"""The lab of a visitor's own incomplete table."""

"""Builds the documentation as a site that works without a server and without a network.

`site` builds it, `api` reads the library, `guides` renders the Markdown files, `search` collects
the entries of the search, and `check` lists faults.
"""

"""The documentation as a site that needs neither a server nor a network.

`site` builds it, `api` reads the library, `guides` renders the Markdown files, `search` collects
what can be found, and `check` lists what is wrong.
"""

"""Every name and payload that crosses Temporal, in small files by noun.

A workflow's name, id, input and result sit here so that the API starts it without importing it.
No logic beyond deriving an id or a key; nothing here does I/O.
"""

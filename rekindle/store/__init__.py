"""All SQL. One file per noun; a function takes a session and runs inside the caller's transaction.

Transactions open and commit at the edge (a request, an activity), never here, and no network call
happens while one is open.
"""

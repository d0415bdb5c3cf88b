"""Room `deploy`, the demo: a known good photo, aged, and compared after restoring.

What belongs here: what `rekindle demo` needs beyond the product itself, to show a person
and to measure. What does not: restoring, which is a graph's work, and talking to the API.
"""

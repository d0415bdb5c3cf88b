"""Whether everything that Rekindle needs is there, and how to mend what is not.

Here belong the checks behind `rekindle doctor`, one file for each kind of thing that can lack, and
what runs them side by side. Here does not belong how a person sees them (`deploy/cli/doctor.py`).
No check changes anything for longer than it takes, and no finding shows a secret.
"""

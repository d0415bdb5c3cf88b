"""Decisions: what comes next, what is waited for, what is made good. Deterministic.

No I/O, no clock but Temporal's, no vendor, no store: activities do, rules decide, contracts name.
"""

"""Pure decisions: retry tables, progress, status transitions. No I/O, no clock, no randomness."""

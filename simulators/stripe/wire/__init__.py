"""HTTP as the official SDK speaks it: forms, errors, idempotency, lists, and control routes."""

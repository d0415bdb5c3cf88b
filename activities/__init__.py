"""Actions: methods of classes that were given ports. Idempotent, since any of them may run twice.

What touches the world on a workflow's behalf belongs here. Deciding what comes next does not
(`workflows_temporal`), nor does knowing a vendor (`rekindle.adapters`).
"""

"""The engine behind the wire: queue, validation, execution, cache, faults and ledger.

One thread executes prompts; the HTTP side only touches the queue, which one lock guards. What
the engine wants to tell clients it hands to an Outbox and forgets.
"""

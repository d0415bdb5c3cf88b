"""`Idempotency-Key`: a POST that is sent again under its key is carried out once.

A key belongs to one caller, method and path for 24 hours. Its first use claims it in the database,
under a lease that a living process renews; the reply is kept and repeated. Whatever the request
makes is named by the key (`Claim.new_id`), so that a try that comes after a crash goes on where the
dead one had stopped.
"""

from api.idempotency.claims import Claim, CurrentClaim
from api.idempotency.keys import IdempotencyKeys
from api.idempotency.once import carried_out_once, keep_no_reply

__all__ = ["Claim", "CurrentClaim", "IdempotencyKeys", "carried_out_once", "keep_no_reply"]

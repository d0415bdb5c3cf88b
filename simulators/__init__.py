"""Room of the stand-ins: small servers that speak a vendor's wire over HTTP.

Here belongs whatever answers in the place of ComfyUI, RunPod, Stripe, Replicate or an OIDC
issuer when the real one is absent: on a laptop, in the demo, in tests. A stand-in is shipped,
documented and tested product code; the same adapter talks to it and to the real service, only
the address and the key differ. Here does not belong anything that knows Rekindle: a stand-in
imports nothing of ours and is reached through its socket alone.
"""

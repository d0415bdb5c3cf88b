"""Reading what nobody trusts: a short-lived child process, its confinement, and the parent's side.

Here belongs what photos and videos share: starting a child, limiting it and watching it. This side
imports no decoder. The program that decodes is `child/`.
"""

"""Nodes that would need model weights: they run, but what they decode is a test card.

Every node here has the signature of its ComfyUI namesake and passes on a small stand-in for a
model, a conditioning or a latent. Samplers report real progress, step by step. Where pixels
come out, they come out of ``card``: the input, dimmed, under the word SIMULATED.
"""

"""The commands `rekindle fleet ...`: what the fleet does, and having pods drained.

Here belongs one file for each command. Here does not belong who decides how many pods there are:
that is `rekindle.rules.scaling`.
"""

"""The commands `rekindle orders ...`: what was bought, and whether the money is right.

Here belongs one file for each command. Here does not belong what is right: that say
`rekindle.rules.orders` and `rekindle.rules.audit`.
"""

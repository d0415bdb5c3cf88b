"""The command line `rekindle`: one small file for each command.

Here belongs what a person types and reads: options, progress bars, tables, exit codes. Here does
not belong what the commands do: running the stack (`deploy/stack`), the API's work, migrations.

Files import what is slow only inside their command, so that `rekindle --help` answers at once.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody answers at the address.
"""

"""Many generations with a name, a table and a ledger.

`Run` drives them: it leases rows to an `Executor`, which makes them on this loop, on a cluster or
in a vendor's batch, and writes down how each has ended.
"""

"""What every call needs while it runs: a loop, a deadline, events, a job; no HTTP."""

"""Sweeps: what varies, the ledger of trials, jobs sent and taken up again, the parent run. Knows nothing of torch."""

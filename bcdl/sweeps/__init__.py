"""Sweeps: what varies, the ledger of trials, jobs and how they are sent, the parent run. Without torch."""

"""Whether a sweep still has sense: it stops when too many configurations failed, or none could succeed."""

from bcdl.sweeps.ledger import Ledger, Trial

FATAL = "fatal"  # the fact that says why no job could succeed


def gone(ledger: Ledger, retries: int) -> list[Trial]:
    """Return the configurations that failed and are not tried again."""
    tries: dict[int, int] = {}
    every = ledger.trials()
    for trial in every:
        tries[trial.number] = tries.get(trial.number, 0) + 1
    newest = {trial.number: trial for trial in every}.values()
    return [trial for trial in newest if trial.told == "failed" and tries[trial.number] > retries]


def reason_to_stop(ledger: Ledger, retries: int, most: int | None) -> str | None:
    """Return why no further job should begin, None where there is no reason.

    Args:
        ledger: the sweep's ledger.
        retries: further tries of a configuration that failed.
        most: failed configurations after more of which the sweep stops; None for never.
    """
    fatal: str | None = ledger.facts.get(FATAL)
    if fatal is not None:
        return f"the sweep stops after its first trial: {fatal}"
    if most is None or (failed := len(gone(ledger, retries))) <= most:
        return None
    return f"the sweep stops: {failed} trials failed, more than sweep.max_failures={most}"

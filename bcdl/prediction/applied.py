"""What is applied to the logits of new samples, and the tables that this gives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bcdl.explain import Novelty
from bcdl.prediction.rules import Rules
from bcdl.prediction.scoring import Scored
from bcdl.prediction.tables import patient_table, sample_table
from bcdl.serving.facts import Facts


@dataclass(frozen=True)
class Applied:
    """What is applied to logits and embeddings.

    Attributes:
        facts: of the data that the model was trained on.
        rules: what makes probabilities and decisions of logits.
        novelty: the training samples by which distances are told; None tells none.
        false_alarms: share of validation samples that may be flagged as far.
    """

    facts: Facts
    rules: Rules
    novelty: Novelty | None
    false_alarms: float

    def tables(self, found: Sequence[Scored]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the tables of samples and of patients."""
        samples = pd.concat([part.samples for part in found], ignore_index=True)
        logits = np.concatenate([part.logits for part in found])
        distance, cutoff = None, float("inf")
        if self.novelty is not None:
            embeddings = np.concatenate([part.embeddings for part in found])
            known = ~np.isnan(embeddings).any(axis=1)
            distance = np.full(len(samples), np.nan)
            distance[known] = self.novelty.distance(embeddings[known])
            cutoff = self.novelty.cutoff(self.false_alarms)
        table = sample_table(samples, logits, self.rules, self.facts, distance, cutoff)
        return table, patient_table(table, self.rules, self.facts)

"""A convolutional encoder for each view and a recurrent network over the views and exams of a sample."""

from typing import Any

from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.data.table import LATERALITIES, VIEWS
from bcdl.models.classifier import Classifier
from bcdl.networks import Encoder, ViewSequence


class CNNRNN(Classifier):
    """Read the valid views in order (the oldest exam first) by GRU or LSTM and classify the last state.

    Args:
        encoder: Images (N, C, H, W) to features (N, dim).
        state: Width of the recurrent state.
        cell: `gru` or `lstm`.
        layers: Recurrent layers on top of each other.
        bidirectional: Also read the views backwards.
        recurrent_dropout: Share of the features left out between recurrent layers.
        **settings: Those of `Classifier`.

    Raises:
        UserError: Unknown cell, or images that the encoder cannot take.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        state: int = 128,
        cell: str = "gru",
        layers: int = 1,
        bidirectional: bool = False,
        recurrent_dropout: float = 0.0,
        **settings: Any,  # noqa: ANN401 - the arguments of Classifier
    ) -> None:
        self._state_dim = state * (2 if bidirectional else 1)
        super().__init__(encoder, **settings)
        self.sequence = ViewSequence(
            encoder.dim,
            num_views=len(VIEWS),
            num_sides=len(LATERALITIES),
            hidden=state,
            cell=cell,
            layers=layers,
            bidirectional=bidirectional,
            dropout=recurrent_dropout,
        )

    def pooled_dim(self) -> int:
        """Return the width of the last recurrent state."""
        return self._state_dim

    def pool(self, features: Tensor, batch: Batch) -> Tensor:
        """Return the recurrent state (B, D) after the last valid view of features (B, V, dim)."""
        state: Tensor = self.sequence(
            features, batch["view_mask"], batch["view"], batch["laterality"], batch["time"]
        )
        return state

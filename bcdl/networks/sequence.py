"""A recurrent network over the valid views of a sample."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from bcdl.errors import UserError

_CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class ViewSequence(nn.Module):
    """GRU or LSTM over view features to which embeddings of view, side and time are added.

    Args:
        dim: Number of features of a view.
        num_views: Size of the vocabulary of views.
        num_sides: Size of the vocabulary of sides.
        hidden: Width of the recurrent state.
        cell: `gru` or `lstm`.
        layers: Recurrent layers on top of each other.
        bidirectional: Also read the views from the last to the first.
        dropout: Share of the features left out between layers.

    Raises:
        UserError: Unknown cell.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_views: int,
        num_sides: int,
        hidden: int = 128,
        cell: str = "gru",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in _CELLS:
            raise UserError(f"expected model.cell to be one of {', '.join(_CELLS)}, found '{cell}'")
        self.reduce = nn.Sequential(nn.Linear(dim, hidden), nn.LayerNorm(hidden))
        self.view = nn.Embedding(num_views, hidden)
        self.side = nn.Embedding(num_sides, hidden)
        self.time = nn.Linear(1, hidden, bias=False)
        self.rnn = _CELLS[cell](
            hidden,
            hidden,
            num_layers=layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.dim = hidden * (2 if bidirectional else 1)

    def forward(self, features: Tensor, mask: Tensor, view: Tensor, side: Tensor, time: Tensor) -> Tensor:
        """Return the state (B, self.dim) after each sample's last valid view.

        Args:
            features: (B, V, dim), in the order in which they are to be read.
            mask: (B, V), False where a view is missing, in any place.
            view: (B, V) indices of views.
            side: (B, V) indices of sides.
            time: (B, V) years before the newest exam.
        """
        steps = self.reduce(features) + self.view(view) + self.side(side) + self.time(time.unsqueeze(-1))
        order = torch.argsort(mask.to(torch.uint8), dim=1, descending=True, stable=True)  # valid views first
        steps = steps.gather(1, order.unsqueeze(-1).expand_as(steps))
        packed = pack_padded_sequence(
            steps, mask.sum(1).clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        _, state = self.rnn(packed)
        last = state[0] if isinstance(state, tuple) else state  # (layers * directions, B, hidden)
        directions = 2 if self.rnn.bidirectional else 1
        return torch.cat(tuple(last[-directions:]), dim=-1)

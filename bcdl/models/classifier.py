"""What every model shares: the batch goes in, logits come out, and training is logged the same way."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import LRSchedulerTypeUnion, OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer

from bcdl.data.batch import Batch
from bcdl.errors import RunError, UserError
from bcdl.metrics import PredictionAccumulator
from bcdl.models.schedulers import Schedule
from bcdl.networks import Encoder, Head
from bcdl.networks.pooling import masked_mean, scatter_views, valid_views
from bcdl.networks.resize import fit_to, input_size_for
from bcdl.networks.weights import check_state

ParameterGroup = dict[str, Any]
OptimizerFactory = Callable[[list[ParameterGroup]], Optimizer]
SchedulerFactory = Callable[[Optimizer, int], Schedule]


class Classifier(LightningModule):
    """An encoder shared over the views, the mean over a sample's valid views, and a head.

    Subclasses change how views become one feature vector (`pool`), what is optimised (`training_step`) or
    which parameters learn how fast (`parameter_groups`).

    Args:
        encoder: Images (N, C, H, W) to features (N, dim).
        num_classes: 2 gives logits (B,) of class 1; K gives (B, K).
        image_size: Height and width of the images in the batch.
        channels: Channels of the images in the batch.
        loss: Of logits and labels (B,), the mean over the samples.
        optimizer: Makes the optimizer of parameter groups.
        scheduler: Makes the learning rate schedule of an optimizer and the number of its steps; None keeps
            the rate.
        input_size: Size in which the encoder gets its images: `auto` enlarges where the backbone needs it,
            None leaves them, (height, width) is taken as given.
        hidden: Widths of the head's hidden layers.
        dropout: Share of the features left out before each layer of the head during training.

    Raises:
        UserError: The encoder cannot take images of that size.
    """

    pretrain_epochs = 0  # before the classifier starts to learn
    differentiable = True  # whether the logits have gradients

    def __init__(
        self,
        encoder: Encoder,
        *,
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        loss: nn.Module,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None = None,
        input_size: str | Sequence[int] | None = "auto",
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_classes, self.channels = num_classes, channels
        self.input_size = input_size_for(encoder, image_size, input_size)
        self.loss = loss
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.head: nn.Module = Head(self.pooled_dim(), num_classes, hidden=hidden, dropout=dropout)
        self.train_metrics, self.val_metrics = PredictionAccumulator(), PredictionAccumulator()

    @property
    def pretraining(self) -> bool:
        """Whether the classifier does not learn in this epoch yet; what follows its metrics waits."""
        return self.current_epoch < self.pretrain_epochs

    @property
    def single_device(self) -> str:
        """The setting for which a fit cannot be shared among devices; empty where it can."""
        return ""

    def on_fit_start(self) -> None:
        """Refuse what does not work on several devices with UserError."""
        if self.trainer.world_size > 1 and self.single_device:
            raise UserError(
                f"expected one device for {self.single_device}, found {self.trainer.world_size}: parameters "
                "that join or leave the training cannot be shared. Set trainer.devices=1, or change it"
            )

    def pooled_dim(self) -> int:
        """Return the number of features of a sample, which the head takes."""
        return self.encoder.dim

    def forward(self, batch: Batch) -> Tensor:
        """Return logits (B,) or (B, K) of a batch; masked views have no influence on them."""
        logits: Tensor = self.head(self.features(batch))
        return logits

    def features(self, batch: Batch) -> Tensor:
        """Return features (B, D) of the samples of a batch."""
        return self.pool(self.encode_views(batch), batch)

    def encode_views(self, batch: Batch) -> Tensor:
        """Return features (B, V, D) of the views of a batch; slots without a view hold 0."""
        mask = batch["view_mask"]
        return scatter_views(self.encode(valid_views(batch[self.encoder.reads], mask)), mask)

    def encode(self, view: Tensor) -> Tensor:
        """Return features (N, D) of single views: images (N, C, H, W), or rows (N, F) of a table."""
        fitted = fit_to(view, self.input_size) if self.encoder.reads == "image" else view
        features: Tensor = self.encoder(fitted)
        return features

    def pool(self, features: Tensor, batch: Batch) -> Tensor:
        """Return features (B, D) of samples whose views have features (B, V, D)."""
        return masked_mean(features, batch["view_mask"])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch; unlabelled samples do not count."""
        return self.require_finite(self.classify(self(batch), batch, "train"))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect loss and predictions of a validation batch."""
        self.classify(self(batch), batch, "val")

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Return `index` (B,) and float32 `logits` (B,) or (B, K)."""
        return {"index": batch["index"], "logits": self(batch).float()}

    def classify(self, logits: Tensor, batch: Batch, split: str) -> Tensor:
        """Return the classification loss of the labelled samples; log it and their predictions."""
        labelled = batch["label"] >= 0
        count = int(labelled.sum())
        if count == 0:
            return logits.sum() * 0.0
        logits, labels = logits[labelled], batch["label"][labelled]
        loss: Tensor = self.loss(logits, labels)
        self.log(f"{split}/loss", loss, on_step=False, on_epoch=True, batch_size=count, sync_dist=True)
        self.accumulator(split).update(logits.detach(), labels, batch["index"][labelled])
        return loss

    def require_finite(self, loss: Tensor) -> Tensor:
        """Return `loss`, or stop the run before it spoils the weights.

        Raises:
            RunError: The loss is not finite.
        """
        if not torch.isfinite(loss):
            raise RunError(
                f"the loss is {loss.detach().item()} in epoch {self.current_epoch}, step {self.global_step}; "
                "lower optimizer.lr, set trainer.gradient_clip_val=1 or use trainer.precision=32-true"
            )
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch's training predictions."""
        self.log_metrics("train")

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the epoch's validation predictions."""
        self.log_metrics("val")

    def accumulator(self, split: str) -> PredictionAccumulator:
        """Return what collects the predictions of `train` or `val`."""
        return self.train_metrics if split == "train" else self.val_metrics

    def log_metrics(self, split: str) -> None:
        """Log the metrics collected under `split` and start again."""
        accumulator = self.accumulator(split)
        if accumulator.update_called:
            values = accumulator.compute()
            named = {f"{split}/{name}": float(v) for name, v in values.items() if name != "loss"}
            self.log_dict(named, sync_dist=True)  # the same on every device: `compute` has gathered all
        accumulator.reset()

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters that learn; `lr_scale` multiplies the optimizer's learning rate."""
        return decayed(self.parameters())

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimizer and its schedule."""
        optimizer = self.make_optimizer(self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] *= group["lr_scale"]
        if self.make_scheduler is None:
            return {"optimizer": optimizer}
        steps = self.trainer.estimated_stepping_batches
        steps = int(steps) if isfinite(steps) else 0  # without an end
        return {"optimizer": optimizer, "lr_scheduler": self.make_scheduler(optimizer, steps)}

    def lr_scheduler_step(self, scheduler: LRSchedulerTypeUnion, metric: Any | None) -> None:  # noqa: ANN401
        """Step a schedule; one that follows a metric waits until the classifier learns."""
        if metric is None or not self.pretraining:
            super().lr_scheduler_step(scheduler, metric)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write the names of model and encoder into the checkpoint."""
        checkpoint["architecture"] = {"model": type(self).__name__, "encoder": self.encoder.name}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another architecture with UserError."""
        made = checkpoint.get("architecture", {"model": "an unknown model", "encoder": "an unknown encoder"})
        expected = f"{type(self).__name__} over {self.encoder.name}"
        check_state(self, checkpoint["state_dict"], expected, f"{made['model']} over {made['encoder']}")


def decayed(parameters: Iterable[nn.Parameter], lr_scale: float = 1.0) -> list[ParameterGroup]:
    """Group parameters so that weight decay acts on kernels and matrices, not on norms and biases."""
    kept = list(parameters)
    groups: list[ParameterGroup] = [
        {"params": [p for p in kept if p.ndim > 1], "lr_scale": lr_scale},
        {"params": [p for p in kept if p.ndim <= 1], "lr_scale": lr_scale, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]

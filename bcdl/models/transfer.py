"""A pre-trained backbone, adapted in one of three ways."""

from pathlib import Path
from typing import Any

from torch import Tensor

from bcdl.data.batch import Batch
from bcdl.errors import UserError, nearest
from bcdl.models.classifier import Classifier, ParameterGroup, decayed
from bcdl.models.estimator import Estimator, EstimatorHead, estimator_named
from bcdl.networks import Encoder

MODES = ("fine_tune", "feature_extraction", "separate_classifier")


class Transfer(Classifier):
    """Fine-tune an encoder from its last stage to its first, or leave it frozen and train what follows it.

    What is frozen keeps its weights and its batch-norm statistics to the bit.

    Args:
        encoder: Images (N, C, H, W) to features (N, dim), usually with pre-trained weights.
        mode: `fine_tune`; `feature_extraction`: frozen encoder, the head learns; `separate_classifier`:
            frozen encoder, a scikit-learn classifier is fitted to the features of the first epoch and
            training ends.
        unfreeze_every: Epochs after which the next stage starts to learn, from the last to the first; the
            head learns from the start. 0 lets all learn from the start.
        lr_decay: Each stage learns at this share of the rate of the one after it; the head at the full rate.
        estimator: Of `separate_classifier`: a name of `ESTIMATORS` or a scikit-learn classifier.
        seed: Of the estimator's randomness.
        **settings: Those of `Classifier`.

    Raises:
        UserError: Unknown mode or estimator, or images that the encoder cannot take.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        mode: str = "fine_tune",
        unfreeze_every: int = 1,
        lr_decay: float = 0.5,
        estimator: str | Estimator = "logistic",
        seed: int = 0,
        **settings: Any,  # noqa: ANN401 - the arguments of Classifier
    ) -> None:
        if mode not in MODES:
            raise UserError(
                f"expected model.mode to be one of {', '.join(MODES)}, found '{mode}'.{nearest(mode, MODES)}"
            )
        super().__init__(encoder, **settings)
        self.mode, self.unfreeze_every, self.lr_decay = mode, unfreeze_every, lr_decay
        self.separate: EstimatorHead | None = None
        self.differentiable = mode != "separate_classifier"
        if mode == "separate_classifier":
            made = estimator_named(estimator, seed) if isinstance(estimator, str) else estimator
            self.head = self.separate = EstimatorHead(made, self.num_classes)

    def learning_stages(self, epoch: int) -> int:
        """Return how many of the encoder's last stages learn in `epoch` (from 0)."""
        if self.mode != "fine_tune":
            return 0
        stages = len(self.encoder.stages)
        return min(stages, epoch // self.unfreeze_every) if self.unfreeze_every else stages

    @property
    def single_device(self) -> str:
        """A frozen encoder and staged unfreezing; all that learns at once can be shared."""
        if self.mode != "fine_tune":
            return f"model.mode={self.mode}"
        return f"model.unfreeze_every={self.unfreeze_every}" if self.unfreeze_every else ""

    def on_train_epoch_start(self) -> None:
        """Freeze and unfreeze the stages as the epoch demands."""
        stages = self.encoder.stages
        frozen = len(stages) - self.learning_stages(self.current_epoch)
        for depth, stage in enumerate(stages):
            for module in stage:
                module.requires_grad_(depth >= frozen).train(depth >= frozen)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch; a separate classifier collects features until the last batch."""
        if self.separate is None:
            return super().training_step(batch, batch_idx)
        labelled = batch["label"] >= 0
        self.separate.collect(self.features(batch)[labelled], batch["label"][labelled])
        if self.trainer.is_last_batch:
            self._fit(self.separate)
        return 0.0 * self.separate.anchor.sum()

    def _fit(self, head: EstimatorHead) -> None:
        features, labels = (collected.to(self.device) for collected in head.fit())
        logits = head(features)
        self.log("train/loss", self.loss(logits, labels), on_step=False, on_epoch=True, batch_size=1)
        index = labels.new_tensor(range(len(labels)))
        self.train_metrics.update(logits.detach(), labels, index)
        self.trainer.should_stop = True

    def export_estimator(self, path: Path) -> None:
        """Write the fitted separate classifier to `path` as skops.

        Raises:
            UserError: The model has none.
        """
        if self.separate is None:
            raise UserError(
                f"expected model.mode=separate_classifier, found {self.mode}: there is no estimator"
            )
        self.separate.export(path)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters that ever learn, each stage with its share of the learning rate."""
        groups = decayed(self.head.parameters())
        if self.mode == "fine_tune":
            for distance, stage in enumerate(reversed(self.encoder.stages), start=1):
                parameters = [parameter for module in stage for parameter in module.parameters()]
                groups += decayed(parameters, self.lr_decay**distance)
        return groups

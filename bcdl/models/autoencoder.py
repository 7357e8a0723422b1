"""An autoencoder whose latent code is classified: jointly, or after pre-training on images without labels."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from bcdl.data.batch import Batch
from bcdl.errors import UserError
from bcdl.models.classifier import Classifier
from bcdl.networks import Decoder, Encoder
from bcdl.networks.pooling import masked_mean, scatter_views, valid_views
from bcdl.networks.resize import fit_to


class Autoencoder(Classifier):
    """Encoder to a latent code per view, decoder back to the (reduced) image, classifier on the mean code.

    The loss is classification + `reconstruction_weight` x (squared error + `kl_weight` x KL divergence). For
    the first `pretrain_epochs` only the second part counts, and unlabelled samples take part in it
    throughout.

    Args:
        encoder: Images (N, C, H, W) to features (N, dim).
        channels: Channels of the images.
        latent: Length of the code.
        reconstruction_weight: Weight of the reconstruction in the joint loss.
        reconstruction_side: Longer side in pixels at which images are reconstructed; larger ones are reduced
            to it.
        variational: Draw the code from a normal distribution during training (Kingma and Welling, 2014).
        kl_weight: Weight of the divergence from the standard normal, a latent dimension.
        pretrain_epochs: Epochs before the classifier starts to learn.
        freeze_pretrained: Keep the encoder as pre-trained while the classifier learns.
        **settings: Those of `Classifier`.

    Raises:
        UserError: Images that the encoder cannot take, or an encoder that takes none.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: int,
        latent: int = 64,
        reconstruction_weight: float = 1.0,
        reconstruction_side: int = 64,
        variational: bool = False,
        kl_weight: float = 1e-3,
        pretrain_epochs: int = 0,
        freeze_pretrained: bool = False,
        **settings: Any,  # noqa: ANN401 - the arguments of Classifier
    ) -> None:
        if encoder.reads != "image":
            raise UserError(
                f"expected an encoder of images for model=autoencoder, found {encoder.name}: "
                "choose another, such as encoder=small_cnn"
            )
        self.latent = latent
        super().__init__(encoder, channels=channels, **settings)
        self.reconstruction_weight, self.kl_weight = reconstruction_weight, kl_weight
        self.variational = variational
        self.pretrain_epochs, self.freeze_pretrained = pretrain_epochs, freeze_pretrained
        self.to_code = nn.Linear(encoder.dim, 2 * latent if variational else latent)  # mean and log variance
        height, width = self.input_size
        scale = min(1.0, reconstruction_side / max(height, width))
        self.decoder = Decoder(
            latent, channels, (max(1, round(height * scale)), max(1, round(width * scale)))
        )

    @property
    def single_device(self) -> str:
        """Pre-training, in which the classifier has no part."""
        return f"model.pretrain_epochs={self.pretrain_epochs}" if self.pretrain_epochs else ""

    def pooled_dim(self) -> int:
        """Return the length of the code."""
        return self.latent

    def encode(self, image: Tensor) -> Tensor:
        """Return the codes (N, latent) of views (N, C, H, W): of a distribution its mean."""
        return self.distribution(fit_to(image, self.input_size))[..., : self.latent]

    def distribution(self, image: Tensor) -> Tensor:
        """Return codes (N, latent), or means and log variances (N, 2 latent), of images in the input size."""
        parameters: Tensor = self.to_code(self.encoder(image))
        return parameters

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the joint loss of a batch, or that of the reconstruction while pre-training."""
        mask = batch["view_mask"]
        image = fit_to(valid_views(batch["image"], mask), self.input_size)
        parameters = self.distribution(image)
        code = self.sample(parameters)
        reconstruction = self.reconstruction_loss(image, parameters, code)
        self.log(
            "train/reconstruction",
            reconstruction,
            on_step=False,
            on_epoch=True,
            batch_size=len(image),
            sync_dist=True,
        )
        if self.pretraining:
            return self.require_finite(reconstruction)
        logits = self.head(masked_mean(scatter_views(code, mask), mask))
        joint = self.classify(logits, batch, "train") + self.reconstruction_weight * reconstruction
        return self.require_finite(joint)

    def sample(self, parameters: Tensor) -> Tensor:
        """Return codes (N, latent): the parameters, or a draw from the distribution that they describe."""
        if not self.variational:
            return parameters
        mean, log_variance = parameters.chunk(2, dim=-1)
        return mean + torch.randn_like(mean) * torch.exp(log_variance / 2)

    def reduced(self, image: Tensor) -> Tensor:
        """Return images (N, C, H, W) in the size in which they are reconstructed."""
        return F.interpolate(image, self.decoder.size, mode="bilinear", antialias=True)

    def reconstruction_loss(self, image: Tensor, parameters: Tensor, code: Tensor) -> Tensor:
        """Return the mean squared error of the reconstruction, with the KL divergence where variational."""
        error = F.mse_loss(self.decoder(code).float(), self.reduced(image))
        if not self.variational:
            return error
        mean, log_variance = parameters.float().chunk(2, dim=-1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2
        return error + self.kl_weight * divergence

    def on_train_epoch_start(self) -> None:
        """Freeze encoder and code, where asked, as soon as pre-training is over."""
        if self.freeze_pretrained and not self.pretraining:
            learnt = (self.encoder, self.to_code) if self.pretrain_epochs else (self.encoder,)
            for module in learnt:
                module.requires_grad_(False).eval()

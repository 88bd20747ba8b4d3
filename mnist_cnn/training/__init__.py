"""One training run: the LightningModule, the Trainer, and what happens around them."""

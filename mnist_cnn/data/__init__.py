"""Data: what a data set is, obtaining and reading them, augmentation, and batches in memory."""

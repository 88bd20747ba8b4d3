"""Data: obtaining and reading the data sets, augmentation, and batches in memory."""

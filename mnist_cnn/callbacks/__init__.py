"""What happens around training: checkpoints, random numbers, curves, progress bar and result files."""

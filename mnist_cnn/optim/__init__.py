"""Optimisers and learning-rate schedules, chosen by name."""

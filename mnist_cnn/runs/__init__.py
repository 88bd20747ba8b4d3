"""What a run leaves on the disk: its folder, its checkpoints, and what it was trained on."""

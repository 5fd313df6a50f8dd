"""What lessons run on: exercises, explorers, experiments, predictions, data, plotting. Knows no lesson by name."""

"""What lessons run on: exercises, explorers, experiments, predictions, data, devices and plotting. Knows no lesson by name."""

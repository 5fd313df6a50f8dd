"""What was measured, beside what was promised: `make bench`."""

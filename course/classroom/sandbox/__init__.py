"""Where a student's code runs, and what of the course it sees there."""

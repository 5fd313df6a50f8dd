"""What learners need: their own copies of the lessons, and a look at their machine."""

"""The classroom: build, release and, later, grading."""

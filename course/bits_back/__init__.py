"""Lesson 5: bits-back coding."""

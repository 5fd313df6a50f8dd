"""Lesson 3: double descent."""

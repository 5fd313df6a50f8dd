"""Lesson 1: the minimum-norm kernel solution."""

"""Lesson 2: fitting random labels."""

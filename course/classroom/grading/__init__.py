"""Grading: from a folder of hand-ins to tables, pages and nbgrader's gradebook."""

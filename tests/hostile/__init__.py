"""Submissions made to bend their grades, and what must become of them."""

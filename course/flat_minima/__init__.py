"""Lesson 4: the Laplace approximation of flat minima."""

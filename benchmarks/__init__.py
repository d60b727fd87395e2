"""Figures, each beside a bare loop from the same run; they gate nothing."""

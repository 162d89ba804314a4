"""Graphs and charts: states, forks, the family of policies, and what fork costs."""

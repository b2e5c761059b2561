"""Training: one loop for every stage that trains."""

from fairprune.train.course import Course, Curve, DivergedError, State
from fairprune.train.loop import fit
from fairprune.train.step import way

__all__ = ["Course", "Curve", "DivergedError", "State", "fit", "way"]

"""Losses that can only be called: any Python function of arrays."""

from fastcheck.blackbox.loss import BlackBox
from fastcheck.blackbox.structure import as_mapping
from fastcheck.blackbox.survey import Survey, Surveyor

__all__ = ["BlackBox", "Survey", "Surveyor", "as_mapping"]

"""Losses that can only be called: any Python function of arrays."""

from fastcheck.blackbox.compiled import CompiledBox
from fastcheck.blackbox.loss import BlackBox
from fastcheck.blackbox.scale import rms
from fastcheck.blackbox.survey import Survey, Surveyor

__all__ = ["BlackBox", "CompiledBox", "Survey", "Surveyor", "rms"]

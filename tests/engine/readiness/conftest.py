"""Whole models to break."""

from tests.engine.readiness.whole import whole as whole

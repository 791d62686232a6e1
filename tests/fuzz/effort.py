"""How long the fuzz tests go on: ``FUZZ_EXAMPLES=20000 pytest tests/fuzz --hypothesis-seed=1`` is a long run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["fuzz"]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))

fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

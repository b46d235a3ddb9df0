# SPDX-License-Identifier: Apache-2.0
"""How much hypothesis tries: `fast` in every run, `soak` with HYPOTHESIS_PROFILE=soak."""

import os

from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

# No deadline: a shared machine is sometimes slow, and no test here is about time.
settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True, suppress_health_check=_QUIET)
settings.register_profile("soak", max_examples=5000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

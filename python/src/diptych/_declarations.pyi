# SPDX-License-Identifier: Apache-2.0
# What the build makes of diptych.h.
from typing import Any

ffi: Any

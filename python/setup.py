# SPDX-License-Identifier: Apache-2.0
"""pyproject.toml says what the package is; here is the one thing that it has no word for."""

from setuptools import setup

setup(cffi_modules=["declarations.py:ffi"])

# SPDX-License-Identifier: Apache-2.0
"""diptych.h as cffi knows it.

The build writes diptych/_declarations.py from it: no compiler takes part, and one package serves every version of
Python. The header stands beside this file (a link to joint/diptych.h), so there is no second list of what it declares.
"""

import pathlib
import re

import cffi

header = (pathlib.Path(__file__).parent / "diptych.h").read_text(encoding="utf-8")
header = re.sub(r"#ifdef __cplusplus.*?#endif", "", header, flags=re.DOTALL)
header = re.sub(r"^#.*$", "", header, flags=re.MULTILINE)

ffi = cffi.FFI()
ffi.cdef(header.replace("DIPTYCH_API", ""))
ffi.set_source("diptych._declarations", None)

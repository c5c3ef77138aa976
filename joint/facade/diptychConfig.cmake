# SPDX-License-Identifier: Apache-2.0
# find_package(diptych): diptych::diptych is the shared library, diptych::diptych_static the other.
include(${CMAKE_CURRENT_LIST_DIR}/diptychTargets.cmake)

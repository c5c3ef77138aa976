#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test.
set -eu
cd "$(dirname "$0")"
. .ci/install

install_packages curl # which a test asks with
cmake --preset release
cmake --build --preset release
ctest --preset release

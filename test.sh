#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test.
set -eu
cd "$(dirname "$0")"
. .ci/install

install_packages curl zsh fish mandoc # with which tests ask, complete and read the manual
cmake --preset release
cmake --build --preset release
ctest --preset release

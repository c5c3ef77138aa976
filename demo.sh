#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and classifies the sample pictures with the model that comes with Diptych.
set -eu
cd "$(dirname "$0")"
. .ci/install

install_packages
cmake --preset release --log-level=NOTICE
cmake --build --preset release --target diptych
echo
build/diptych classify assets/pictures --labels assets/labels.txt --top 1

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and classifies the sample pictures with the model that comes with Diptych; then
# indexes and searches them.
set -eu
cd "$(dirname "$0")"
. .ci/install

install_packages
cmake --preset release --log-level=NOTICE
cmake --build --preset release --target diptych
echo
build/diptych classify assets/pictures --labels assets/labels.txt --top 1

echo
build/diptych index build build/samples.dip assets/pictures
echo
build/diptych search build/samples.dip "three white flowers" --top 3

echo
echo "To search on a page: build/diptych serve --index build/samples.dip --listen 127.0.0.1:8080"
echo "and open http://127.0.0.1:8080/ in a browser."

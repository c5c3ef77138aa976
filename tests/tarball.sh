#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tarball.sh FOLDER [CTEST ARGUMENT...]: writes FOLDER/diptych-VERSION.tar.gz of what is committed, the same bytes of the same commit, and
# builds, tests and installs it from there, where neither a repository nor git is. As long as a build takes, and no part of .ci/run.
set -eu
folder=$1
shift
cd "$(dirname "$0")/.."
name=diptych-$(cat VERSION)
mkdir -p "$folder"
folder=$(realpath "$folder")
git archive --format=tar --prefix="$name/" HEAD | gzip -n -9 >"$folder/$name.tar.gz"

rm -rf "$folder/$name" "$folder/bin"
mkdir "$folder/bin"
printf '#!/bin/sh\necho "git $*" >>"%s/git-calls"\nexit 127\n' "$folder" >"$folder/bin/git"
chmod +x "$folder/bin/git"
rm -f "$folder/git-calls"
tar -x -z -C "$folder" -f "$folder/$name.tar.gz"

cd "$folder/$name"
export PATH="$folder/bin:$PATH"
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release
cmake --build build
(cd build && ctest --output-on-failure "$@")
cmake --install build --prefix "$folder/installed"
"$folder/installed/bin/diptych" --version
"$folder/installed/bin/diptych" classify assets/pictures/01.png --labels "a red heart,a blue star" --quiet
[ ! -e "$folder/git-calls" ] || { echo "git was called:"; cat "$folder/git-calls"; exit 1; }
ls -l "$folder/$name.tar.gz"

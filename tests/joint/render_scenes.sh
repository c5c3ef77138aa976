# SPDX-License-Identifier: Apache-2.0
# render_scenes.sh SCENES FOLDER: held-out scenes of each kind, and the words they are made of.
set -eu
scenes=$1 folder=$2
rm -rf "$folder" && mkdir -p "$folder"
"$scenes" --list >"$folder/words.txt"
"$scenes" --others >"$folder/others.txt"
"$scenes" --split heldout --kind single --count 500 --seed 1 --out "$folder/single"
"$scenes" --split heldout --kind count --count 500 --seed 2 --out "$folder/count"
"$scenes" --split heldout --kind mixed --count 400 --seed 3 --out "$folder/mixed"

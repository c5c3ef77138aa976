#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `diptych doctor` says where all is well, and where something is not.
. "$2/tests/cli/lib.sh"
export HOME="$scratch/home" DIPTYCH_DECODER="${DIPTYCH_DECODER:-$(dirname "$diptych")/diptych-decode}"
unset XDG_CACHE_HOME XDG_DATA_HOME DIPTYCH_KERNEL_CACHE POCL_CACHE_DIR
mkdir home

# states FILE: "device=well arithmetic=well ...", each subject and state once.
states() {
    sed -n 's/^\([a-z][a-z]*\)  *\([a-z]*\)  .*/\2=\1/p' "$1" | uniq | tr '\n' ' '
}

# expect_states STATES: of all subjects, in order.
expect_states() {
    [ "$(states out)" = "$1 " ] || problem "states are '$(states out)', not '$1 '"
}

run doctor
expect_status 0
expect_empty err
expect_states "device=well arithmetic=well model=well downloads=well folders=well formats=well decoder=well"
expect_match out "^well  arithmetic  matrix products, layer norms and attention come out as in plain C"
expect_match out "^well  downloads   no model has been downloaded$"
expect_line out "All is well."
expect_line out "well  folders     compiled kernels go to '$HOME/.cache/diptych'"
expect_line out "well  folders     indexes without a name go to '$HOME/.local/share/diptych/default.dip'"

run doctor --format json
expect_status 0
expect_match out '^  "state": "well",$'
run doctor --precision f32 --device cpu
expect_match out "^well  device  .*: f32, products by "
run doctor x
expect_status 2

# ---- nothing works
export OCL_ICD_VENDORS="$scratch/vendors"
mkdir vendors
run doctor
expect_status 2
expect_states "device=bad downloads=well folders=well formats=well decoder=well"
expect_match out "^bad   device      no OpenCL device found"
expect_match out "^ *-> (sudo apt install pocl-opencl-icd|install PoCL)"
expect_line out "Diptych cannot work until this is mended."
unset OCL_ICD_VENDORS

run doctor --device none
expect_status 2
expect_match out "^bad   device .*matches 'none'"

mkdir broken && cp "$root"/tests/model/* broken && echo '{' >broken/config.json
run doctor --model broken
expect_status 2
expect_states "device=well arithmetic=well model=bad downloads=well folders=well formats=well decoder=well"
expect_match out "^bad   model  .*unable to parse 'broken/config.json'"
DIPTYCH_MODEL=openai/clip-vit-base-patch32 run doctor
expect_status 2
expect_match out "^bad   model  .*no model 'openai/clip-vit-base-patch32' here"

# ---- something does not
DIPTYCH_DECODER=$scratch/none run doctor
expect_status 1
expect_states "device=well arithmetic=well model=well downloads=well folders=well formats=well decoder=poor"
expect_match out "^poor  decoder .*'$scratch/none'"
expect_match out "^ *-> install Diptych anew"
expect_line out "Diptych works, but not all of it."

DIPTYCH_KERNEL_CACHE=/dev/null/kernels run doctor
expect_status 1
expect_match out "^poor  folders     '/dev/null/kernels' cannot be written to: they are compiled at each start"
HF_HUB_CACHE=/dev/null/hub run doctor
expect_status 1
expect_match out "^poor  folders     '/dev/null/hub' cannot be written to: no model can be downloaded"
HOME=/dev/null TMPDIR=$scratch run doctor
expect_status 1
expect_match out "^poor  folders     '/dev/null/.local/share/diptych/default.dip' cannot be written to"
"$diptych" devices | grep -q "Portable Computing Language" &&
    expect_match out "^poor  folders     PoCL cannot write to its own folder"

snapshot=hub/models--acme--clip/snapshots/0123456789012345678901234567890123456789
mkdir -p "$snapshot" hub/models--acme--clip/refs
printf 0123456789012345678901234567890123456789 >hub/models--acme--clip/refs/main
cp "$root"/tests/model/* "$snapshot"
run doctor
expect_status 0
expect_match out "^well  downloads   of the models that were downloaded, 1 runs$"
echo '{' >"$snapshot/config.json"
run doctor
expect_status 1
expect_states "device=well arithmetic=well model=well downloads=poor folders=well formats=well decoder=well"
expect_match out "^poor  downloads   acme/clip does not run: .*config.json"
expect_match out "^ *-> .diptych models remove acme/clip., and .diptych pull acme/clip."

finish

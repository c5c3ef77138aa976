#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# index build and update: what is new, changed, moved, copied, gone or broken, and what may not be written to.
. "$2/tests/cli/lib.sh"
scenes=$4
tab=$(printf '\t')

# expect_pictures NEW CHANGED COPIED MOVED GONE UNCHANGED FAILED
expect_pictures() {
    expect_line err "pictures: $1 new, $2 changed, $3 copied, $4 moved, $5 gone, $6 unchanged, $7 failed"
}

# expect_sound INDEX: verify finds nothing.
expect_sound() {
    run index verify "$1" --quiet
    expect_status 0
    expect_empty out
    expect_empty err
}

# id_of NAME: the item of a picture below ./tree.
id_of() {
    "$diptych" index list a.dip -f tsv | awk -F "$tab" -v path="$PWD/tree/$1" '$3 == path { print $1 }'
}

"$scenes" --count 12 --seed 1 --out tree >/dev/null
mkdir tree/deep tree/.hidden
for n in 8 9; do mv "tree/00000$n.png" tree/deep; done
mv tree/000010.png tree/.hidden

# ---- build
run index build a.dip tree --storage f32
expect_status 0
expect_empty out
expect_pictures 11 0 0 0 0 0 0
expect_line err "passed over 1 file: 1 text" # scenes.jsonl
expect_match err '^encoded: 11: [0-9.]+ s, [0-9.]+ items/s \((amx|avx512|avx2|onednn|clblast), (f32|bf16|f16)\)$'
expect_sound a.dip
run index list a.dip -f tsv
expect_lines out 11
expect_match out "^1${tab}image${tab}$PWD/tree/000000.png${tab}[0-9]+${tab}[0-9]+${tab}96${tab}96$tab{8}\$"
run index list a.dip
expect_match out "^ +11  image  $PWD/tree/deep/000009.png\$"
run index list a.dip -f json --where "path like '%/000003.png'"
expect_lines out 1
expect_match out '^\{"id": 4, "kind": "image", "path": ".*/tree/000003\.png", "size": [0-9]+, "mtime": [0-9]+, "width": 96, "height": 96, "hash": "[0-9a-f]{64}", "schema": "index-list/1"\}$'
[ "$(sed 's/.*"hash": "\([0-9a-f]*\)".*/\1/' out)" = "$(sha256sum <tree/000003.png | cut -c 1-64)" ] ||
    problem "the hash is not sha256sum's"
run index info a.dip --format json
expect_text out '"pictures": 11'
expect_text out '"storage": "f32"'
expect_text out "\"vector_bytes\": $((11 * 128 * 4))"

# ---- nothing to do, from another folder, by another name of the same folder
(cd tree/deep && "$diptych" index update ../../a.dip ../deep/.. >../../out 2>../../err)
status=$?
expect_status 0
expect_pictures 0 0 0 0 0 11 0
expect_match err '^encoded: 0: '

# ---- all that can happen to files
one=$(id_of 000001.png) two=$(id_of 000002.png) three=$(id_of 000003.png)
mv tree/000001.png tree/deep/renamed.png                        # moved
cp tree/000004.png tree/copy.png                                # copied
mv tree/000002.png swap && mv tree/000003.png tree/000002.png && mv swap tree/000003.png # both moved
cp "$root/assets/pictures/01.png" tree/000005.png               # changed
rm tree/000006.png                                              # gone
touch -d '2001-01-01' tree/000007.png                           # touched only
"$scenes" --count 1 --seed 99 --out more >/dev/null && cp more/000000.png tree/new1.png && cp more/000000.png tree/new2.png
echo "no picture" >tree/broken.jpg
mv tree/deep/000008.png tree/deep/.000008.png                   # hidden: gone
run index update a.dip tree
expect_status 1
expect_pictures 1 1 2 3 2 5 1
expect_line err "diptych: unable to read '$PWD/tree/broken.jpg': not a picture, or of an unknown format"
expect_match err '^encoded: 2: '
expect_sound a.dip
[ "$one $two $three" = "$(id_of deep/renamed.png) $(id_of 000003.png) $(id_of 000002.png)" ] ||
    problem "moved pictures have other ids"
[ -z "$(id_of broken.jpg)$(id_of 000006.png)$(id_of deep/000008.png)" ] || problem "items of what is not there"
run index list a.dip -f tsv --where "mtime = 978307200" # 2001-01-01
expect_lines out 1
run index update a.dip tree
expect_status 0 # what failed is known
expect_pictures 0 0 0 0 0 12 0
expect_line err "pictures that failed before and did not change: 1; --retry-failed tries them"
expect_lines err 4
run index update a.dip --retry-failed
expect_status 1
expect_pictures 0 0 0 0 0 12 1
expect_text err "unable to read '$PWD/tree/broken.jpg'"
touch tree/broken.jpg
run index update a.dip
expect_status 1
expect_pictures 0 0 0 0 0 12 1

# ---- what failed, and why
cp tree/broken.jpg tree/broken2.jpg
: >tree/empty.png
run index update a.dip
expect_status 1
expect_pictures 0 0 0 0 0 12 2
run index list a.dip --failed
expect_lines out 3
expect_line out "       2  not a picture, or of an unknown format  $PWD/tree/broken.jpg"
expect_line out "       1  the file is empty  $PWD/tree/empty.png"
touch -d '2001-01-01' tree/empty.png
run index list a.dip --failed -f tsv
expect_match out "^$PWD/tree/broken2.jpg${tab}11${tab}[0-9]+${tab}not a picture, or of an unknown format\$"
run index list a.dip --failed -f json
expect_match out "^\{\"path\": \"$PWD/tree/broken.jpg\", \"size\": 11, \"mtime\": [0-9]+, \"error\": \"not a picture"
run index list a.dip --failed --where 1
expect_status 2
rm tree/broken2.jpg tree/empty.png
run index update a.dip
expect_status 0
run index list a.dip --failed
expect_lines out 2

# ---- the same as an index built at once: rows and content, by path
run index compact a.dip
expect_status 0
expect_line err "diptych: 'a.dip' has 12 rows, 3 fewer"
expect_sound a.dip
run index build b.dip tree --storage f32 --quiet
expect_status 1
for name in a b; do
    "$diptych" index list $name.dip -f json | sed 's/"id": [0-9]*, //' | sort >$name.list
done
cmp -s a.list b.list || problem "an updated index differs from one built at once"

# Each has the vector of its own content.
for name in deep/renamed 000002 000003 copy 000005 new2; do
    run search a.dip --image "tree/$name.png" --where "path = '$PWD/tree/$name.png'" -f tsv
    [ "$(cut -f 2 out | awk '$1 > 0.999 && $1 < 1.001 { print "one" }')" = one ] || problem "another vector for $name.png"
done

# ---- a picture that breaks leaves the index; one that cannot be looked at stays
id=$(id_of new1.png)
printf 'PNG no more' >tree/new1.png
run index update a.dip tree -q
expect_status 1
[ -z "$(id_of new1.png)" ] || problem "a broken picture still has its vector"
run index update a.dip tree/nowhere
expect_status 1
expect_pictures 0 0 0 0 0 0 1
expect_match err "^diptych: unable to read '.*/tree/nowhere': No such file or directory"
run index build a.dip tree/deep
expect_pictures 0 0 0 0 0 2 0 # and what lies elsewhere is not gone
run index info a.dip
expect_match out '^pictures +11$'

# ---- what moves from a folder that is not given to one that is
mkdir other && mv tree/deep/renamed.png other
run index update a.dip other
expect_status 0
expect_pictures 0 0 0 1 0 0 0
mv other/renamed.png tree/deep
run index update a.dip tree/deep
expect_pictures 0 0 0 1 0 1 0

# ---- an update that names nothing goes by all that the index was made from
run index info a.dip
expect_match out "^  pictures  $PWD/tree\$"
rm -r other
run index update a.dip
expect_status 1
expect_text err "unable to read '$PWD/other'"
expect_match err '^pictures: 0 new, .* 11 unchanged, 1 failed' # 'tree/nowhere' is not remembered
run index remove a.dip other # it has nothing of them any more, but was made from them
expect_status 0
run index update a.dip
expect_status 0
expect_match err '^pictures: 0 new, .* 11 unchanged, 0 failed'
expect_line err "pictures that failed before and did not change: 2; --retry-failed tries them"

# ---- remove
run index remove a.dip tree/deep
expect_status 0
expect_line err "diptych: 2 items removed from 'a.dip'"
run index remove a.dip --where "path like '%copy%'"
expect_line err "diptych: 1 item removed from 'a.dip'"
run index remove a.dip --id "$(id_of new2.png)" --id 12345
expect_status 1
expect_text err "has no item 12345"
run index remove a.dip elsewhere
expect_status 1
expect_line err "diptych: 'a.dip' has nothing of '$PWD/elsewhere'"
run index remove a.dip
expect_status 2
run index info a.dip
expect_match out '^pictures +7$'
expect_match out '^dead_rows +5$'
expect_sound a.dip

# ---- what is refused
run index build a.dip tree --storage i8
expect_status 2
expect_line err "diptych: cannot build: 'a.dip' keeps its vectors as f32, not as i8"
run index update nothing.dip tree
expect_status 2
expect_match err "'nothing\.dip' is not an index"
mkdir full.dip
touch full.dip/file
run index build full.dip tree
expect_status 2
expect_match err "unable to make 'full.dip'"
run index build a.dip
expect_status 2
expect_match err "nothing to put in"
run index update nothing.dip
expect_status 2
expect_match err "'nothing\.dip' is not an index"
run index build
expect_status 2
run index build c.dip tree --texts nowhere.txt
expect_status 2
expect_line err "diptych: cannot build: unable to open '$PWD/nowhere.txt': No such file or directory"
[ ! -e c.dip ] || problem "an index was made"
run index build c.dip nowhere
expect_status 2
expect_line err "diptych: cannot build: unable to read '$PWD/nowhere': No such file or directory"
[ ! -e c.dip ] || problem "an index was made"
mkdir model && ln -s "$root"/tests/model/* model && rm model/preprocessor_config.json
sed 's/0\.48/0.47/' "$root/tests/model/preprocessor_config.json" >model/preprocessor_config.json
run index update a.dip tree --model model
expect_status 2
expect_match err "'a\.dip' was made with another model: "
run index verify nothing.dip
expect_status 2
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w a.dip a.dip/*
    run index update a.dip tree
    expect_status 2
    run index list a.dip
    expect_status 0
    chmod u+w a.dip a.dip/*
fi

# ---- damage has a line
printf 'x' | dd of=a.dip/vectors-2.f32 bs=1 seek=100 conv=notrunc 2>/dev/null
run index verify a.dip
expect_status 1
expect_lines out 1
expect_match out "row 0"
expect_line err "diptych: 'a.dip' has 1 defect"

finish

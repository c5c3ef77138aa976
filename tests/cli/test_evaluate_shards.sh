#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate classify and retrieval of archives: the same numbers as of folders, and CLIP_benchmark's layout.
. "$2/tests/cli/lib.sh"

make_shard=$4
evaluate() {
    run evaluate classify "$@"
}
mkdir -p set/heart set/star set/flower
pictures=$root/assets/pictures
cp "$pictures/01.png" "$pictures/02.png" set/heart
cp "$pictures/05.jpg" set/star
cp "$pictures/07.png" set/flower
evaluate set -f json -q
expect_status 0
cp out folders
for label in heart star flower 0 1 2 3; do
    echo "$label" >"$label.cls"
done
shard() { # shard ARCHIVE CLASS CLASS CLASS CLASS: the four pictures, in the folders' order
    "$make_shard" "$1" "a/s0.png=$pictures/07.png" "a/s0.cls=$2.cls" "a/s1.cls=$3.cls" "a/s1.png=$pictures/01.png" \
        "a/s2.png=$pictures/02.png" "a/s2.json=0.cls" "a/s2.cls=$4.cls" "a/s3.jpg=$pictures/05.jpg" "a/s3.cls=$5.cls" ||
        problem "no $1"
}

# ---- archives alone: labels by name, by number, and in several of them
shard names.tar flower heart heart star
shard numbers.tar.gz 0 1 1 2
evaluate names.tar -f json -q
expect_status 0
expect_empty err
cmp -s out folders || problem "not as folders: $(diff out folders)"
evaluate numbers.tar.gz --labels flower,heart,star -f json -q
cmp -s out folders || problem "not as folders: $(diff out folders)"
evaluate names.tar
expect_line err "passed over 1 file: 1 text"
mkdir -p both
shard both/00.tar 0 1 1 2
shard both/01.tar 0 1 1 2
for paths in both 'both/{00..01}.tar' 'both/00.tar both/01.tar'; do
    evaluate $paths --labels flower,heart,star -f tsv
    expect_status 0
    expect_match err '^8 pictures, 0 failed: '
    expect_match out '^heart	4	'
done
evaluate numbers.tar.gz
expect_status 2
expect_text err "the labels in 'numbers.tar.gz' are numbers, such as '0': --labels says what they are called, from 0 on"
evaluate numbers.tar.gz --labels flower,heart
expect_status 2
expect_text err "1 labels are none of those to choose from, which have the numbers 0 to 1: '2'; --allow-missing"
evaluate numbers.tar.gz --labels flower,heart,star,moon
expect_status 2
expect_text err "1 labels have no pictures: 'moon'; --allow-missing"

# ---- CLIP_benchmark's layout
mkdir -p wds/test wds/train
shard wds/test/0.tar 0 1 1 2
shard wds/test/1.tar 0 1 1 2
shard wds/train/0.tar 0 1 1 2
echo 1 >wds/test/nshards.txt
echo 1 >wds/train/nshards.txt
printf 'flower\nheart\nstar' >wds/classnames.txt
printf 'a photo of a {c}.\n' >wds/zeroshot_classification_templates.txt
evaluate wds -f json
expect_status 0
expect_line err "diptych: evaluating 'wds/test'; left out: 'train'"
expect_line err "diptych: left out, since 'wds/test/nshards.txt' does not count them: '1.tar'"
cmp -s out folders || problem "not as folders: $(diff out folders)"
for place in wds/test wds/test/0.tar; do
    evaluate $place -f json -q
    cmp -s out folders || problem "not the class names above '$place': $(diff out folders)"
done
(cd wds/test && "$diptych" evaluate classify . -f json -q) >out
cmp -s out folders || problem "not the class names above '.': $(diff out folders)"

# Its templates are the default; the probabilities on the page tell.
probabilities() {
    evaluate "$@" -q --html page.html
    grep -o '[0-9.]* %</dd>' page.html
}
probabilities set >plain
probabilities set -t 'the moon, no {}!!' >other
cmp -s other plain && problem "another template makes no difference to be seen"
echo 'the moon, no {c}!!' >wds/zeroshot_classification_templates.txt
probabilities wds | cmp -s - other || problem "not its own templates"
probabilities wds --labels flower,heart,star | cmp -s - other || problem "not its own templates for other labels"
probabilities wds -t 'a photo of a {}.' | cmp -s - plain || problem "not the templates that are asked for"
evaluate wds --labels flower,heart
expect_status 2
expect_line err "diptych: cannot evaluate: 'flower,heart' has 2 labels, and 'wds/classnames.txt' 3 classes"
echo 2 >wds/test/nshards.txt
evaluate wds -f tsv
expect_match err '^8 pictures, 0 failed: '
echo 3 >wds/test/nshards.txt
evaluate wds
expect_status 2
expect_line err "diptych: cannot evaluate: 'wds/test/nshards.txt' counts 3 archives, and there is no 'wds/test/2.tar'"
for text in 0 none 1.5; do
    echo $text >wds/test/nshards.txt
    evaluate wds
    expect_status 2
    expect_line err "diptych: cannot evaluate: unable to read 'wds/test/nshards.txt': no number of archives"
done
rm wds/test/nshards.txt
printf 'flower\nheart\nstar\nmoon\nheart\n' >wds/classnames.txt
evaluate wds -f tsv
expect_status 0
expect_line err "diptych: 2 labels have no pictures: 'moon', 'heart'"
expect_line err "diptych: 1 labels of 'wds/classnames.txt' are called as one before them, and pictures of theirs can only be taken for that: 'heart'"
expect_lines out 6
printf 'flower\n\nheart\nstar\n' >wds/classnames.txt
evaluate wds
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'wds/classnames.txt': line 2 is empty"
printf 'flower\nheart\n' >wds/classnames.txt
evaluate wds
expect_status 2
expect_text err "1 labels are none of those to choose from, which have the numbers 0 to 1: '2'; --allow-missing"
echo retrieval >wds/dataset_type.txt
evaluate wds
expect_status 2
expect_line err "diptych: cannot evaluate: 'wds/dataset_type.txt' says that this is a data set for retrieval"

# ---- several labels a picture, as .npy
vector() { # vector FILE TYPE BYTES: numpy's vector of three numbers
    { printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': (3,), }" && printf "$3"; } >"$1"
}
zero='\0\0\0\0' one='\0\0\200\77'
vector a.npy '<f4' "$one$zero$zero"
vector b.npy '|b1' '\0\1\1'
vector c.npy '<i8' '\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377'
vector d.npy '|u1' '\0\0\0'
mkdir -p multi/test
multi() {
    "$make_shard" multi/test/0.tar "0.png=$pictures/07.png" 0.npy=a.npy "1.png=$pictures/01.png" 1.npy=b.npy \
        "2.png=$pictures/02.png" 2.npy=c.npy "3.jpg=$pictures/05.jpg" "3.npy=$1"
}
multi d.npy
echo multilabel >multi/dataset_type.txt
printf 'flower\nheart\nstar\n' >multi/classnames.txt
evaluate multi -f json -q
expect_status 0
cp out several
printf 'path,flower,heart,star\nflower/07.png,1,0,0\nheart/01.png,0,1,1\nheart/02.png,0,1,0\nstar/05.jpg,0,0,0\n' >set/several.csv
evaluate set/several.csv -f json -q
expect_status 0
cmp -s out several || problem "not as CSV: $(diff out several)"
printf 'flower\nheart\nstar\nmoon\n' >multi/classnames.txt
evaluate multi
expect_status 2
expect_line err "diptych: cannot evaluate: the .npy in 'multi/test' have 3 numbers, and there are 4 labels"
head -c 129 a.npy >e.npy
multi e.npy
evaluate multi
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'multi/test/0.tar!/3.npy': damaged npy: the file ends in its elements"
vector e.npy '<c8' '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
multi e.npy
evaluate multi
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'multi/test/0.tar!/3.npy': npy that is no vector of numbers"
multi 0.cls
evaluate multi
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'multi/test/0.tar!/3.npy': damaged npy: it does not begin as one"

# ---- samples that are not whole
"$make_shard" bare.tar "0.png=$pictures/01.png" 0.cls=heart.cls "1.png=$pictures/07.png" 1.cls=flower.cls \
    "2.jpg=$pictures/05.jpg" 3.cls=star.cls
evaluate bare.tar
expect_status 2
expect_text err "1 pictures have no .cls beside them: 'bare.tar!/2.jpg'; --allow-missing goes on all the same"
evaluate bare.tar --allow-missing -f json
expect_status 0
expect_line err "diptych: 1 labels have no picture beside them: 'bare.tar!/3.cls'"
expect_line err "diptych: 1 pictures without a label are left out"
expect_text out '"pictures": 2,'
: >empty.cls
"$make_shard" bad.tar "0.png=$pictures/01.png" 0.cls=empty.cls
evaluate bad.tar
expect_status 2
expect_line err "diptych: cannot evaluate: unable to read 'bad.tar!/0.cls': it is empty"
head -c 5000 /dev/zero | tr '\0' a >long.cls
"$make_shard" bad.tar "0.png=$pictures/01.png" 0.cls=long.cls
evaluate bad.tar
expect_status 2
expect_text err "unable to read 'bad.tar!/0.cls': "
"$make_shard" bad.tar note.txt=0.cls
evaluate bad.tar
expect_status 2
expect_text err "no pictures in 'bad.tar' to evaluate"
evaluate nowhere.tar
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'nowhere.tar': No such file or directory"
head -c 95000 names.tar >cut.tar
evaluate cut.tar --labels flower,heart,star --allow-missing -f tsv
expect_status 1
expect_text err "cut.tar"

# ---- the page
evaluate names.tar --html page.html -q -f tsv
expect_status 0
pictures=$(grep -c 'src="data:image/[a-z]*;base64,' page.html)
wrong=$(awk -F '\t' 'NR > 1 { wrong += $2 - $3 } END { print wrong }' out)
[ "$pictures" -eq "$wrong" ] || problem "$pictures thumbnails of $wrong mistakes"

# ---- captions beside the pictures: evaluate retrieval, with the numbers of a file of captions and a folder
retrieval() {
    run evaluate retrieval "$@"
}
shipped=$root/assets/pictures
references=$root/assets/captions/references.json
retrieval -c "$references" -i "$shipped" -f json -q
expect_status 0
cp out loose
sed -n 's/^ "\([0-9]*\)": .*/\1/p; s/^  "\(.*\)",*$/\1/p' "$references" |
    awk '/^[0-9]+$/ { file = $0 ".txt"; next } { print > file }'
captioned() { # captioned ARCHIVE FIRST LAST: those pictures, and on either side their captions
    set -- "$@" --
    for number in $(seq -w "$2" "$3"); do
        name=$(cd "$shipped" && echo $number.*)
        case $number in
        *[02468]) set -- "$@" "a/s$name=$shipped/$name" "a/s$number.txt=$number.txt" ;;
        *) set -- "$@" "a/s$number.txt=$number.txt" "a/s$name=$shipped/$name" ;;
        esac
    done
    archive=$1
    shift 4
    "$make_shard" "$archive" "$@" || problem "no $archive"
}
as_loose() {
    retrieval "$@" -f json
    expect_status 0
    cmp -s out loose || problem "'$*' is not as files: $(diff out loose)"
}
captioned all.tar 01 12
as_loose all.tar
expect_match err "^12 pictures, 0 failed: "
captioned all.tar.gz 01 12
as_loose all.tar.gz
mkdir -p cap/test cap/train
captioned cap/test/0.tar 01 07
captioned cap/test/1.tar 08 12
captioned cap/test/2.tar 01 03
captioned cap/train/0.tar 01 03
as_loose 'cap/test/{0..1}.tar'
as_loose cap/test/0.tar cap/test/1.tar
echo 2 >cap/test/nshards.txt
as_loose cap
expect_line err "diptych: evaluating 'cap/test'; left out: 'train'"
expect_line err "diptych: left out, since 'cap/test/nshards.txt' does not count them: '2.tar'"
echo Retrieval >cap/dataset_type.txt
as_loose cap
as_loose cap/test

# Lines may end as on Windows, and are captions where they hold something.
sed -e 's/$/\r/' -e '1s/^/\r\n \t\r\n/' 01.txt >windows.txt
cp 01.txt 01.kept
cp windows.txt 01.txt
captioned windows.tar 01 12
as_loose windows.tar
cp 01.kept 01.txt

# ---- samples that are not whole
counts() { # counts IMAGES CAPTIONS
    [ "$(sed -n 's/.*"queries": \([0-9]*\),/\1/p' out | paste -s -d ' ' -)" = "$1 $2" ] || problem "not $1 images and $2 captions"
}
printf '\n  \n' >blank.txt
"$make_shard" loose.tar "0.png=$shipped/01.png" 0.txt=01.txt "1.png=$shipped/02.png" 1.txt=02.txt 2.txt=03.txt 3.txt=03.txt \
    "4.jpg=$shipped/05.jpg" "5.png=$shipped/07.png" 5.txt=blank.txt 0.json=04.txt
retrieval loose.tar
expect_status 2
expect_empty out
expect_line err "diptych: cannot evaluate: no picture beside 'loose.tar!/2.txt' (2 of 4 without one); --allow-missing leaves them out"
retrieval loose.tar --allow-missing -f json
expect_status 0
counts 2 6
expect_text out '"without_picture": 2,'
expect_text out '"without_captions": 2,'
expect_line err "passed over 1 file: 1 text"

# A member that cannot be read is one picture that failed: the picture itself, or its captions.
echo "no picture" >broken.png
printf 'a caf\351\n' >latin.txt
printf 'nul\0\n' >nul.txt
"$make_shard" failing.tar "0.png=$shipped/01.png" 0.txt=01.txt 1.png=broken.png 1.txt=02.txt "2.png=$shipped/02.png" 2.txt=latin.txt \
    "3.jpg=$shipped/05.jpg" 3.txt=nul.txt
retrieval failing.tar -f json
expect_status 1
counts 1 3
expect_text out '"failed": 3,'
expect_match err "^diptych: unable to read 'failing.tar!/1.png': "
expect_line err "diptych: unable to read 'failing.tar!/2.txt': line 1 is not UTF-8"
expect_line err "diptych: unable to read 'failing.tar!/3.txt': it is no text"
"$make_shard" twice.tar "0.png=$shipped/01.png" 0.txt=01.txt "0.jpg=$shipped/05.jpg"
retrieval twice.tar
expect_status 2
expect_line err "diptych: cannot evaluate: 'twice.tar!/0.png' and 'twice.tar!/0.jpg' have the same captions"
"$make_shard" twice.tar "0.png=$shipped/01.png" 0.txt=01.txt "0.png=$shipped/02.png"
retrieval twice.tar -f json
expect_status 1
counts 1 3
expect_text out '"failed": 1,'
expect_line err "diptych: unable to read 'twice.tar!/0.png': another of this name came before it"
head -c 95000 all.tar >cut.tar
retrieval cut.tar -f tsv
expect_status 1
expect_text err "cut.tar"
"$make_shard" failing.tar "2.png=$shipped/02.png" 2.txt=latin.txt
retrieval failing.tar
expect_status 2
expect_line err "diptych: cannot evaluate: no picture with captions could be read"

# ---- what is no such data set
for type in classification multilabel; do
    echo $type >cap/dataset_type.txt
    retrieval cap
    expect_status 2
    expect_line err "diptych: cannot evaluate: 'cap/dataset_type.txt' says that this is a data set for $type"
done
retrieval names.tar
expect_status 2
expect_line err "diptych: cannot evaluate: 'names.tar' has labels beside its pictures and no captions: it is a data set for classification"
"$make_shard" bare.tar "0.png=$shipped/01.png" 1.txt=blank.txt
retrieval bare.tar
expect_status 2
expect_line err "diptych: cannot evaluate: no pictures in 'bare.tar' that have captions beside them, in .txt"
retrieval set
expect_status 2
expect_line err "diptych: cannot evaluate: no archives in 'set'"
retrieval loose
expect_status 2
expect_line err "diptych: cannot evaluate: 'loose' is no archive of pictures and no folder of archives"
retrieval nowhere
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'nowhere': No such file or directory"
retrieval 'all.tar' 'nowhere{0..1}.tar'
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'nowhere0.tar': No such file or directory"
retrieval all.tar -c "$references"
expect_status 2
expect_text err "'all.tar' has captions and pictures: --captions and --images are for others"
retrieval all.tar -i "$shipped"
expect_status 2
expect_text err "'all.tar' has captions and pictures: --captions and --images are for others"
retrieval cap --split train
expect_status 2
expect_text err "--split is of a file of --captions, not of 'cap'"
retrieval
expect_status 2
expect_text err "no pictures: name archives with captions, or say --captions FILE and --images DIR"

finish

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# evaluate classify of a CSV: the same numbers as of folders, however people write one, and what is wrong with it by line.
. "$2/tests/cli/lib.sh"

evaluate() {
    run evaluate classify "$@"
}
mkdir -p set/heart set/star set/flower
cp "$root/assets/pictures/01.png" "$root/assets/pictures/02.png" set/heart
cp "$root/assets/pictures/05.jpg" set/star
cp "$root/assets/pictures/07.png" set/flower
evaluate set -f json -q
expect_status 0
cp out folders

# same NAME OPTION...: set/NAME, from standard input, measures as the folders do.
same() {
    name=$1
    shift
    cat >"set/$name"
    evaluate "set/$name" -f json -q "$@"
    expect_status 0
    expect_empty err
    cmp -s out folders || problem "not as folders: $(diff out folders)"
}

# ---- as people write it
printf 'heart/01.png,heart\nheart/02.png,heart\nstar/05.jpg,star\nflower/07.png,flower\n' | same plain.csv
printf '\357\273\277Path,Label\r\n"heart/01.png","heart"\r\nheart/02.png, heart \r\nstar/05.jpg,star\r\n\r\nflower/07.png,flower' |
    same windows.csv
printf 'label,width,filename\nheart,1,heart/01.png\nheart,2,heart/02.png\nstar,3,star/05.jpg\nflower,4,flower/07.png\n' |
    same columns.csv
printf 'id,breed\nheart/01,heart\nheart/02,heart\nstar/05,star\nflower/07,flower\n' | same kaggle.csv
printf 'image,flower,heart,star\nheart/01.png,0,1,0\nheart/02.png,0.0,1.0,0.0\nstar/05.jpg,False,False,True\nflower/07.png,1,-1,0\n' |
    same columns01.csv
printf 'file,class\nheart/01.png,1\nheart/02.png,1\nstar/05.jpg,2\nflower/07.png,0\n' | same numbers.csv -l flower,heart,star
printf 'heart/01.png,heart\nheart/01.png,heart\nheart/02.png,heart\nstar/05.jpg,star\nflower/07.png,flower\n' | same twice.csv
printf "$PWD/set/heart/01.png,heart\nheart/02.png,heart\nstar/05.jpg,star\nflower/07.png,flower\n" | same absolute.csv
mkdir lists
mv set/plain.csv lists
evaluate lists/plain.csv --images set -f json -q
cmp -s out folders || problem "not the pictures below --images"
gzip -c lists/plain.csv >set/plain.csv.gz
evaluate set/plain.csv.gz -f json -q
cmp -s out folders || problem "not the gzipped CSV"
(cd set && "$diptych" evaluate classify - -f json -q) <lists/plain.csv >out
cmp -s out folders || problem "not the CSV on standard input"

# ---- parts of a data set
printf 'path,split,label\nheart/01.png,train,heart\nheart/02.png,val,heart\nstar/05.jpg,Test,star\nflower/07.png,Test,flower\n' >set/split.csv
evaluate set/split.csv -f tsv
expect_status 0
expect_line err "diptych: evaluating 'Test' of 'set/split.csv'; left out: 'train', 'val'"
expect_match err '^2 pictures, 0 failed: '
printf 'fname,labels,is_valid\nheart/01.png,heart,False\nheart/02.png,heart,True\nstar/05.jpg,star,True\n' >set/valid.csv
evaluate set/valid.csv -f tsv
expect_status 0
expect_line err "diptych: evaluating 'valid' of 'set/valid.csv'; left out: 'train'"
expect_match err '^2 pictures, 0 failed: '

# ---- what fits no label
evaluate set/columns.csv --labels heart,star
expect_status 2
expect_line err "diptych: cannot evaluate: 1 labels are none of those to choose from: 'flower'; --allow-missing goes on all the same"
evaluate set/columns.csv --labels heart,star,moon --allow-missing -f json
expect_status 0
expect_line err "diptych: 1 labels are none of those to choose from: 'flower'"
expect_line err "diptych: 1 labels have no pictures: 'moon'"
expect_line err "diptych: 1 pictures without a label are left out"
expect_text out '"pictures": 3,'
evaluate set/columns.csv --labels cat,dog --allow-missing
expect_status 2
expect_line err "diptych: cannot evaluate: none of the 3 labels in 'set/columns.csv' is one of the 2 to choose from: 'heart', 'star', 'flower'"
evaluate set/numbers.csv
expect_status 2
expect_text err "the labels in 'set/numbers.csv' are numbers, such as '1': --labels says what they are called, from 0 on"
evaluate set/numbers.csv --labels heart,star
expect_status 2
expect_text err "1 labels are none of those to choose from, which have the numbers 0 to 1: '2'; --allow-missing"
printf 'heart/01.png,n03773504\nstar/05.jpg,missile\nflower/07.png,n01498041\n' >set/synsets.csv
evaluate set/synsets.csv --labels @imagenet --allow-missing -t "a {}" -f json
expect_status 0
expect_text out '"pictures": 3,'
printf 'heart/01.png,clear day\nstar/05.jpg,clear\n' | sed '1i image_name,tags' >set/tags.csv
evaluate set/tags.csv -f tsv
expect_status 0
expect_line err "diptych: labels with blanks in 'set/tags.csv' are one label each; --separator ' ' makes several of them"

# Two classes of one name: one where they go by name, two where they go by number.
printf 'heart\nstar\nheart\nflower\n' >shared.txt
evaluate set/columns.csv --labels shared.txt -f tsv
expect_status 0
expect_line err "diptych: label 'heart' stands in 'shared.txt' more than once and counts once"
expect_lines out 4
printf 'heart/01.png,0\nheart/02.png,2\nstar/05.jpg,1\nflower/07.png,3\n' >set/shared.csv
evaluate set/shared.csv --labels shared.txt -f tsv
expect_status 0
expect_line err "diptych: 1 labels of 'shared.txt' are called as one before them, and pictures of theirs can only be taken for that: 'heart'"
expect_lines out 5

# ---- several labels of a picture: the same numbers however they are written
several() {
    cat >set/several.csv
    evaluate set/several.csv -q "$@"
    expect_status 0
    expect_empty err
}
printf 'heart/01.png,heart;star\nheart/02.png,heart\nstar/05.jpg,star|flower\nflower/07.png,\n' | several -f json
cp out several
expect_text several '"mean_average_precision": '
grep -q acc1 several && problem "an accuracy of several labels"
printf 'path,labels\nheart/01.png,heart star\nheart/02.png,heart\nstar/05.jpg,star flower\nflower/07.png,\n' | several -f json --separator ' '
cmp -s out several || problem "not by blanks: $(diff out several)"
printf 'image,flower,heart,star\nheart/01.png,0,1,1\nheart/02.png,0,1,0\nstar/05.jpg,1,0,1\nflower/07.png,0,0,0\n' | several -f json
cmp -s out several || problem "not by columns: $(diff out several)"
printf 'heart/01.png,heart\nstar/05.jpg,star\nheart/01.png,star\nheart/02.png,heart\nstar/05.jpg,flower\nflower/07.png,;\n' | several -f json
mean=$(grep mean_average out)
grep -qxF -e "$mean" several || problem "not by lines: $mean"
cp set/several.csv lists
several -f tsv <lists/several.csv
expect_line out "label	pictures	average_precision"
expect_match out '^heart	2	[0-9.]+$'
several --html page.html <lists/several.csv
expect_match out '^mean average precision +[0-9.]+ %  \[[0-9.]+, [0-9.]+\]$'
cp page.html out
expect_text out '<h2>Average precision by class</h2>'
expect_text out 'no label'

# Those of a data set, whatever the case and with _ for a blank, here shared out among four pictures.
voc=$(grep -v '^#' "$root/assets/datasets/voc2007.txt" | cut -f 1 | paste -s -d ';' -)
first=${voc%;horse;*}
{
    echo "heart/01.png,$first"
    echo "heart/02.png,horse;motorbike;person"
    echo "star/05.jpg,pottedplant;sheep;sofa;person;dog"
    echo "flower/07.png,train;tvmonitor"
} >set/names.csv
several -t "a {}" -f json <set/names.csv
cp out several
expect_lines set/names.csv 4
[ "$(grep -c '"average_precision"' several)" -eq 20 ] || problem "not the 20 classes of VOC 2007"
sed 's/diningtable/DiningTable/; s/tvmonitor/TVMONITOR/; s/;/|/g' set/names.csv | several --labels @voc2007 -t "a {}" -f json
cmp -s out several || problem "not by the names of @voc2007: $(diff out several)"
awk -F '[,;]' -v names="$voc" 'BEGIN { count = split(names, name, ";"); gsub(";", ",", names); print "image," names }
    { split("", has); for (i = 2; i <= NF; i++) has[$i]; line = $1; for (i = 1; i <= count; i++) line = line "," (name[i] in has); print line }' \
    set/names.csv | several --labels @voc2007 -t "a {}" -f json
cmp -s out several || problem "not by columns of @voc2007: $(diff out several)"
several --labels @voc2007 -f json <set/names.csv
cmp -s out several && problem "the templates of @voc2007 make no difference"
sed 's/;dog//g' set/names.csv >set/nodog.csv
evaluate set/nodog.csv --labels @voc2007
expect_status 2
expect_text err "1 labels have no pictures: 'dog'; --allow-missing"
evaluate set/nodog.csv --labels @voc2007 --allow-missing -f tsv
expect_status 0
expect_line out "dog	0	0"
expect_lines out 21

# ---- files that are not as they should be
# wrong WHAT: set/wrong.csv, from standard input, is refused so.
wrong() {
    cat >set/wrong.csv
    evaluate set/wrong.csv
    expect_status 2
    expect_empty out
    expect_text err "$1"
}
printf 'heart/01.png,heart\nheart/03.png,heart\nstar/6.jpg,star\n' |
    wrong "2 of 3 pictures that 'set/wrong.csv' names are not there, the first in line 2: 'heart/03.png' below 'set'; --allow-missing goes on all the same"
evaluate set/wrong.csv --labels heart,star --allow-missing -f json
expect_status 0
expect_text out '"pictures": 1,'
printf 'heart/1.png,heart\nstar/5.jpg,star\n' >set/wrong.csv
evaluate set/wrong.csv --allow-missing
expect_status 2
expect_text err "no pictures in 'set/wrong.csv' to evaluate"
wrong "no pictures in 'set/wrong.csv' to evaluate" </dev/null
echo path,label | wrong "no pictures in 'set/wrong.csv' to evaluate"
printf 'heart/01.png,heart\nstar/05.jpg\n' | wrong "unable to read 'set/wrong.csv': line 2: 1 fields and not 2"
printf 'heart/01.png,heart\nstar/05.jpg,\n' | wrong "unable to read 'set/wrong.csv': line 2: no label"
printf 'heart/01.png,heart\n,star\n' | wrong "unable to read 'set/wrong.csv': line 2: no path"
printf 'heart/01.png,heart\n"star/05.jpg,star\n' | wrong "unable to read 'set/wrong.csv': line 2: a quote is not closed"
printf 'heart/01.png,heart,1\n' | wrong "line 1: 3 fields, not path,label, and none is called as a header's column of pictures"
printf 'path\nheart/01.png\n' | wrong "line 1: no column of labels beside 'path'"
printf 'path,a,b\nheart/01.png,0,yes\n' | wrong "line 2: 'yes' in column 'b' is neither 0 nor 1"
printf 'path,a,a\nheart/01.png,0,1\n' | wrong "unable to read 'set/wrong.csv': two columns are called 'a'"
printf 'heart/01.png,heart\nstar/05.jpg,st\377r\n' | wrong "unable to read 'set/wrong.csv': line 2 is not UTF-8"
printf 'heart/01.png,heart\0\n' | wrong "unable to read 'set/wrong.csv': it is no text"
printf 'heart/01.png,heart\nheart/02.png,heart\n' | wrong "one label alone leaves nothing to choose from"
evaluate set/nowhere.csv
expect_status 2
expect_line err "diptych: cannot evaluate: unable to open 'set/nowhere.csv': No such file or directory"

finish

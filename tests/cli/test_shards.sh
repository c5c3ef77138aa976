#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pictures in tar and zip archives: what they are as loose files, in the archive's order.
. "$2/tests/cli/lib.sh"
pictures=$root/assets/pictures
make_shard=$4
exact="--precision f32"

same() {
    cmp -s "$1" "$2" || problem "'$1' and '$2' differ"
}

# img2dataset's members, not in order of their keys: as downloads ended.
members=
paths=
for i in 07 01 12 04 10 06; do
    file=$(echo "$pictures/$i".*)
    suffix=${file##*.}
    echo "a picture of $i" >"$i.txt"
    echo "{\"key\": \"0000000$i\", \"url\": \"http://example.org/$i\", \"width\": 1}" >"$i.json"
    members="$members 0000000$i.$suffix=$file 0000000$i.txt=$i.txt 0000000$i.json=$i.json"
    paths="$paths $file"
done
mkdir s
for kind in tar tar.gz tar.zst tar.xz zip stored.zip; do
    "$make_shard" s/00000.$kind $members || problem "no $kind"
done
"$make_shard" s/00001.tar 000000101.png="$pictures/02.png" 000000102.jpg="$pictures/03.jpg"

# ---- embed
"$diptych" embed $paths -o loose.npy $exact -q
for kind in tar tar.gz tar.zst tar.xz zip stored.zip; do
    run embed s/00000.$kind -o $kind.npy $exact
    expect_status 0
    expect_line err "passed over 12 files: 12 text"
    expect_match err '^pictures: 6 of 6, 0 failed: '
    same $kind.npy loose.npy
    [ "$(head -n 1 $kind.jsonl)" = "{\"path\": \"s/00000.$kind!/000000007.png\", \"schema\": \"embed/1\"}" ] || problem "not $kind's order"
done
"$diptych" embed $paths "$pictures/02.png" "$pictures/03.jpg" -o loose8.npy $exact -q
run embed 's/{00000..00001}.tar' -o braces.npy $exact -q
expect_empty err
same braces.npy loose8.npy
printf 's/00000.tar.gz\ns/{1..1}.tar\ns/{00001..00001}.tar\n' | "$diptych" embed - -o list.npy $exact -q 2>err
expect_line err "diptych: unable to open 's/1.tar': No such file or directory"

# A run that was ended goes on, in a compressed archive too.
for kind in tar tar.gz; do
    i=0
    while [ $i -lt 4 ]; do
        timeout -s KILL 0.$i "$diptych" embed s/00000.$kind s/00001.tar -o killed.npy --batch 1 $exact -q 2>/dev/null
        i=$((i + 1))
    done
    run embed s/00000.$kind s/00001.tar -o killed.npy --batch 1 $exact -q
    expect_status 0
    "$diptych" embed s/00000.$kind s/00001.tar -o whole.npy --batch 1 $exact -q
    same killed.npy whole.npy
    rm killed.npy killed.jsonl
done
# ---- classify
labels="three white flowers,a blue tree above a yellow star"
"$diptych" classify $paths -l "$labels" $exact -f json -q >loose.json
run classify s/00000.tar -l "$labels" $exact -f json -q
expect_status 0
expect_match out '^\{"path": "s/00000.tar!/000000007.png", "labels": \[\{"label": "three white flowers"'
sed 's|.*"labels"||' out >labels
sed 's|.*"labels"||' loose.json | cmp -s - labels || problem "other labels than loose files"
run classify 's/00000.tar!/000000007.png' -l "$labels" $exact -f tsv -q
expect_status 0
expect_match out '^s/00000.tar!/000000007.png	three white flowers	'

# ---- damage: what is good counts, the rest is told by archive and member
echo "no picture" >broken
"$make_shard" bad.tar 1.png="$pictures/01.png" 2.png=broken ../3.png="$pictures/01.png" 1.png="$pictures/02.png" \
    .hidden.png=broken x/4.png="$pictures/04.png" inner.tar=s/00001.tar
run embed bad.tar -o bad.npy $exact -q
expect_status 1
expect_lines bad.jsonl 3
expect_line err "diptych: unable to read 'bad.tar!/2.png': not a picture, or of an unknown format"
expect_line err "diptych: unable to read 'bad.tar!/../3.png': its name leads out of the archive"
expect_line err "diptych: unable to read 'bad.tar!/1.png': another of this name came before it"
expect_lines err 3
head -c 60000 s/00000.tar >cut.tar
run classify cut.tar -l "$labels" $exact -f json
expect_status 1
expect_match err "^diptych: unable to read on in 'cut.tar' behind '0000000[0-9]*\.[a-z]*': "
expect_match out '^\{"path": "cut.tar!/000000007.png", "labels": '
for file in broken.tar broken.zip; do
    cp broken $file
    run classify $file s/00001.tar -l "$labels" $exact -f json -q
    expect_status 1
    expect_match err "^diptych: unable to read '$file': no tar or zip archive, or damaged: "
    expect_lines out 2
done

# ---- which members are pictures: what is in them says so, and the rules for folders hold, as for the same files loose
mkdir -p mixed/raw mixed/@eaDir mixed/.git
cp "$pictures/03.jpg" mixed/0
cp "$pictures/05.jpg" mixed/1.jpg_large
cp "$pictures/01.png" mixed/2.png
cp "$pictures/02.png" mixed/raw/3.png
cp "$pictures/04.png" mixed/@eaDir/4.png
cp "$pictures/04.png" mixed/.git/5.png
cp "$pictures/04.png" mixed/.6.png
echo 7 >mixed/2.cls
echo "<x:xmpmeta/>" >mixed/2.xmp
printf '\032E\337\243film' >mixed/clip
: >mixed/empty
mixed=$(cd mixed && find . -type f | LC_ALL=C sort | sed 's|^\./||')
for kind in tar.gz zip; do
    (cd mixed && "$make_shard" ../mixed.$kind $(for file in $mixed; do echo "$file=$file"; done)) || problem "no mixed.$kind"
done

# look VERB SOURCE RULES: what it takes in goes to list.SOURCE, in order of path, what it says of the rest to passed.SOURCE
look() {
    verb=$1
    source=$2
    shift 2
    set -f
    case $verb in
    embed) run embed "$source" -o "m.$source.npy" $exact "$@" ;;
    classify) run classify "$source" -l "$labels" $exact -f json "$@" ;;
    index) run index build m.dip "$source" $exact "$@" ;;
    esac
    set +f
    expect_status 0
    grep '^passed over' err >passed.$source
    case $verb in
    embed) mv m.$source.jsonl out ;;
    index) "$diptych" index list m.dip -f json | sed 's|"mtime": [^,]*, ||; s|"id": [^,]*, ||' >out && rm -r m.dip ;;
    esac
    sed "s|$source!*/|mixed/|" out | LC_ALL=C sort >list.$source
}

# look_at_all VERB PICTURES RULES
look_at_all() {
    verb=$1
    count=$2
    shift 2
    for source in mixed mixed.tar.gz mixed.zip; do
        look "$verb" $source "$@"
        same list.$source list.mixed
        expect_lines list.$source "$count"
        expect_line passed.$source "passed over 4 files: 2 text, 1 video, 1 other"
    done
}
look_at_all classify 4
look_at_all index 4
look_at_all index 3 --exclude raw/ --exclude '*.png' --exclude '!/2.png'
look_at_all embed 7 --no-default-excludes
same m.mixed.zip.npy m.mixed.npy

# ---- what was passed over is listed; sidecars of a picture are no such thing in an archive
rm -rf m.dip
"$diptych" index build m.dip mixed mixed.zip $exact -q 2>/dev/null
run index list m.dip --passed-over
expect_lines out 6
expect_match out '^video  /.*/mixed/clip$'
expect_match out '^video  /.*/mixed.zip!/clip$'
expect_match out '^other  /.*/mixed.zip!/empty$'
expect_match out '^text   /.*/mixed/2.cls$'
run index list m.dip --passed-over -f tsv
expect_match out '/mixed/2.cls	2	[0-9]*	text	$'
run index list m.dip --passed-over -f json
expect_match out '"path": "/.*/mixed.zip!/clip", "size": 8, "mtime": [0-9]*, "kind": "video", "schema": "index-passed-over/1"}$'
run index list m.dip --passed-over -0
[ "$(tr '\0' '\n' <out | wc -l)" -eq 6 ] || problem "no NULs"
run index list m.dip --passed-over --kind image
expect_status 2
expect_match err '^diptych index list: --passed-over lists files, not items'

# ---- index: vectors, captions and metadata are those of loose files
mkdir files
for i in 07 01 12 04 10 06; do
    file=$(echo "$pictures/$i".*)
    cp "$file" files/0000000$i.${file##*.}
    cp $i.txt files/0000000$i.txt
    cp $i.json files/0000000$i.json
done
run index build files.dip files $exact --storage f32
expect_status 0
expect_line err 'new captions or metadata: 6'
for kind in tar tar.gz tar.zst tar.xz zip stored.zip; do
    run index build $kind.dip s/00000.$kind $exact --storage f32
    expect_status 0
    for dip in files $kind; do
        "$diptych" index list $dip.dip -f json | sed 's|"path": "[^"]*/\([^"/]*\)"|"path": "\1"|; s|"mtime": [^,]*, ||; s|"id": [^,]*, ||' |
            sort >list.$dip
        "$diptych" index export $dip.dip $dip.exported.npy -q
    done
    same list.$kind list.files
done
grep -q '"path": "000000007.png".*"caption": "a picture of 07".*"url": "http://example.org/07"' list.files ||
    problem "no caption and metadata"
run index build x.dip 's/{00000..00001}.tar' $exact -q
expect_status 0
run search x.dip --top 3 --format paths $exact three white flowers
expect_lines out 3
expect_line err "diptych: 3 of these lie in archives: ARCHIVE!/NAME is a path for diptych, and no file of its own"

# Of copies in an archive and in a folder either may be the best; what is in an archive is not among the paths to remove.
for year in 2001 2035; do
    touch -d $year-01-01 files/*
    rm -rf d.dip
    "$diptych" index build d.dip files s/00000.tar.gz $exact -q
    run index duplicates d.dip --identical --keep best -f paths
    expect_status 0
    case $year in
    2001)
        expect_empty out
        expect_line err "diptych: 6 pictures left over in archives are not listed: no program removes them by a path; --format tsv names them"
        ;;
    *) expect_lines out 6 && expect_match out '/files/000000007.png$' ;;
    esac
    run index duplicates d.dip --identical --keep best -f tsv -q
    expect_lines out 6
done

# Another way to prepare pictures: the same of an archive that is read in order.
mkdir alpha
cp "$root"/tests/golden/preprocess/*.png alpha
for file in alpha/*; do printf '%s=%s ' "$(basename "$file")" "$file"; done >alpha.list
"$make_shard" alpha.tar.gz $(cat alpha.list)
for source in alpha alpha.tar.gz; do
    run index build p.$source.dip $source $exact --storage f32 -q
    run index prepare p.$source.dip --alpha white $exact
    expect_status 0
    "$diptych" index export p.$source.dip p.$source.npy -q
    "$diptych" index list p.$source.dip -f json | grep -o '[^/"]*\.png' >names.$source
done
same names.alpha.tar.gz names.alpha
same p.alpha.tar.gz.npy p.alpha.npy
run search x.dip --match '"picture of 07"' -f tsv $exact -q a flower
expect_match out '/s/00000.tar!/000000007.png'
expect_lines out 1
run search x.dip three white flowers --html page.html $exact -q
expect_status 0
[ "$(grep -o 'src="data:image' page.html | wc -l)" -eq 8 ] || problem "cards without pictures"
run index update x.dip $exact
expect_status 0
expect_match err '8 unchanged'
run index remove x.dip s/00000.tar
expect_status 0
run index list x.dip -f json
expect_lines out 2

finish

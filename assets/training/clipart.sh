#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clipart.sh FOLDER: pictures of everyday things with transparency, and what they show, for `scenes --clipart`: FOLDER/train.tsv and
# FOLDER/held-out.tsv, a line "PNG<tab>noun" each. They are drawn from Debian's packages, which are fetched but not installed; what of
# them shows what stands in nouns.txt, and the licences in README.md. Takes Debian's librsvg2-bin (rsvg-convert), pango1.0-tools
# (pango-view) and fontconfig, and some minutes.
set -eu
[ $# = 1 ] || { echo "usage: clipart.sh FOLDER" >&2; exit 2; }
for tool in rsvg-convert pango-view fc-list; do
    command -v $tool >/dev/null || { echo "clipart.sh: no $tool: apt-get install librsvg2-bin pango1.0-tools fontconfig" >&2; exit 2; }
done
here=$(cd "$(dirname "$0")" && pwd -P)
least=4 # pictures of a noun
mkdir -p "$1"
cd "$1"

if [ ! -d packages ]; then
    mkdir -p packages.part
    (cd packages.part && apt-get -q download openclipart-svg fonts-noto-color-emoji fonts-symbola)
    for package in packages.part/*.deb; do
        dpkg -x "$package" packages.part
    done
    mv packages.part packages
fi

# noun, words, unwanted, emoji with "|" between and no blanks around.
sed '/^#/d; /^$/d; s/ *| */|/g; s/ *$//' "$here/nouns.txt" >nouns

# path<tab>title a line of the pictures in openclipart, without symbols and what is drawn as a sign.
find packages/usr/share/openclipart -name '*.svg' | grep -vE '/(logos|geography|special|shapes|buttons|cards|signs_and_symbols|duplicates)/|mateya|hotel_icon' |
    grep -vE 'duck_yellow_ii|light_bulb_karl|tux_didier|mars_lumo|elephant_outline|house_fudriot' | # nothing or next to it is drawn
    sort | xargs grep -oE -m 1 '<dc:title>[^<]*' /dev/null | sed 's/:<dc:title>/	/' >titles

# What a picture shows is said by its title, and by its file's name where that says something else: some artists' titles are all alike.
# What fits two nouns counts for none, and of pictures that are there twice one does. Words have two blanks around them here, so that
# words side by side are found.
awk -F '|' '
    function pattern(phrases,    n, i, part, all) {
        n = split(phrases, part, ", *")
        for (i = 1; i <= n; i++)
            all = all (i > 1 ? "|" : "") part[i]
        gsub(/ /, "  ", all)
        return " (" all ") "
    }
    function spread(text) {
        text = " " tolower(text) " "
        gsub(/[^a-z0-9]+/, "  ", text)
        return text
    }
    function noun_of(text, all,    i, found) {
        for (i = 1; i <= n; i++)
            if (text ~ wanted[i] && all !~ unwanted[i])
                found = found ? -1 : i
        return found + 0
    }
    FNR == NR {
        noun[++n] = $1
        wanted[n] = pattern($2 == "" ? $1 ", " $1 "s" : $2)
        unwanted[n] = $3 == "" ? "^$" : pattern($3)
        next
    }
    {
        split($0, line, "\t")
        file = line[1]
        sub(/.*\//, "", file)
        sub(/\.svg$/, "", file)
        file = spread(file)
        title = spread(line[2])
        by_title = noun_of(title, title file)
        by_name = noun_of(file, title file)
        found = title ~ / clipart  by / || (by_title && by_name > 0) ? by_name : by_title
        if (found > 0)
            print line[1] "\t" noun[found]
    }' nouns titles |
    while IFS='	' read -r path noun; do
        echo "$(cksum <"$path" | cut -d ' ' -f 1)	$path	$noun"
    done | sort -t '	' -k 1,1 -u | cut -f 2- >matches

# draw NAME COMMAND...: the command writes the PNG of that name; one that fails, or takes longer than a drawing may, leaves none.
draw()
{
    name=$1
    shift
    [ -s "pictures/$name" ] || timeout 20 "$@" "pictures/$name" 2>/dev/null || rm -f "pictures/$name"
}

mkdir -p pictures
: >all
while IFS='	' read -r path noun; do
    name=$(basename "$path" .svg).png
    draw "$name" rsvg-convert --keep-aspect-ratio --width 512 --height 512 "$path" -o
    echo "$name	$noun" >>all
done <matches

# has FONT EMOJI: the font draws it.
has()
{
    code=$(printf %s "$2" | iconv -f UTF-8 -t UTF-32BE | od -An -tx1 | tr -d ' \n')
    FONTCONFIG_FILE=$PWD/fonts/$1.conf fc-list ":charset=$code" file | grep -q "/$1"
}

# Emoji, each font seen alone.
for font in NotoColorEmoji Symbola; do
    mkdir -p "fonts/$font"
    find packages -name "$font*.ttf" -exec cp {} "fonts/$font" \;
    system=$([ $font = Symbola ] || echo '<include>/etc/fonts/fonts.conf</include>') # it says that bitmaps may be scaled
    printf '<fontconfig>%s<dir>%s</dir><cachedir>%s</cachedir></fontconfig>\n' "$system" "$PWD/fonts/$font" "$PWD/fonts" >"fonts/$font.conf"
    while IFS='|' read -r noun words unwanted emoji; do
        number=0
        for one in $emoji; do
            has "$font" "$one" || continue
            number=$((number + 1))
            name=$font-$(echo "$noun" | tr ' ' -)-$number.png
            FONTCONFIG_FILE=$PWD/fonts/$font.conf draw "$name" pango-view --no-display --background=transparent --dpi=72 \
                --font="$([ $font = Symbola ] && echo Symbola || echo Noto Color Emoji) 256" -q --text "$one" -o
            echo "$name	$noun" >>all
        done
    done <nouns
done

# Of nouns with enough pictures a fifth is held out: those whose names have the smallest checksums.
sort -u all | while IFS='	' read -r name noun; do
    [ ! -s "pictures/$name" ] || printf '%s\t%010d\tpictures/%s\n' "$noun" "$(printf %s "$name" | cksum | cut -d ' ' -f 1)" "$name"
done | sort >drawn
: >train.tsv
: >held-out.tsv
awk -F '\t' -v least=$least '
    FNR == NR { count[$1]++; next }
    count[$1] >= least { print $3 "\t" $1 >(++number[$1] <= int(count[$1] / 5 + 0.5) ? "held-out.tsv" : "train.tsv") }' drawn drawn
wc -l train.tsv held-out.tsv

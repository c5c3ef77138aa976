#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# README's table of models, made of coverage.txt, which has coverage.py's lines:
#     coverage_table.sh            prints it
#     coverage_table.sh README.md  prints how that file's differs, and fails if it does
# A row is a family: how many of open_clip's architectures, and tags of weights, how transformers calls it, and the
# largest difference of pictures' and of texts' embeddings from the library's; or what is refused, and why.
set -eu
here=$(dirname "$0")

table() {
    awk '
    function family(name) {
        return name ~ /^nllb/ ? "NLLB-CLIP" : \
            name ~ /SigLIP2|^siglip2$/ ? "SigLIP 2" : \
            name ~ /SigLIP|^siglip$/ ? "SigLIP" : \
            name ~ /^coca/ ? "CoCa" : \
            name ~ /^EVA/ ? "EVA-01, EVA-02" : \
            name ~ /CLIPA/ ? "CLIPA" : \
            name ~ /^PE-/ ? "PE-Core" : \
            name ~ /^MobileCLIP/ ? "MobileCLIP, MobileCLIP2" : \
            name ~ /worldwide|^metaclip_2$/ ? "MetaCLIP 2" : \
            name ~ /roberta/ ? "CLIP with RoBERTa or XLM-RoBERTa" : \
            name == "chinese_clip" ? "Chinese CLIP" : \
            name == "altclip" ? "AltCLIP" : "CLIP"
    }
    function reason(text) {
        sub(/^the vision tower is /, "", text)
        sub(/, which Diptych does not run$/, "", text)
        return "refused: " text
    }
    function larger(a, b) { return a + 0 > b + 0 ? a : b }
    function print_row(row) {
        printf "| %s | %s | %s | %s | %s | %s |\n", row, models[row], tags[row], types[row], picture[row], text[row]
    }
    {
        parts = split($0, part, ": ")
        split(part[1], word, " ")
        row = part[2] == "runs" ? family(word[2]) : reason(part[parts])
        if (!(row in rows)) {
            rows[row] = part[2]
            order[++count] = row
        }
    }
    word[1] == "open_clip" {
        some = gsub(",", ",", part[1]) + 1
        if (!((row, word[2]) in known)) {
            known[row, word[2]] = 1
            models[row]++
            all_models++
        }
        tags[row] += some
        all += some
    }
    word[1] == "transformers" { types[row] = types[row] (types[row] == "" ? "" : ", ") word[2] }
    part[2] == "runs" {
        split(part[3], figure, " ")
        picture[row] = larger(figure[2], picture[row])
        text[row] = larger(figure[4], text[row])
        most = larger(larger(figure[2], figure[4]), most)
        run += word[1] == "open_clip" ? some : 0
        run_models[word[1], word[2]] = 1
    }
    part[2] != "runs" && part[2] != "refused" {
        print "no result: " $0
        exit 1
    }
    END {
        print "| | models of open_clip | tags | transformers | pictures | texts |"
        print "| --- | --- | --- | --- | --- | --- |"
        for (state = 0; state < 2; state++)
            for (i = 1; i <= count; i++)
                if ((rows[order[i]] == "refused") == state)
                    print_row(order[i])
        printf "| run in all | | %d of %d (%.0f %%) | | | |\n", run, all, 100 * run / all
    }' "$here/coverage.txt"
}

if [ $# = 0 ]; then
    table
    exit
fi
made=$(mktemp)
trap 'rm -f "$made"' EXIT
table >"$made"
sed -n '/^| | models of open_clip/,/^$/{/^$/d;p;}' "$1" | diff "$made" - || {
    echo "the table in $1 is not the one that coverage_table.sh makes" >&2
    exit 1
}

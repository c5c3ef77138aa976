# SPDX-License-Identifier: Apache-2.0
# search, and what is learnt from an index: duplicates, outliers, map and cluster.

samples pictures
printf '%s\n' "a red heart in outline" "three white flowers" >words.txt
run learn-build index build a.dip pictures --texts words.txt

# ---- search
run search-table search a.dip "a blue tree above a yellow star" --kind image --top 3
run search-tsv search a.dip "three white flowers" -f tsv
run search-json search a.dip "three white flowers" -f json -k 4
run search-image search a.dip --image pictures/04.png -k 2 -f json
run search-sum search a.dip "a red heart" --image pictures/04.png:0.5 --minus "a blue star" -k 4
run search-words search a.dip three white flowers --plus "a red heart" --minus star -k 3
run search-in-turns search a.dip three white flowers --kind any -k 4
run search-cancel search a.dip "a red heart" --minus "a red heart"
run search-weight search a.dip --image pictures/04.png:0
run search-weight-word search a.dip --image pictures/04.png:heavy
run search-no-image search a.dip --image pictures/none.png
run search-min search a.dip "a red heart" --min-score 0.3
run search-min-none search a.dip "a red heart" --min-score 0.99 -f json
printf '\357\273\277a red heart\r\n\n \t\r\nthree white flowers\na black bolt\n' >queries
run search-queries search a.dip --queries queries --top 2
run search-queries-tsv search a.dip --queries queries --top 2 -f tsv
run search-queries-json search a.dip --queries queries --top 1 -f json --kind text
run search-queries-both search a.dip --queries queries "and a text"
printf 'a red heart\n\na \377\n' >queries.bad
run search-queries-bad search a.dip --queries queries.bad
printf '\n \n' >queries.none
run search-queries-none search a.dip --queries queries.none
run search-queries-nowhere search a.dip --queries nowhere
run search-where search a.dip "a star" --where "path like '%/02.png'"
run search-match search a.dip "a star" --match '"red heart"'
run search-where-none search a.dip "a star" --where "width > 9999"
run search-match-none search a.dip "a star" --match zebra --kind text -f json
run search-bad-where search a.dip "a star" --where "path ="
run search-bad-match search a.dip "a star" --match "AND" --match-syntax fts5
run search-match-no-word search a.dip "a star" --match "- (!"
run search-match-name search a.dip "a star" --match 02.png
run search-html search a.dip "a <b>red</b> & blue star" -k 4 --html page.html
wrote page.html
run search-html-nowhere search a.dip "a star" --html nowhere/page.html
run search-nothing search a.dip
run search-nowhere search nowhere.dip "a star"
run search-latin search a.dip "$(printf 'bad \377')"
run search-empty-text search a.dip ""
run search-long search a.dip "$(yes "a red circle and" | head -n 40 | paste -s -d ' ' -)" -k 1 -f tsv

# ---- outliers and duplicates
run outliers-table index outliers a.dip --kind image --alpha 0.5
run outliers-tsv index outliers a.dip --alpha 1 -f tsv
run outliers-json index outliers a.dip --kind image -f json -a 1
run outliers-few index outliers a.dip --where "id = 1"
run outliers-nowhere index outliers nowhere.dip
cp pictures/01.png copy.png
dated copy.png
run duplicates-build index build a.dip copy.png
run duplicates-table index duplicates a.dip --kind image
run duplicates-tsv index duplicates a.dip --threshold 0.3 -f tsv
run duplicates-json index duplicates a.dip --threshold 0.3 -f json
run duplicates-identical index duplicates a.dip --identical -f json
run duplicates-none index duplicates a.dip --where "id < 3"
run duplicates-nowhere index duplicates nowhere.dip
mv pictures/02.png away.png
run duplicates-gone index duplicates a.dip --identical

# ---- map
run map-table index map a.dip
run map-tsv index map a.dip --kind image -f tsv
run map-json index map a.dip --kind image -f json
run map-html index map a.dip --html map.html
wrote map.html
run map-few index map a.dip --where "id <= 2"
run map-html-nowhere index map a.dip --html nowhere/map.html
run map-nowhere index map nothing.dip
mv away.png pictures/02.png

# ---- cluster
run cluster-table index cluster a.dip --kind image -c 3 -k 2
run cluster-tsv index cluster a.dip --kind image -c 3 -f tsv -l heart,star,flower -t 'a {}'
run cluster-json index cluster a.dip --kind image -c 3 -f json -l heart,star,flower
run cluster-default index cluster a.dip
run cluster-seed index cluster a.dip --clusters 4 --seed 7 -f json
run cluster-quiet index cluster a.dip --kind image -c 2 -l heart,arrow -k 0 -q
run cluster-html index cluster a.dip -c 2 --html page.html -l heart,arrow -k 2
wrote page.html
run cluster-few index cluster a.dip --where "id <= 4" -c 5
run cluster-none index cluster a.dip --where "id < 0"
run cluster-labels index cluster a.dip -l nowhere/labels.txt
run cluster-html-nowhere index cluster a.dip -c 2 --html nowhere/page.html
run cluster-nowhere index cluster nowhere.dip
other_model other
run cluster-model index cluster a.dip -l heart,arrow --model other
run cluster-no-model index cluster a.dip --model other -c 2 -k 1

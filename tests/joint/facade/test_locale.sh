#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_locale.sh LOCALE ROOT SCRATCH: the library reads and writes the same numbers whatever locale its program has set, with a
# decimal comma, a decimal sign of two bytes, or letters of which "I" and "i" are no pair.
set -eu
program=$1 scratch=$3
cd "$2"
rm -rf "$scratch" && mkdir -p "$scratch/pictures" "$scratch/locales"
export LOCPATH="$scratch/locales" HF_HOME="$scratch/no_models" # what localedef makes lies here, and not in the system
unset DIPTYCH_MODEL LC_ALL LANG

cp assets/pictures/01.png "$scratch/pictures/a.png"
cat >"$scratch/pictures/a.xmp" <<XMP
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description exif:GPSLatitude="48,51.5024N" exif:GPSLongitude="2,17.6722E"/></rdf:RDF></x:xmpmeta>
XMP
echo '{"weight": 1.25}' >"$scratch/pictures/a.json"

# say LOCALE POINT
say() {
    rm -rf "$scratch/index.dip"
    LC_ALL=$1 "$program" "$2" "$scratch/pictures" "$scratch/index.dip"
}

say C . >"$scratch/expected"
grep -q '^a.png at 48858373 2294536: .*1\.25' "$scratch/expected" || { cat "$scratch/expected"; exit 1; }
for locale in de_DE=, ps_AF=٫ tr_TR=,; do
    name=${locale%=*}
    localedef -i "$name" -f UTF-8 "$scratch/locales/$name.UTF-8" 2>"$scratch/localedef" ||
        [ -e "$scratch/locales/$name.UTF-8/LC_NUMERIC" ] || { cat "$scratch/localedef"; exit 1; }
    say "$name.UTF-8" "${locale#*=}" >"$scratch/said"
    diff "$scratch/expected" "$scratch/said" || { echo "other than in the C locale: $name"; exit 1; }
done

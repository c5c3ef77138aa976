#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What patterns leave out, by git check-ignore: python3 tests/golden/excludes.py >tests/golden/excludes.tsv

Made with git 2.39.5. The first line has the paths, folders with a slash at their end; each other one patterns, and the
paths that they leave out."""
import os
import random
import subprocess
import tempfile

FILES = """a.png a.PNG b.jpg note.txt raw/a.cr2 raw/a.png raw/deep/b.png raw/deep/er/c.png trip/raw/a.png
    trip/2024/a.png trip/2024/b.jpg trip/2025/a.png trip/@eaDir/a.png @eaDir/a.png #recycle/a.png [x]/a.png !/a.png
    a?b/c.png ab/c.png aab/c.png .hidden/a.png .a.png x.lrdata/a.png build/out/a.png out/build/b.png""".split()
PATTERNS = """* *.png *.PNG a.* ?.png raw raw/ /raw raw/* raw/** **/raw **/raw/ trip/raw trip/*/a.png trip/** **/a.png a.png/
    trip/20[0-9]5 trip/20[!4]* [ab].png [a-b]?* [[]x] \\!  \\#recycle @eaDir/ @ea* .* .hidden .hidden/ deep deep/ deep/b.png
    raw/**/c.png raw/**/b.png /**/b.png a**b **b.jpg a\\?b a?b x.* *.lrdata/ build build/ /build /build/ out/build b*/ */build
    trip/2024/ trip/2024/*.png **/2024/** **/deep/** /a.png /*.png nothing raw/deep/er/c.png raw/deep/er/""".split()


def left_out(paths, patterns):
    with open(".gitignore", "w") as file:
        file.write("\n".join(patterns) + "\n")
    said = subprocess.run(["git", "check-ignore", "--no-index", "--stdin", "-z"], text=True, capture_output=True,
                          input="\0".join(path.rstrip("/") for path in paths)).stdout.split("\0")
    return [path for path in paths if path.rstrip("/") in said]


def main():
    choose = random.Random(14)
    groups = [[pattern] for pattern in PATTERNS]
    for _ in range(150):
        group = choose.sample(PATTERNS, choose.randint(2, 5))
        groups.append([("!" if i and choose.random() < 0.4 else "") + pattern for i, pattern in enumerate(group)])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run(["git", "init", "-q"], check=True)
        for path in FILES:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            open(path, "w").close()
        folders = {path[:i + 1] for path in FILES for i, sign in enumerate(path) if sign == "/"}
        paths = sorted([*FILES, *folders])
        print("\t".join(paths))
        for group in groups:
            print(" ".join(group), *left_out(paths, group), sep="\t")


main()

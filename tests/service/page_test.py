#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the page of the service does, and pages in files, in a real browser. Not part of ctest: it needs chromium and Playwright.

    apt-get install chromium
    python3 -m venv /tmp/page && /tmp/page/bin/pip install playwright pillow axe-playwright-python
    /tmp/page/bin/python tests/service/page_test.py build [--shots DIR]

It renders scenes, indexes them, serves them, and writes screenshots (wide, narrow, dark, error and so on) to DIR.
"""
import argparse, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time, traceback, urllib.request
from pathlib import Path
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect, sync_playwright

parser = argparse.ArgumentParser()
parser.add_argument("build", type=Path)
parser.add_argument("--shots", type=Path, default=Path("page-shots"))
parser.add_argument("--only", default="", help="the tests whose names have one of these words in them, separated by commas")
options = parser.parse_args()
options.shots.mkdir(parents=True, exist_ok=True)
ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp())
DIPTYCH = options.build.resolve() / "diptych"
TEXTS = ["a red heart on white", "three white flowers", "two blue stars, and a line of words that goes on for longer"]


def diptych(*arguments):
    subprocess.run([DIPTYCH, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def prepare():
    scenes, samples, texts = HOME / "scenes", HOME / "samples", HOME / "texts.txt"
    subprocess.run([options.build / "assets/scenes/scenes", "--count", "300", "--size", "256", "--out", scenes], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.copytree(ROOT / "assets/pictures", samples)
    texts.write_text("\n".join(TEXTS) + "\n")
    diptych("index", "build", HOME / "all.dip", scenes, samples, "--texts", texts)
    diptych("index", "build", HOME / "samples.dip", samples)
    copies = HOME / "copies"
    shutil.copytree(samples, copies)
    for edge in [360, 300, 240]:
        with Image.open(samples / "10.jpg") as picture:
            picture.resize((edge, edge * picture.height // picture.width)).save(copies / f"10-{edge}.png")
    os.utime(copies / "03.jpg", (time.time() + 60,) * 2)  # the newest
    diptych("index", "build", HOME / "copies.dip", copies)
    only = HOME / "one"
    only.mkdir()
    shutil.copy(samples / "01.png", only)
    diptych("index", "build", HOME / "empty.dip", only)
    diptych("index", "remove", HOME / "empty.dip", only / "01.png")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Served:
    def __init__(self, *arguments, port=None, token=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        environment = dict(os.environ, DIPTYCH_TOKEN=token) if token else os.environ
        self.process = subprocess.Popen([DIPTYCH, "serve", "--listen", f"127.0.0.1:{self.port}", *arguments], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        below = arguments[arguments.index("--base-path") + 1][1:] + "/" if "--base-path" in arguments else ""
        end = time.time() + 60
        while time.time() < end:
            try:
                urllib.request.urlopen(f"{self.url}{below}ready").close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the service is not ready")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


INDEXES = ["--index", f"all={HOME}/all.dip", "--index", f"samples={HOME}/samples.dip", "--index", f"copies={HOME}/copies.dip"]
tests = []


def test(function):
    tests.append(function)
    return function


class Page:
    """A page in a context of its own, and what its console said."""

    def __init__(self, browser, url, wide=True, **more):
        size = {"width": 1400, "height": 900} if wide else {"width": 390, "height": 800}
        self.context = browser.new_context(viewport=size, **more)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if "Content Security" in m.text else None)
        self.page.goto(url)

    def __enter__(self):
        return self.page

    def __exit__(self, *_):
        self.context.close()
        assert not self.errors, self.errors


def names(page):
    return page.eval_on_selector_all("#grid a", "links => links.map(link => link.ariaLabel)")


def until(page, condition, argument=None, seconds=20):
    """Playwright's own wait_for_function evaluates within the page, which the page's policy forbids."""
    end = time.time() + seconds
    while not page.evaluate(condition, argument):
        assert time.time() < end, condition
        page.wait_for_timeout(50)


def settle(page):
    until(page, "!document.querySelector('#grid.old') && document.querySelector('#grid a')")


def asked_for(page):
    return page.expect_request("**/v1/search")


def all_pictures(page):
    until(page, "[...document.querySelectorAll('.tile img')].every(i => i.classList.contains('here'))", seconds=60)


def shot(page, name):
    page.screenshot(path=options.shots / f"{name}.png")


# ---- searching


@test
def results_come_while_typing(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        page.locator("#text").press_sequentially("three white flowers", delay=40)
        expect(page.locator("#count")).to_have_text("315 results, best first")
        until(page, "document.querySelector('#grid a').ariaLabel.startsWith('07.png, score 0.')")
        assert "q=three+white+flowers" in page.url
        all_pictures(page)
        shot(page, "wide")


@test
def older_answers_never_win(browser, served):
    with Page(browser, served.url + "?kind=text") as page:
        settle(page)

        def slow_first(route):
            if '"a red' in route.request.post_data and "heart" not in route.request.post_data:
                time.sleep(1.0)
            try:
                route.continue_()
            except Exception:
                pass  # it has been taken back

        page.route("**/v1/search", slow_first)
        page.fill("#text", "a red")
        page.wait_for_timeout(300)
        page.fill("#text", "a red heart on white")
        page.wait_for_timeout(2500)
        assert names(page)[0].startswith("a red heart on white"), names(page)[0]


@test
def minus_words_count_against(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        with page.expect_request("**/v1/search") as request:
            page.fill("#text", "a red heart -white -a star")
        assert [(t["text"], t["weight"]) for t in request.value.post_data_json["terms"]] == [
            ("a red heart", 1), ("white", -0.5), ("a star", -0.5)]


@test
def chips_have_weights(browser, served):
    with Page(browser, served.url) as page:
        page.fill("#text", "a red heart")
        page.click("#plus")
        page.fill("#text", "white")
        page.click("#minus")
        weights = page.locator(".chip input")
        expect(weights).to_have_count(2)
        assert weights.nth(0).input_value() == "1" and weights.nth(1).input_value() == "-0.5"
        assert weights.nth(0).get_attribute("aria-label") == "Weight of a red heart"
        weights.nth(0).focus()
        with page.expect_request("**/v1/search") as request:
            page.keyboard.press("ArrowRight")
        assert request.value.post_data_json["terms"][0]["weight"] == 1.1
        box = weights.nth(1).bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        settle(page)
        assert float(weights.nth(1).input_value()) < -1.5
        shot(page, "chips")
        page.click("[title='Remove white']")
        expect(weights).to_have_count(1)
        page.go_back()
        expect(weights).to_have_count(2)


def drop(page, path, kind="drop"):
    data = list(Path(path).read_bytes())
    page.evaluate("""([bytes, kind]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], 'it.png', {type: 'image/png'}));
        dispatchEvent(kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: transfer})
                                       : new DragEvent('drop', {dataTransfer: transfer}));
    }""", [data, kind])


@test
def pictures_are_dropped_pasted_and_classified(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        for kind in ["drop", "paste"]:
            with page.expect_request(lambda r: "/v1/search" in r.url and "image" in r.post_data) as request:
                drop(page, HOME / "samples/07.png", kind)
            assert request.value.post_data_json["terms"][0]["image"].startswith("data:image/jpeg;base64,")
            settle(page)
        assert names(page)[0].startswith("07.png"), names(page)[0]
        page.reload()
        settle(page)
        expect(page.locator(".chip")).to_have_count(2)
        page.click("text=Classify >> nth=0")
        page.fill("#labels", "heart\nflower\nstar\nhouse")
        page.click("#classifier .main")
        expect(page.locator("#predictions li").first).to_contain_text("flower")
        shot(page, "classify")
        page.fill("#labels", "")
        page.click("#classifier .main")
        expect(page.locator("#classifier-problem")).to_contain_text("labels")
        page.keyboard.press("Escape")
        expect(page.locator("#classifier")).to_be_hidden()


@test
def pictures_that_the_model_knows_nothing_of(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        drop(page, ROOT / "assets/page.jpg", "drop")
        expect(page.locator("#count")).to_contain_text("best first. This model knows no such pictures")
        shot(page, "outside")
        page.click("text=Classify >> nth=0")
        expect(page.locator("#classifier-problem")).to_contain_text("what it says of them means nothing")
        page.keyboard.press("Escape")
        page.click("[title='Remove Your picture']")
        expect(page.locator("#count")).to_have_text("315 items, newest first")


@test
def large_pictures_are_shrunk(browser, served):
    Image.effect_noise((3000, 2000), 60).save(HOME / "large.png")
    with Page(browser, served.url) as page:
        settle(page)
        with page.expect_request(lambda r: "/v1/search" in r.url and "image" in r.post_data) as request:
            page.set_input_files("#file", HOME / "large.png")
        size = page.evaluate("""async data => { const i = new Image(); i.src = data; await i.decode();
            return [i.naturalWidth, i.naturalHeight]; }""", request.value.post_data_json["terms"][0]["image"])
        assert size == [1024, 683], size


# ---- filters


@test
def filters_narrow_it(browser, served):
    with Page(browser, served.url + "?q=a+star") as page:
        settle(page)
        page.click("#filters")
        page.select_option("#kind", "text")
        expect(page.locator("#count")).to_have_text("3 results, best first")
        expect(page.locator(".tile .words")).to_have_count(3)
        shot(page, "texts")
        page.select_option("#kind", "")
        page.fill("#folder", "/samples/")
        expect(page.locator("#count")).to_have_text("12 results, best first")
        page.fill("#folder", "100%_no")
        expect(page.locator("#empty h2")).to_have_text("Nothing passes the filters")
        page.fill("#folder", "")
        page.fill("#from", "2001-01-01")
        page.fill("#to", "2001-12-31")
        expect(page.locator("#empty h2")).to_be_visible()
        page.fill("#from", time.strftime("%Y-%m-%d", time.gmtime()))
        page.fill("#to", "")
        expect(page.locator("#count")).to_contain_text(re.compile("31[25] results"))
        page.fill("#from", "")
        page.select_option("#kind", "image")
        expect(page.locator("#count")).to_have_text("312 results, best first")
        expect(page.locator("#filters")).to_have_class("on")
        shot(page, "filters")
        page.click("#home")
        expect(page.locator("#count")).to_have_text("315 items, newest first")


@test
def a_least_score(browser, served):
    with Page(browser, served.url + "?q=three+white+flowers") as page:
        settle(page)
        page.focus("#min")
        page.keyboard.press("End")
        expect(page.locator("#count")).to_have_text("1 result from 0.60 up")
        assert "min=0.6" in page.url
        page.go_back()
        expect(page.locator("#count")).to_have_text("315 results, best first")


@test
def several_indexes(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        page.click("#filters")
        page.select_option("#index", "samples")
        expect(page.locator("#count")).to_have_text("12 items, newest first")
        all_pictures(page)
        shot(page, "samples")


# ---- the viewer


@test
def the_viewer_has_keys(browser, served):
    with Page(browser, served.url + "?q=three+white+flowers&kind=image") as page:
        settle(page)
        page.click("#grid a >> nth=0")
        expect(page.locator("#viewer")).to_be_visible()
        expect(page.locator("#viewer-score")).to_contain_text("1 \u00b7 score 0.")
        expect(page.locator("#previous")).to_be_disabled()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer-score")).to_contain_text("2 \u00b7")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("i")
        expect(page.locator("#details")).to_contain_text("/07.png")
        until(page, "document.querySelector('#stage img').naturalWidth > 0")
        page.wait_for_timeout(300)
        shot(page, "viewer")
        page.keyboard.press("c")
        expect(page.locator("#toast")).to_contain_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()").endswith("/07.png")
        with page.context.expect_page() as opened:
            page.keyboard.press("o")
        opened.value.wait_for_load_state()
        assert re.search(r"v1/items/\d+/image\??$", opened.value.url), opened.value.url
        opened.value.close()
        address = page.url
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        assert page.evaluate("document.activeElement.dataset.hit") == "0"
        assert "item=" not in page.url
        page.go_forward()
        expect(page.locator("#viewer")).to_be_visible()
        page.go_back()
        expect(page.locator("#viewer")).to_be_hidden()
        page.goto(address)
        expect(page.locator("#viewer")).to_be_visible()


@test
def more_like_this(browser, served):
    with Page(browser, served.url + "?kind=image") as page:
        settle(page)
        page.click("#grid a >> nth=2")
        name = page.locator("#viewer").get_attribute("aria-label")
        page.keyboard.press("m")
        expect(page.locator("#viewer")).to_be_hidden()
        expect(page.locator(".chip .name")).to_contain_text("Like item")
        settle(page)
        until(page, "name => document.querySelector('#grid a').ariaLabel.startsWith(name + ', score 1')", name)


# ---- many results


def npy(rows, width, vectors):
    head = str({"descr": "<f2", "fortran_order": False, "shape": (rows, width)}).encode()
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + vectors


def hundred_thousand():
    """An index of so many pictures: those of all.dip under other names, again and again."""
    rows, folder = 100000, HOME / "many"
    diptych("index", "export", HOME / "all.dip", HOME / "all.npy", "--kind", "image")
    file = (HOME / "all.npy").read_bytes()
    vectors = file[10 + int.from_bytes(file[8:10], "little"):]
    lines = [json.loads(line) for line in (HOME / "all.jsonl").read_text().splitlines()]
    size = len(vectors) // len(lines)
    with open(HOME / "many.npy", "wb") as out:
        out.write(npy(rows, size // 2, (vectors * (rows // len(lines) + 1))[: rows * size]))
    with open(HOME / "many.jsonl", "w") as out:
        for i in range(rows):
            line = lines[i % len(lines)]
            path = folder / str(i // 1000) / f"{i}{Path(line['path']).suffix}"
            if not i % 1000:
                path.parent.mkdir(parents=True)
            os.link(line["path"], path)
            out.write(json.dumps({"path": str(path), "width": line["width"], "height": line["height"]}) + "\n")
    diptych("index", "import", HOME / "many.dip", HOME / "many.npy", "--metadata", HOME / "many.jsonl")


SCROLL = """by => new Promise((resolve, reject) => {
    let y = 0, before = performance.now(), steps = 0;
    const frames = [];
    setTimeout(() => reject(new Error(`after two minutes it has scrolled ${y} pixels`)), 120000);
    const step = now => {
        frames.push(now - before);
        before = now;
        scrollTo(0, y += by);
        if (steps++ < 200)
            requestAnimationFrame(step);
        else
            resolve(frames.sort((a, b) => a - b));
    };
    scrollTo(0, 0);
    requestAnimationFrame(now => { before = now; step(now); });
})"""


@test
def many_results_scroll(browser, served):
    """100,000 results of an index that has them, to the last; few tiles in the document, and few pictures asked for."""
    hundred_thousand()
    many = Served("--index", f"many={HOME}/many.dip")
    with Page(browser, many.url + "?q=a+star&copies=show") as page:
        expect(page.locator("#count")).to_have_text("100,000 results, best first", timeout=60000)
        pages = []
        page.on("request", lambda request: pages.append(request.url) if request.url.endswith("/search") else None)
        begun = time.time()
        while page.locator("#tail").text_content() != "That is all.":
            assert time.time() < begun + 240, page.evaluate("results.hits.length")
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            page.wait_for_timeout(30)
        assert page.evaluate("new Set(results.hits.map(hit => hit.item.id)).size") == 100000
        assert len(pages) < 120, len(pages)
        print(f"    all there after {time.time() - begun:.1f} s, by {len(pages)} requests", flush=True)
        for by in [80, 900]:
            pictures = []
            page.on("request", lambda request: pictures.append(request.url) if "/thumbnail" in request.url else None)
            frames = page.evaluate(SCROLL, by)
            tiles = page.locator(".tile").count()
            assert tiles < 120, tiles
            print(f"    {by} pixels a frame: {frames[100]:.0f} ms, {frames[-10]:.0f} at worst but for ten; {tiles} tiles, "
                  f"{len(pictures)} pictures", flush=True)
        all_pictures(page)
    many.end()


# ---- near copies


@test
def near_copies_are_folded(browser, served):
    with Page(browser, served.url + "?q=a+star&index=copies") as page:
        settle(page)
        badge = page.locator(".copies")
        expect(badge).to_have_count(1)
        expect(badge).to_have_text("+3")
        folded = page.locator(".tile").count()
        all_pictures(page)
        shot(page, "copies")
        badge.click()
        expect(page.locator(".tile")).to_have_count(folded + 3)
        opened = names(page)
        at = next(i for i, name in enumerate(opened) if "near copies" in name)
        assert all(name.startswith("10") for name in opened[at:at + 4]), opened
        assert page.evaluate("document.activeElement.dataset.hit") == str(at)
        all_pictures(page)
        shot(page, "copies-open")
        page.keyboard.press("+")
        expect(page.locator(".tile")).to_have_count(folded)
        page.keyboard.press("+")
        expect(page.locator(".tile")).to_have_count(folded + 3)
        page.click("#filters")
        page.uncheck("#fold")
        expect(badge).to_have_count(0)
        expect(page.locator(".tile")).to_have_count(folded + 3)
        assert "copies=show" in page.url
        page.go_back()
        expect(badge).to_have_count(1)
        expect(page.locator("#fold")).to_be_checked()


@test
def the_newest_come_first(browser, served):
    with Page(browser, served.url + "?index=copies") as page:
        settle(page)
        expect(page.locator("#count")).to_have_text("15 items, newest first")
        assert names(page)[0].startswith("03.jpg"), names(page)[0]
        expect(page.locator("#least")).to_be_hidden()
        shot(page, "newest")


@test
def too_deep_for_copies(browser, served):
    """Where the service compares no more, the rest comes with its copies."""
    with Page(browser, served.url + "?q=a+star") as page:
        settle(page)
        asked = []

        def answer(route):
            body = route.request.post_data_json
            asked.append(body.get("near_copies"))
            if body.get("cursor") and body.get("near_copies"):
                route.fulfill(status=413, json={"error": {"message": "too many hits are compared"}})
            else:
                route.continue_()

        page.route("**/v1/search", answer)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        until(page, "results.hits.length > 150")
        assert asked[:2] == ["hide", None], asked
        expect(page.locator("#notice")).to_be_hidden()


# ---- the map


def show_map(page):
    until(page, "points?.shade.length && [...images.values()].every(image => image.complete)")


@test
def the_map_is_looked_at(browser, served):
    with Page(browser, served.url + "?q=a+star") as page:
        settle(page)
        page.click("#map-toggle")
        show_map(page)
        expect(page.locator("#map-note")).to_contain_text("312 items")
        assert "map=1" in page.url
        all_pictures(page)
        shot(page, "map")
        box, scale = page.locator("#plane").bounding_box(), page.evaluate("part.scale")
        at = [box["x"] + box["width"] / 3, box["y"] + box["height"] / 3]
        under = page.evaluate("([x, y]) => [xAt(x), yAt(y)]", [box["width"] / 3, box["height"] / 3])
        page.mouse.move(*at)
        page.mouse.wheel(0, -600)
        until(page, "scale => part.scale > 3 * scale", scale)
        assert page.evaluate("([x, y]) => Math.hypot(across(x) - plane.clientWidth / 3, down(y) - plane.clientHeight / 3) < 2", under)
        page.mouse.down()
        page.mouse.move(at[0] + 100, at[1] + 50, steps=4)
        page.mouse.up()
        assert page.evaluate("([x, y]) => Math.hypot(across(x) - plane.clientWidth / 3 - 100, down(y) - plane.clientHeight / 3 - 50) < 3", under)
        page.locator("#plane").focus()
        page.keyboard.press("0")
        assert page.evaluate("part.scale") == scale
        page.keyboard.press("+")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("part.scale") > scale
        for _ in range(9):
            page.click("[aria-label='Zoom in']")
        show_map(page)
        shot(page, "map-near")
        page.reload()
        show_map(page)
        page.click("#map-toggle")
        expect(page.locator("#map")).to_be_hidden()
        page.go_back()
        expect(page.locator("#map")).to_be_visible()


@test
def a_part_of_the_map_is_searched(browser, served):
    with Page(browser, served.url + "?q=a+star&map=1") as page:
        settle(page)
        show_map(page)
        box = page.locator("#plane").bounding_box()
        middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
        page.keyboard.down("Shift")
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 250, middle[1] + 200, steps=5)
        with asked_for(page) as request:
            page.mouse.up()
        page.keyboard.up("Shift")
        left, bottom, right, top = request.value.post_data_json["region"]
        assert left < right and bottom < top
        assert request.value.post_data_json["kind"] == "image"
        inside = page.evaluate("""([left, bottom, right, top]) => points.ids.filter((_, i) => points.x[i] >= left &&
            points.x[i] <= right && points.y[i] >= bottom && points.y[i] <= top).length""", [left, bottom, right, top])
        assert 0 < inside < 312
        expect(page.locator("#count")).to_contain_text(f"{inside} result")
        expect(page.locator(".chip .name")).to_have_text("A part of the map")
        settle(page)
        all_pictures(page)
        shot(page, "map-part")
        page.reload()
        expect(page.locator("#count")).to_contain_text(f"{inside} result")
        show_map(page)
        page.locator("#plane").focus()
        page.keyboard.press("Escape")
        expect(page.locator("#count")).to_contain_text("315 results")
        page.click("text=Search here")
        expect(page.locator("#count")).to_contain_text("312 results")
        page.click("[title='Remove A part of the map']")
        expect(page.locator("#count")).to_contain_text("315 results")
        place = page.evaluate("(() => { const i = pictured()[0]; return [across(points.x[i]), down(points.y[i]), points.ids[i]]; })()")
        page.locator("#plane").click(position={"x": place[0], "y": place[1]})
        expect(page.locator("#viewer")).to_be_visible()
        assert f"item={place[2]}" in page.url


@test
def fingers_pinch_the_map(browser, served):
    with Page(browser, served.url + "?map=1", wide=False, has_touch=True) as page:
        show_map(page)
        box, before = page.locator("#plane").bounding_box(), page.evaluate("({...part})")
        x, y = box["x"] + 190, box["y"] + 200
        touch = page.context.new_cdp_session(page)

        def send(kind, *points):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b, "id": i} for i, (a, b) in enumerate(points)]})

        send("touchStart", (x - 20, y), (x + 20, y))
        for reach in [30, 40, 60]:
            send("touchMove", (x - reach, y), (x + reach, y))
        send("touchEnd")
        until(page, "scale => Math.abs(part.scale / scale - 3) < 0.3", before["scale"])
        send("touchStart", (x, y))
        send("touchMove", (x + 40, y))
        send("touchMove", (x + 80, y))
        send("touchEnd")
        assert page.evaluate("part.x") < before["x"]
        show_map(page)
        shot(page, "map-narrow")


@test
def a_map_of_too_little(browser, served):
    with Page(browser, served.url + "?index=samples&kind=text&map=1") as page:
        expect(page.locator("#map-note")).to_contain_text("a map takes 3")


# ---- pages in files, which share looks, scripts and the map with the service's


def pasted(page):
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    page.locator("#pasted").focus()
    page.keyboard.press("Control+V")
    text = page.locator("#pasted").input_value()
    page.evaluate("document.getElementById('pasted').remove()")
    return text


@test
def a_map_in_a_file(browser, served):
    diptych("index", "map", HOME / "all.dip", "--html", HOME / "map.html")
    for wide, scheme in [(True, "light"), (False, "dark")]:
        with Page(browser, f"file://{HOME}/map.html", wide=wide, color_scheme=scheme) as page:
            until(page, "images.size > 0 && [...images.values()].every(image => image.complete)")
            shot(page, f"file-map-{scheme}")
            assert page.evaluate("[points.x.length, points.shade.filter(shade => shade === 1).length]") == [315, 3]
            box, scale = page.locator("#plane").bounding_box(), page.evaluate("part.scale")
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.wheel(0, -600)
            until(page, "scale => part.scale > 3 * scale", scale)
            page.click("text=All")
            i = page.evaluate("pictured()[0]")
            page.evaluate("i => { [part.x, part.y] = [points.x[i], points.y[i]]; zoomMap(1000); drawMap(); }", i)
            page.locator("#plane").click(position={"x": box["width"] / 2, "y": box["height"] / 2})
            path = page.evaluate("i => items[i][3]", i)
            expect(page.locator("#map figure")).to_contain_text(path)
            page.click("#map .copy")
            assert pasted(page) == path
            shot(page, f"file-map-card-{scheme}")
            check_axe(page, "map")
            page.locator("#plane").focus()
            page.keyboard.press("Escape")
            expect(page.locator("#map figure")).to_be_hidden()
            page.uncheck("[data-shade='0']")
            assert page.evaluate("pictured().length") == 0


@test
def cards_in_a_file(browser, served):
    for command in ["duplicates", "outliers", "cluster"]:
        diptych("index", command, HOME / "copies.dip", "--html", HOME / f"{command}.html")
    for wide, scheme in [(True, "light"), (False, "dark")]:
        for name in ["duplicates", "outliers", "cluster"]:
            with Page(browser, f"file://{HOME}/{name}.html", wide=wide, color_scheme=scheme) as page:
                shot(page, f"file-{name}-{scheme}")
                check_axe(page, name)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                if name == "duplicates":
                    page.locator(".copy").first.click()
                    assert pasted(page) == page.locator(".path a").first.text_content()


# ---- keyboard and screen readers


@test
def all_by_keyboard(browser, served):
    with Page(browser, served.url + "?q=a+star") as page:
        settle(page)
        page.locator("#grid a").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.hit") == "1"
        page.keyboard.press("ArrowDown")
        assert int(page.evaluate("document.activeElement.dataset.hit")) > 3
        page.keyboard.press("End")
        until(page, "results.hits.length > 150")  # the row that has the focus is laid out anew
        page.keyboard.press("Home")
        assert page.evaluate("document.activeElement.dataset.hit") == "0"
        page.keyboard.press("Enter")
        expect(page.locator("#viewer")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "text"
        seen = []
        for _ in range(8):
            page.keyboard.press("Tab")
            seen.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.hit"))
        assert seen[:7] == ["plus", "minus", "camera", "filters", "map-toggle", "min", "0"], seen


def check_axe(page, what):
    found = Axe().run(page).response["violations"]
    assert not found, (what, [(v["id"], [node["html"][:150] + " " + node["failureSummary"] for node in v["nodes"][:3]]) for v in found])


@test
def no_violations_of_axe(browser, served):
    for scheme in ["light", "dark"]:
        for wide in [True, False]:
            with Page(browser, served.url + "?q=a+star&t=-1+text+beach&t=1+id+3&map=1&index=copies", wide=wide, color_scheme=scheme,
                      reduced_motion="reduce") as page:
                settle(page)
                show_map(page)
                all_pictures(page)
                page.click("#filters")
                check_axe(page, f"{scheme} {wide}")
                shot(page, f"all-of-it-{scheme}-{'wide' if wide else 'narrow'}")
                page.click("#filters")
                page.click("#map-toggle")
                page.click("#grid a >> nth=0")
                page.keyboard.press("i")
                check_axe(page, f"{scheme} viewer")
                page.keyboard.press("k")
                expect(page.locator("#predictions li").first).to_be_visible()
                check_axe(page, f"{scheme} classifier")
            with Page(browser, served.url + "?folder=nowhere", wide=wide, color_scheme=scheme) as page:
                expect(page.locator("#empty h2")).to_be_visible()
                page.route("**/v1/search", lambda route: route.fulfill(status=429, json={"error": {"message": ""}}))
                page.fill("#text", "a")
                expect(page.locator("#notice")).to_be_visible()
                check_axe(page, f"{scheme} error")
    with Page(browser, served.url + "?q=a+star", color_scheme="dark") as page:
        settle(page)
        all_pictures(page)
        shot(page, "dark")


@test
def narrow_screens_and_calm(browser, served):
    with Page(browser, served.url + "?q=a+star&t=-0.5+text+white", wide=False, reduced_motion="reduce") as page:
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("getComputedStyle(document.querySelector('.tile img')).transitionDuration") == "0s"
        all_pictures(page)
        shot(page, "narrow")
        page.click("#filters")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shot(page, "narrow-filters")


# ---- what goes wrong


@test
def a_busy_server(browser, served):
    with Page(browser, served.url) as page:
        settle(page)
        busy = [2]

        def answer(route):
            if busy[0]:
                busy[0] -= 1
                route.fulfill(status=429, headers={"Retry-After": "1"}, json={"error": {"message": "too many"}})
            else:
                route.continue_()

        page.route("**/v1/search", answer)
        page.fill("#text", "a star")
        expect(page.locator("#notice")).to_contain_text("The server is busy. Trying again in 1 s.")
        shot(page, "busy")
        expect(page.locator("#notice")).to_be_hidden(timeout=10000)
        settle(page)
        assert "score" in names(page)[0]


@test
def busy_while_scrolling(browser, served):
    """One try at a time, with pauses, and the rest comes."""
    with Page(browser, served.url + "?q=a+star") as page:
        settle(page)
        asked = []

        def answer(route):
            asked.append(route.request.post_data_json.get("cursor"))
            if len(asked) < 3:
                route.fulfill(status=429, headers={"Retry-After": "1"}, json={"error": {"message": "too many"}})
            else:
                route.continue_()

        page.route("**/v1/search", answer)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator("#notice")).to_contain_text("The server is busy.")
        page.wait_for_timeout(500)
        page.evaluate("scrollBy(0, -100)")
        assert len(asked) == 1, asked
        expect(page.locator("#notice")).to_be_hidden(timeout=10000)
        until(page, "document.documentElement.scrollHeight > 4000")
        assert len(asked) >= 3 and len(set(asked[:3])) == 1, asked


@test
def a_server_that_refuses(browser, served):
    """What it says is shown, and not asked again by itself; another search goes on."""
    for status, message in [(403, "this name is none of this machine's"), (413, "the body is larger than 1000 bytes"),
                            (415, "the body must be JSON")]:
        with Page(browser, served.url) as page:
            settle(page)
            asked = []

            def answer(route):
                asked.append(1)
                route.fulfill(status=status, json={"error": {"message": message}})

            page.route("**/v1/search", answer)
            drop(page, HOME / "samples/07.png")
            expect(page.locator("#notice")).to_have_text(f"The server refuses this ({status}): {message}Try again")
            expect(page.locator("#notice button")).to_be_hidden()
            page.wait_for_timeout(1500)
            assert len(asked) == 1, asked
            shot(page, f"refused-{status}")
            page.unroute("**/v1/search")
            page.click(".chip button >> nth=-1")
            expect(page.locator("#notice")).to_be_hidden()
            settle(page)


@test
def a_proxy_that_has_no_server(browser, served):
    """Its words are no JSON."""
    with Page(browser, served.url) as page:
        settle(page)
        page.route("**/v1/search", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
        page.fill("#text", "a star")
        expect(page.locator("#notice")).to_contain_text("The server is not ready: Bad Gateway. Trying again in 1 s.")


@test
def a_server_that_goes_and_comes(browser, served):
    other = Served(*INDEXES)
    with Page(browser, other.url) as page:
        settle(page)
        other.end()
        page.fill("#text", "a star")
        expect(page.locator("#notice")).to_contain_text("The server cannot be reached.")
        shot(page, "error")
        again = Served(*INDEXES, port=other.port)
        expect(page.locator("#notice")).to_be_hidden(timeout=30000)
        settle(page)
        again.end()


@test
def a_token_is_asked_for_once(browser, served):
    secret = Served(*INDEXES, token="secret")
    with Page(browser, secret.url + "?q=a+star&kind=image") as page:
        expect(page.locator("#login")).to_be_visible()
        check_axe(page, "login")
        page.fill("#token", "wrong")
        page.click("#login .main")
        expect(page.locator("#login-problem")).to_contain_text("does not take this token")
        shot(page, "login")
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        settle(page)
        all_pictures(page)
        assert names(page)[0].endswith(f"score {page.evaluate('results.hits[0].score.toFixed(2)')}"), names(page)[0]
        assert page.evaluate("document.cookie") == ""  # not for scripts
        assert not page.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)").count("secret")
        page.click("#grid a >> nth=0")
        until(page, "document.querySelector('#stage img')?.naturalWidth > 0")
        with page.context.expect_page() as opened:
            page.keyboard.press("o")
        opened.value.wait_for_load_state()
        until(opened.value, "document.images[0]?.naturalWidth > 0")
        opened.value.close()
        page.keyboard.press("Escape")
        page.reload()
        settle(page)
        expect(page.locator("#login")).to_be_hidden()
        # the login ends meanwhile: it is asked for, and the search that was under way goes on
        page.context.clear_cookies()
        page.fill("#text", "a red heart")
        expect(page.locator("#login")).to_be_visible()
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        until(page, "results.hits[0]?.score && document.title.startsWith('a red heart')")
        assert "q=a+red+heart&" in page.url and "kind=image" in page.url
        page.context.clear_cookies()
        page.fill("#text", "two stars")
        expect(page.locator("#login")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#notice")).to_contain_text("those who log in")
        page.click("#notice button")
        expect(page.locator("#login")).to_be_visible()
    secret.end()


@test
def below_another_path(browser, served):
    below = Served(*INDEXES, "--base-path", "/pictures")
    with Page(browser, "about:blank") as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(below.url + "pictures/?q=a+star&map=1")
        settle(page)
        show_map(page)
        all_pictures(page)
        page.click("#grid a >> nth=0")
        until(page, "document.querySelector('#stage img')?.naturalWidth > 0")
        assert all(url.startswith((below.url + "pictures/", "data:")) for url in asked), asked
    below.end()


@test
def an_empty_index_and_none(browser, served):
    empty, none = Served("--index", f"{HOME}/empty.dip"), Served()
    with Page(browser, empty.url) as page:
        expect(page.locator("#empty h2")).to_contain_text("is empty")
        shot(page, "empty")
    with Page(browser, none.url) as page:
        expect(page.locator("#empty h2")).to_have_text("This service has no index")
    empty.end()
    none.end()


@test
def nothing_else_is_asked(browser, served):
    with Page(browser, "about:blank") as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.url + "?q=a+star")
        settle(page)
        all_pictures(page)
        assert all(url.startswith((served.url, "data:")) for url in asked), asked


def main():
    failures = 0
    prepare()
    served = Served(*INDEXES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for function in tests:
            if not any(word in function.__name__ for word in options.only.split(",")):
                continue
            begun = time.time()
            try:
                function(browser, served)
                print(f"ok   {function.__name__} ({time.time() - begun:.1f} s)", flush=True)
            except Exception:
                failures += 1
                print(f"FAIL {function.__name__}", flush=True)
                traceback.print_exc(limit=-3)
        browser.close()
    served.end()
    shutil.rmtree(HOME)
    return bool(failures)


sys.exit(main())

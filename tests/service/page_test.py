#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the page of the service does, in a real browser. Not part of ctest: it needs chromium and Playwright.

    apt-get install chromium
    python3 -m venv /tmp/page && /tmp/page/bin/pip install playwright pillow
    /tmp/page/bin/python tests/service/page_test.py build [--shots DIR]

It renders scenes, indexes them, serves them, and writes screenshots (wide, narrow, dark, error and so on) to DIR.
"""
import argparse, os, re, shutil, signal, socket, subprocess, sys, tempfile, time, traceback
from pathlib import Path
from playwright.sync_api import expect, sync_playwright

parser = argparse.ArgumentParser()
parser.add_argument("build", type=Path)
parser.add_argument("--shots", type=Path, default=Path("page-shots"))
parser.add_argument("--only", default="")
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
        for _ in range(200):
            with socket.socket() as s:
                if not s.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise RuntimeError("the service does not listen")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


INDEXES = ["--index", f"all={HOME}/all.dip", "--index", f"samples={HOME}/samples.dip"]
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
        until(page, "document.querySelector('#grid a').ariaLabel === 'three white flowers, score 1.00'")
        assert "q=three+white+flowers" in page.url
        all_pictures(page)
        shot(page, "wide")


@test
def older_answers_never_win(browser, served):
    with Page(browser, served.url) as page:
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
        page.click("[aria-label='Remove white']")
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
        page.fill("#template", "{}")
        page.click("#classifier .main")
        expect(page.locator("#predictions li").first).to_contain_text("flower")
        shot(page, "classify")
        page.fill("#labels", "")
        page.click("#classifier .main")
        expect(page.locator("#classifier-problem")).to_contain_text("labels")
        page.keyboard.press("Escape")
        expect(page.locator("#classifier")).to_be_hidden()


@test
def large_pictures_are_shrunk(browser, served):
    from PIL import Image
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
        expect(page.locator("#empty h1")).to_have_text("Nothing passes the filters")
        page.fill("#folder", "")
        page.fill("#from", "2001-01-01")
        page.fill("#to", "2001-12-31")
        expect(page.locator("#empty h1")).to_be_visible()
        page.fill("#from", time.strftime("%Y-%m-%d", time.gmtime()))
        page.fill("#to", "")
        expect(page.locator("#count")).to_contain_text(re.compile("31[25] results"))
        page.fill("#from", "")
        page.fill("#where", "width = 256")
        expect(page.locator("#count")).to_contain_text("results")
        page.fill("#where", "nocolumn = 1")
        expect(page.locator("#notice")).to_contain_text("nocolumn")
        expect(page.locator("#where")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#notice button")).to_be_hidden()
        shot(page, "mistake")
        page.click("#clear")
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("#count")).to_have_text("315 results, best first")


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
        expect(page.locator("#count")).to_have_text("12 items")
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
        expect(page.locator("#toast")).to_contain_text("Copied /")
        assert page.evaluate("navigator.clipboard.readText()").endswith("/07.png")
        with page.context.expect_page() as opened:
            page.keyboard.press("o")
        opened.value.wait_for_load_state()
        assert re.search(r"v1/items/\d+/image$", opened.value.url), opened.value.url
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
        expect(page.locator(".chip .name")).to_have_text(f"Like {name}")
        settle(page)
        until(page, "name => document.querySelector('#grid a').ariaLabel.startsWith(name + ', score 1')", name)


# ---- many results


@test
def many_results_scroll(browser, served):
    """100,000 results of an index of a dozen: the answers are made up, the pictures are real."""
    with Page(browser, served.url) as page:
        settle(page)
        sample = page.request.post(served.url + "v1/search", data={"text": "a", "top": 100, "kind": "image"}).json()["hits"]

        def answer(route):
            body = route.request.post_data_json
            skip = int(body.get("cursor", 0))
            hits = [dict(sample[i % 100], score=1 - (skip + i) / 1e5) for i in range(10000)]
            more = {"cursor": str(skip + 10000)} if skip + 10000 < 100000 else {}
            route.fulfill(json={"model": "model", "searched": 100000, "hits": hits, **more})

        page.route("**/v1/search", answer)
        page.fill("#text", "many")
        expect(page.locator("#count")).to_have_text("100,000 results, best first")
        for _ in range(40):
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            page.wait_for_timeout(60)
            if page.locator("#tail").text_content() == "That is all.":
                break
        expect(page.locator("#tail")).to_have_text("That is all.")
        longest = page.evaluate("""() => new Promise((resolve, reject) => {
            let y = 0, before = performance.now(), longest = 0;
            setTimeout(() => reject(new Error(`after a minute it has scrolled ${y} pixels`)), 60000);
            const step = now => {
                longest = Math.max(longest, now - before);
                before = now;
                scrollTo(0, y += 900);
                y < 180000 ? requestAnimationFrame(step) : resolve(longest);
            };
            scrollTo(0, 0);
            requestAnimationFrame(now => { before = now; step(now); });
        })""")
        tiles = page.locator(".tile").count()
        print(f"    longest frame {longest:.0f} ms, {tiles} tiles in the document", flush=True)
        assert tiles < 120, tiles
        assert longest < 250, longest


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
        assert seen[:5] == ["plus", "minus", "camera", "filters", "min"] and seen[5] == "0", seen
        for _ in range(12):
            page.keyboard.press("Shift+Tab")
        outline = page.evaluate("""() => { document.querySelector('.skip').focus();
            return document.querySelector('.skip').getBoundingClientRect().top }""")
        assert outline >= 0


@test
def everything_has_a_name(browser, served):
    with Page(browser, served.url + "?q=a+star&t=1+text+beach") as page:
        settle(page)
        page.click("#filters")
        nameless = page.evaluate("""() => [...document.querySelectorAll('button, input, select, textarea, a')]
            .filter(e => e.type !== 'file' && !(e.labels?.length || e.ariaLabel || e.getAttribute('aria-label') || e.title || e.textContent.trim()))
            .map(e => e.outerHTML)""")
        assert not nameless, nameless
        assert page.locator("#count").get_attribute("role") == "status"
        assert page.locator("#notice").get_attribute("role") == "alert"
        assert page.locator(".tile").first.get_attribute("aria-posinset") == "1"


CONTRAST = """() => {
    const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const light = ([r, g, b]) => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
    const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > 0.5) return c; } return [255, 255, 255]; };
    const low = [];
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.offsetParent || e.closest('[hidden], noscript, option, datalist')) continue;
        const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) low.push(`${e.tagName}#${e.id}.${e.className} ${ratio.toFixed(2)}`);
    }
    return low;
}"""


@test
def contrast_in_light_and_dark(browser, served):
    for scheme in ["light", "dark"]:
        with Page(browser, served.url + "?q=a+star&t=-1+text+beach&t=1+id+3", color_scheme=scheme) as page:
            settle(page)
            page.click("#filters")
            low = page.evaluate(CONTRAST)
            assert not low, (scheme, low)
            if scheme == "dark":
                page.click("#filters")
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
        assert asked[:3] == ["100"] * 3, asked


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
        page.fill("#token", "wrong")
        page.click("#login .main")
        expect(page.locator("#login-problem")).to_contain_text("does not take this token")
        shot(page, "token")
        page.fill("#token", "secret")
        page.keyboard.press("Enter")
        settle(page)
        all_pictures(page)
        page.click("#grid a >> nth=0")
        until(page, "document.querySelector('#stage img')?.naturalWidth > 0")
        page.keyboard.press("Escape")
        page.reload()
        settle(page)
        expect(page.locator("#login")).to_be_hidden()
    secret.end()


@test
def an_empty_index_and_none(browser, served):
    empty, none = Served("--index", f"{HOME}/empty.dip"), Served()
    with Page(browser, empty.url) as page:
        expect(page.locator("#empty h1")).to_contain_text("is empty")
        shot(page, "empty")
    with Page(browser, none.url) as page:
        expect(page.locator("#empty h1")).to_have_text("This service has no index")
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
        assert all(url.startswith((served.url, "data:", "blob:")) for url in asked), asked


def main():
    failures = 0
    prepare()
    served = Served(*INDEXES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for function in tests:
            if options.only not in function.__name__:
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

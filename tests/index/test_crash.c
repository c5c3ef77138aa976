// SPDX-License-Identifier: Apache-2.0
/*
 * A writer is killed at random moments, some hundred times. It goes through steps, each one commit of
 * additions, changes, copies, renames, removals and returns of what was removed that follow from the step's number alone; the index itself
 * says in a text how many are done. So after each kill the whole content can be computed from that number and
 * compared: every item, in order, with its vector to the last bit. The number must be that of a step whose
 * commit had begun, and not before one whose commit had returned: that is, nothing kept is lost, nothing is
 * there twice, and nothing half.
 *
 * What this cannot show is a loss of power: what the killed process wrote stays in the system's cache.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/index/synthetic.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KILLS = 210,
    WIDTH = 24,
    LONGEST_US = 8000,
    LONGEST_EARLY_US = 32000,
    NEW_EACH = 42,
    EARLY = 6,
    ITEMS = 400,
    PATHS = 120,
    LAST_STEPS = 40
};

static const struct index_options options = {"synthetic", "0", WIDTH, INDEX_F32, NULL};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* ---- what a step does ---------------------------------------------------------------------------------- */

/* The pictures in order of id: the number in the path and the number of the vector. */
struct content {
    struct {
        uint64_t path, vector;
    } items[ITEMS];
    size_t count;
    uint64_t removed; /* the vector removed last, where no compaction may have taken it */
    bool any_removed;
};

struct change {
    enum { ADD, COPY, RENAME, REMOVE, RETURN } verb;
    uint64_t path, vector, from; /* from: of COPY and RENAME, the path of the original */
};

static size_t position(const struct content *content, uint64_t path)
{
    size_t i = 0;
    while (i < content->count && content->items[i].path != path)
        i++;
    return i;
}

static void drop(struct content *content, uint64_t path)
{
    const size_t at = position(content, path);
    if (at == content->count)
        return;
    memmove(&content->items[at], &content->items[at + 1], (content->count - at - 1) * sizeof *content->items);
    content->count--;
}

static void append(struct content *content, uint64_t path, uint64_t vector)
{
    drop(content, path);
    assert_true(content->count < ITEMS);
    content->items[content->count].path = path;
    content->items[content->count++].vector = vector;
}

/* Makes up the next change that is possible, and makes it. */
static struct change next_change(struct content *content, uint64_t *random)
{
    struct change change = {.verb = ADD, .path = next_random(random) % PATHS, .vector = next_random(random)};
    const uint64_t dice = next_random(random) % 10, original = next_random(random);
    if (content->count && dice > 4) {
        change.from = content->items[original % content->count].path;
        change.verb = dice < 6                            ? COPY
                      : dice < 8                          ? RENAME
                      : dice == 8 && content->any_removed ? RETURN
                                                          : REMOVE;
    }
    if (change.verb == ADD) {
        append(content, change.path, change.vector);
    } else if (change.verb == COPY) {
        append(content, change.path, content->items[position(content, change.from)].vector);
    } else if (change.verb == RETURN) {
        change.vector = content->removed;
        append(content, change.path, change.vector);
    } else if (change.verb == REMOVE) {
        content->removed = content->items[position(content, change.from)].vector;
        content->any_removed = true;
        drop(content, change.from);
    } else if (change.path != change.from) {
        drop(content, change.path);
        content->items[position(content, change.from)].path = change.path;
    }
    return change;
}

static size_t changes_in(uint64_t step, uint64_t *random)
{
    *random = step * UINT64_C(0x9e3779b97f4a7c15);
    return 1 + next_random(random) % 12;
}

static bool compacts_after(uint64_t step)
{
    return step % 2 == 0;
}

/* The content after the step that follows the one it holds. */
static void advance(struct content *content, uint64_t step)
{
    uint64_t random;
    for (size_t left = changes_in(step, &random); left; left--)
        next_change(content, &random);
    if (compacts_after(step))
        content->any_removed = false;
}

/* ---- the writer ---------------------------------------------------------------------------------------- */

/* In memory shared with the process that kills. */
static struct progress {
    _Atomic uint64_t begun, committed;
} * shared;

static void must(int rc, const struct err *err)
{
    if (!rc)
        return;
    fprintf(stderr, "writer: %s\n", err->msg);
    _exit(1);
}

static int64_t id_of(struct index *index, uint64_t path, struct index_item *item, struct arena *arena)
{
    struct err err = {0};
    char text[32];
    bool found;
    snprintf(text, sizeof text, "%" PRIu64, path);
    must(index_find(item, &found, index, INDEX_IMAGE, text, NULL, arena, &err), &err);
    must(!found, &err);
    return item->id;
}

static void apply(struct index *index, const struct change *change)
{
    struct err err = {0};
    struct arena arena = {0};
    char path[32], hash[32];
    float vector[WIDTH];
    snprintf(path, sizeof path, "%" PRIu64, change->path);
    snprintf(hash, sizeof hash, "%" PRIu64, change->vector);
    struct index_item item = {.kind = INDEX_IMAGE, .path = path, .hash = hash}, old;
    bool found = true;
    if (change->verb == ADD) {
        make_vector(vector, WIDTH, change->vector);
        must(index_add(index, &item, vector, 1, &err), &err);
    } else if (change->verb == COPY) {
        const int64_t id = id_of(index, change->from, &old, &arena);
        item.hash = old.hash;
        must(index_add_copy(index, &item, id, &err), &err);
    } else if (change->verb == RENAME) {
        id_of(index, change->from, &old, &arena);
        old.path = path;
        must(index_update(index, &old, &err), &err);
    } else if (change->verb == RETURN) {
        must(index_add_again(&found, index, &item, &err), &err);
        must(!found, &err);
    } else {
        must(index_remove(index, id_of(index, change->from, &old, &arena), &err), &err);
    }
    arena_release(&arena);
}

/* The step that the text "step N" speaks of; 0 where there is none. */
static uint64_t step_of(struct index *index, struct index_item *text, struct arena *arena)
{
    struct err err = {0};
    bool found;
    must(index_find(text, &found, index, INDEX_TEXT, "step", NULL, arena, &err), &err);
    return found ? strtoull(text->caption, NULL, 10) : 0;
}

static void say_step(struct index *index, uint64_t step)
{
    struct err err = {0};
    struct arena arena = {0};
    struct index_item item;
    const float vector[WIDTH] = {1};
    char caption[32];
    snprintf(caption, sizeof caption, "%" PRIu64, step);
    if (step_of(index, &item, &arena)) {
        item.caption = caption;
        must(index_update(index, &item, &err), &err);
    } else {
        item = (struct index_item){.kind = INDEX_TEXT, .path = "step", .caption = caption};
        must(index_add(index, &item, vector, 1, &err), &err);
    }
    arena_release(&arena);
}

/* Goes on from where the index stands until it is killed, or to step `last`. */
static void write_steps(const char *path, uint64_t last)
{
    struct err err = {0};
    struct index *index;
    struct index_item text;
    struct arena arena = {0};
    struct content content = {0};
    if (index_open(&index, path, INDEX_WRITE, NULL, &err))
        must(index_create(&index, path, &options, &err), &err);
    uint64_t done = step_of(index, &text, &arena);
    arena_release(&arena);
    for (uint64_t step = 1; step <= done; step++)
        advance(&content, step);

    while (done < last) {
        uint64_t random;
        done++;
        atomic_store(&shared->begun, done);
        for (size_t left = changes_in(done, &random); left; left--) {
            const struct change change = next_change(&content, &random);
            apply(index, &change);
        }
        say_step(index, done);
        must(index_commit(index, &err), &err);
        atomic_store(&shared->committed, done);
        if (compacts_after(done)) {
            must(index_compact(index, NULL, &err), &err);
            content.any_removed = false;
        }
    }
    index_free(index);
}

/* ---- the one who kills --------------------------------------------------------------------------------- */

struct comparison {
    struct index *index;
    const struct content *expected;
    size_t pictures;
    int64_t last_row;
};

static int compare_item(void *context, const struct index_item *item)
{
    struct comparison *comparison = context;
    struct err err;
    float stored[WIDTH], vector[WIDTH];
    assert_true(item->row > comparison->last_row);
    comparison->last_row = item->row;
    if (item->kind == INDEX_TEXT)
        return 0;
    assert_true(comparison->pictures < comparison->expected->count);
    const uint64_t path = comparison->expected->items[comparison->pictures].path,
                   number = comparison->expected->items[comparison->pictures].vector;
    assert_true(strtoull(item->path, NULL, 10) == path);
    assert_true(strtoull(item->hash, NULL, 10) == number);
    assert_ok(index_vectors(stored, comparison->index, &item->row, 1, &err));
    make_vector(vector, WIDTH, number);
    assert_memory_equal(stored, vector, sizeof vector);
    comparison->pictures++;
    return 0;
}

/* Checks an index against the steps it says it has done. *content holds that of step *known, which was found
 * before, and moves on with it. */
static void check_content(struct index *index, struct content *content, uint64_t *known)
{
    struct err err;
    struct index_item text;
    struct arena arena = {0};
    const uint64_t done = step_of(index, &text, &arena);
    assert_in_range(done, *known, atomic_load(&shared->begun));
    while (*known < done)
        advance(content, ++*known);
    struct comparison comparison = {.index = index, .expected = content, .last_row = -1};
    assert_ok(index_each(index, NULL, compare_item, &comparison, &err));
    assert_int_equal(comparison.pictures, content->count);
    arena_release(&arena);
}

/* The same for one that nobody writes to. */
static void check_left(const char *path, struct content *content, uint64_t *known)
{
    struct err err;
    struct index *index;
    assert_ok(index_open(&index, path, INDEX_READ, NULL, &err));
    check_content(index, content, known);
    index_free(index);
    assert_true(*known >= atomic_load(&shared->committed));

    assert_ok(index_open(&index, path, INDEX_WRITE, NULL, &err)); /* repairs */
    index_free(index);
    verify_clean(path);
}

static pid_t start_writer(const char *path, uint64_t last)
{
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no writer behind */
        write_steps(path, last);
        _exit(0);
    }
    return child;
}

static void kill_writer(const char *path, uint64_t first, useconds_t later)
{
    int status;
    const pid_t child = start_writer(path, UINT64_MAX);
    while (atomic_load(&shared->begun) < first && !waitpid(child, &status, WNOHANG))
        usleep(50);
    usleep(later);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void begin_anew(struct content *content, uint64_t *known)
{
    content->count = *known = 0;
    content->any_removed = false;
    atomic_store(&shared->begun, 0);
    atomic_store(&shared->committed, 0);
}

static void a_killed_writer_leaves_a_committed_state(void **state)
{
    (void)state;
    const char *path = scratch_path("killed.dip");
    uint64_t random = 20261121, known = 0, steps = 0, unmade = 0;
    struct content content = {0};
    for (int kills = 0; kills < KILLS; kills++) {
        if (kills % NEW_EACH == 0) {
            scratch_path("killed.dip");
            begin_anew(&content, &known);
        }
        /* The early ones hit the making of the index; the others a step that has begun, or the next ones. */
        const bool early = kills % NEW_EACH < EARLY;
        const uint64_t first = early ? 0 : known + 1 + next_random(&random) % 3;
        const uint64_t longest = early ? LONGEST_EARLY_US : LONGEST_US;
        kill_writer(path, first, (useconds_t)(next_random(&random) % longest));
        char catalog[4200];
        snprintf(catalog, sizeof catalog, "%s/catalog.sqlite", path);
        if (!file_exists(catalog)) {
            assert_int_equal(atomic_load(&shared->begun), 0);
            unmade++;
            continue;
        }
        const uint64_t before = known;
        check_left(path, &content, &known);
        steps += known - before;
    }
    print_message("%d kills, %" PRIu64 " before there was an index; %" PRIu64 " steps committed\n", KILLS,
        unmade, steps);

    const uint64_t last = known + LAST_STEPS;
    int status;
    assert_true(waitpid(start_writer(path, last), &status, 0) > 0);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    check_left(path, &content, &known);
    assert_true(known == last);
}

static void readers_beside_a_writer_see_committed_states(void **state)
{
    (void)state;
    enum { STEPS = 100 };
    int reads = 0;
    const char *path = scratch_path("beside.dip");
    uint64_t known = 0;
    struct content content = {0};
    struct err err;
    struct index *lasting, *fresh;
    int status;
    begin_anew(&content, &known);
    const pid_t writer = start_writer(path, UINT64_MAX);
    while (!atomic_load(&shared->committed) && !waitpid(writer, &status, WNOHANG))
        usleep(50);
    assert_ok(index_open(&lasting, path, INDEX_READ, NULL, &err));
    for (; known < STEPS; reads += 2) {
        const uint64_t committed = atomic_load(&shared->committed);
        assert_int_equal(waitpid(writer, &status, WNOHANG), 0); /* it goes on */
        assert_ok(index_open(&fresh, path, INDEX_READ, NULL, &err));
        check_content(fresh, &content, &known);
        assert_true(known >= committed);
        index_free(fresh);
        assert_ok(index_refresh(lasting, &err));
        check_content(lasting, &content, &known);
    }
    index_free(lasting);
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status));
    print_message("%d states read while %" PRIu64 " were committed\n", reads, known);
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_leaves_a_committed_state),
        cmocka_unit_test(readers_beside_a_writer_see_committed_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

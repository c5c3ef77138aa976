// SPDX-License-Identifier: Apache-2.0
/* Which pictures a caption, metadata or what else lies beside them may be of, which only the pictures' own names tell. */
#include "joint/collection/sync_notes.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

struct subjects {
    struct string_map notes, heads, folders; /* each a set */
    struct strings folder_paths;
    struct strings *out;
};

static int set_add(bool *added, struct string_map *set, const char *key, size_t length, struct err *err)
{
    size_t *number;
    const size_t count = set->count;
    const int rc = string_map_add(&number, set, key, length, count, err);
    *added = set->count > count;
    return rc;
}

static bool set_has(const struct string_map *set, const char *key)
{
    return string_map_find(set, key, strlen(key));
}

/* What all names of one picture's begin with. Google Takeout's are cut off after 46 letters. */
static size_t head_length(const char *name)
{
    enum { LETTERS = 46 };
    const size_t length = strcspn(name, ".(");
    return length < LETTERS ? length : LETTERS;
}

static int add_note(struct subjects *subjects, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    bool added;
    if (!slash || !file_is_note(path) || !file_exists(path))
        return 0;
    int rc = set_add(&added, &subjects->notes, path, strlen(path), err);
    if (!rc)
        rc = set_add(&added, &subjects->heads, slash + 1, head_length(slash + 1), err);
    if (!rc)
        rc = set_add(&added, &subjects->folders, path, (size_t)(slash - path), err);
    return rc || !added ? rc : strings_add(&subjects->folder_paths, path, (size_t)(slash - path), err);
}

static int is_subject(bool *out, const struct subjects *subjects, const char *path, struct err *err)
{
    struct arena arena = {0};
    struct strings beside = {0};
    int rc = picture_beside_paths(&beside, path, err);
    *out = false;
    for (size_t i = 0; i < beside.count; i++)
        *out |= set_has(&subjects->notes, beside.items[i]);
    for (int kind = 0; kind < NOTE_KINDS && !rc; kind++) {
        const char *note = note_path(&arena, path, (enum note_kind)kind);
        rc = note ? 0 : err_memory(err, strlen(path));
        *out |= note && set_has(&subjects->notes, note);
    }
    strings_release(&beside);
    arena_release(&arena);
    return rc;
}

static int visit(struct subjects *subjects, const char *folder, const char *name, struct err *err)
{
    struct arena arena = {0};
    struct stat st;
    bool found = false;
    if (file_is_note(name) || !string_map_find(&subjects->heads, name, head_length(name)))
        return 0;
    const char *path = path_join(&arena, folder, name);
    int rc = path ? is_subject(&found, subjects, path, err) : err_memory(err, strlen(name));
    if (!rc && found && !stat(path, &st) && S_ISREG(st.st_mode))
        rc = strings_add(subjects->out, path, strlen(path), err);
    arena_release(&arena);
    return rc;
}

/* A folder that cannot be read is for the next whole look to tell of. */
static int look_into(struct subjects *subjects, const char *folder, struct err *err)
{
    DIR *stream = opendir(folder);
    int rc = 0;
    for (const struct dirent *entry; stream && !rc && (entry = readdir(stream));)
        rc = visit(subjects, folder, entry->d_name, err);
    if (stream)
        closedir(stream);
    return rc;
}

int notes_subjects(struct strings *out, const struct strings *paths, struct err *err)
{
    struct subjects subjects = {.out = out};
    int rc = 0;
    for (size_t i = 0; i < paths->count && !rc; i++)
        rc = add_note(&subjects, paths->items[i], err);
    for (size_t i = 0; i < subjects.folder_paths.count && !rc; i++)
        rc = look_into(&subjects, subjects.folder_paths.items[i], err);
    string_map_release(&subjects.notes);
    string_map_release(&subjects.heads);
    string_map_release(&subjects.folders);
    strings_release(&subjects.folder_paths);
    return rc;
}

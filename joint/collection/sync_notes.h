// SPDX-License-Identifier: Apache-2.0
/* Captions and metadata beside pictures, as img2dataset writes them, and others too: KEY.txt is a caption, KEY.json metadata. */
#ifndef DIPTYCH_COLLECTION_SYNC_NOTES_H
#define DIPTYCH_COLLECTION_SYNC_NOTES_H

#include "joint/collection/sync.h"

struct json_t;

/* What is said of a picture; zeroed: nothing. */
struct note {
    char *caption;
    struct json_t *metadata;
};
void note_release(struct note *note);

enum note_kind { NOTE_CAPTION, NOTE_METADATA, NOTE_KINDS };
extern const char *const note_suffixes[NOTE_KINDS]; /* ".txt", ".json" */
size_t note_limit(enum note_kind kind);             /* of bytes */

/* Where that of a picture lies, in the arena; NULL when out of memory. */
struct arena;
char *note_path(struct arena *arena, const char *path, enum note_kind kind);

/* Takes the bytes of a file of that kind into the note. ERR_FORMAT: they are no JSON object; `name` is theirs, in the message. */
int note_take(struct note *note, enum note_kind kind, struct span bytes, const char *name, struct err *err);

/* Gives it to the picture of that path, if the index has it. The caption is the text's, else the JSON's, in which it is not said
 * once more. */
int note_give(struct sync *sync, const char *path, struct note *note, struct err *err);

/* A folder with such files. */
struct noted_folder {
    const char *path;
    int64_t stamp, pictures; /* of these files, and how many pictures there are */
    bool dated;              /* some may say when and where pictures were taken */
    bool known;              /* it was read before, and is as it was, */
    bool entered;            /* but for pictures that come to it in this sync */
    bool again;              /* something could not be read for a reason that may pass */
};

/* Whether a file may be one of these, and takes notice of it; the path is absolute. */
struct stat;
bool file_is_note(const char *path);
int file_list_note(struct file_list *list, const char *path, const struct stat *st, struct err *err);

/* Adds the files of which those of the paths that are such files may say something. They come by the names in their folders, each of
 * which is read once. ERR_MEMORY. */
int notes_subjects(struct strings *out, const struct strings *paths, struct err *err);

/* Of files beside pictures in folders: of all pictures in a folder where such a file, or their number, is another
 * than before, else of those that come; of parts of a folder, of those that come or are noted. Nothing is encoded for
 * that. The first is to be called before pictures go in, so that a sync that ends between the two leaves the folders
 * to be read whole. */
int sync_beside_begin(struct sync *sync, const struct file_list *files, struct err *err);
int sync_beside(struct sync *sync, const struct file_list *files, struct err *err);

/* Of archives that were read, which are kept as read then. */
int sync_shard_notes(struct sync *sync, const struct file_list *files, struct err *err);

#endif

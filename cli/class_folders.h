// SPDX-License-Identifier: Apache-2.0
/* A folder of class folders: every picture below DIR/NAME shows what NAME says. */
#ifndef DIPTYCH_CLI_CLASS_FOLDERS_H
#define DIPTYCH_CLI_CLASS_FOLDERS_H

#include "base/base.h"

/* Zero-initialise. */
struct class_folders {
    struct strings names; // of the folders right below DIR, in byte order; hidden ones do not count
    size_t *rows;         // (names.count): the row of each one's label, CLASS_UNKNOWN for none
    struct strings paths; // the files below folders that have a label, folder by folder
    size_t *truths;       // (paths.count): the row of each one's label
};

#define CLASS_UNKNOWN SIZE_MAX

/* Lists the folders below DIR. None is ERR_ARGUMENT. */
int class_folders_list(struct class_folders *out, const char *directory, struct err *err);

/* Finds the label of each folder: the one that the file `classes` has for it ("n01440764<TAB>tench" a line),
 * or, with NULL, the folder's name. Without labels, those of `classes` are added, or the names. A folder
 * without a label and a label without a folder are ERR_ARGUMENT with their names; with allow_missing they are
 * said in messages. */
int class_folders_match(struct class_folders *folders, struct strings *labels, const char *classes,
    bool allow_missing, struct err *err);

/* Lists the pictures of the folders that have a label, and says which of them have none. */
int class_folders_pictures(struct class_folders *folders, const char *directory, struct err *err);
void class_folders_release(struct class_folders *folders);

#endif

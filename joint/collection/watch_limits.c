// SPDX-License-Identifier: Apache-2.0
#include "joint/collection/watch_limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* ---- network drives ------------------------------------------------------------------------------------ */

/* By statfs's f_type, linux/magic.h and the file systems' own sources. FUSE is sshfs as well as NTFS on a disk: which
 * one cannot be told. */
static const struct {
    uint32_t magic;
    const char *name;
} drives[] = {
    {0x6969, "NFS"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x517b, "SMB"},
    {0x65735546, "FUSE"},
    {0x01021997, "9P"},
    {0x00c36400, "Ceph"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x786f4256, "VirtualBox"},
};

void network_drive_find(struct network_drive *out, const char *folder)
{
    struct statfs fs;
    if (statfs(folder, &fs))
        return;
    for (size_t i = 0; i < sizeof drives / sizeof *drives; i++)
        if ((uint32_t)fs.f_type == drives[i].magic) {
            out->type = drives[i].name;
            snprintf(out->folder, sizeof out->folder, "%s", folder);
        }
}

void network_drive_report(const struct network_drive *drive, double rescan, const struct job *job)
{
    job_reportf(job, ERR_UNSUPPORTED,
        "'%s' is on a drive that other machines may change (%s), which is not told: all is looked at every "
        "%.0f seconds, too",
        drive->folder, drive->type, rescan);
}

/* ---- limits -------------------------------------------------------------------------------------------- */

struct counting {
    const struct job *job;
    size_t folders;
    struct err *err;
};

static int count_folder(void *context, const char *path)
{
    struct counting *counting = context;
    (void)path;
    counting->folders++;
    return job_step(counting->job, "counting folders", 0, 0, counting->err);
}

static int pass_over(void *context, const char *path, const struct err *problem)
{
    (void)context, (void)path, (void)problem;
    return 0;
}

static int count_folders(size_t *out, const struct sources *sources, const struct job *job, struct err *err)
{
    const struct strings *roots = &sources->paths[SOURCE_PICTURES];
    struct counting counting = {.job = job, .err = err};
    struct source_rules rules;
    int rc = source_rules_open(&rules, sources, err);
    for (size_t i = 0; i < roots->count && !rc; i++)
        rc = folder_walk(roots->items[i], &rules.rules[i].excludes, roots->items[i], count_folder, pass_over,
            &counting, err);
    source_rules_release(&rules);
    *out = counting.folders;
    return rc;
}

/* A sysctl of inotify; 0: it cannot be read. */
static size_t limit_of(const char *name)
{
    char path[128];
    unsigned long value = 0;
    snprintf(path, sizeof path, "/proc/sys/fs/inotify/%s", name);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lu", &value) != 1)
        value = 0;
    if (file)
        fclose(file);
    return value;
}

int limits_report(int number, bool opened, const struct sources *sources, size_t watched, double rescan,
    const struct job *job, struct err *err)
{
    size_t folders;
    int rc = count_folders(&folders, sources, job, err);
    if (rc)
        return rc;
    if (!opened && number == EMFILE)
        job_reportf(job, ERR_LIMIT,
            "unable to watch folders: a user's programs may do so %zu times; 'sysctl "
            "fs.inotify.max_user_instances=%zu' allows more; all is looked at every %.0f seconds instead",
            limit_of("max_user_instances"), 2 * limit_of("max_user_instances"), rescan);
    else if (opened && number == ENOSPC)
        job_reportf(job, ERR_LIMIT,
            "unable to watch more than %zu of %zu folders: a user's programs may watch %zu; 'sysctl "
            "fs.inotify.max_user_watches=%zu' allows more; all is looked at every %.0f seconds instead",
            watched, folders, limit_of("max_user_watches"), limit_of("max_user_watches") + folders, rescan);
    else
        job_reportf(job, ERR_IO, "unable to watch folders: %s; all is looked at every %.0f seconds instead",
            strerror(number), rescan);
    return 0;
}

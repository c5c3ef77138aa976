#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libarchive 3.6.2 (Debian 12): names that are not ASCII, in the C locale.
#
# Guess before running it: a pax archive has names in UTF-8, so that reading gives them back in UTF-8 in any locale, and in the
# locale's own bytes where these can hold them.
#
# Seen: in C.UTF-8 so it is. In the C locale, which a program has that never calls setlocale, and a container without
# LANG, reading warns ("cannot be converted"), and archive_entry_pathname_utf8 is NULL, though the bytes that
# archive_entry_pathname has are UTF-8: so base/shard.c asks for both. The writer of pax archives can crash in that locale, which
# is not shown here; the archives of Diptych's tests are written in C.UTF-8.
#
# Prints what is seen and fails where it is no longer so. Needs gcc, and apt-get with Debian 12's packages and their
# dependencies installed (libarchive13), which it unpacks below TMPDIR and does not install; some seconds.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

version=3.6.2-1+deb12u4
apt-get -q download "libarchive13=$version" "libarchive-dev=$version" >/dev/null
for package in *.deb; do
    dpkg -x "$package" root
done
libraries=$folder/root/usr/lib/x86_64-linux-gnu

cat >names.c <<'END'
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int put(const char *path)
{
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_open_filename(archive, path);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_update_pathname_utf8(entry, "\xE6\x9D\xB1.jpg");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, 0);
    const int failed = archive_write_header(archive, entry);
    archive_entry_free(entry);
    archive_write_close(archive);
    archive_write_free(archive);
    return failed;
}

static int get(const char *path)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    archive_read_support_format_tar(archive);
    archive_read_open_filename(archive, path, 10240);
    const int status = archive_read_next_header(archive, &entry);
    const char *name = archive_entry_pathname(entry), *utf8 = archive_entry_pathname_utf8(entry);
    printf("status %d, name %s, in UTF-8 %s\n", status, name ? "there" : "NULL", utf8 && strlen(utf8) == 7 ? "there" : "NULL");
    archive_read_free(archive);
    return 0;
}

int main(int count, char **arguments)
{
    const bool write = !strcmp(arguments[1], "put");
    setlocale(LC_CTYPE, write || count > 3 ? "C.UTF-8" : "C");
    return write ? put(arguments[2]) : get(arguments[2]);
}
END
gcc -I"$folder/root/usr/include" names.c -o names -L"$libraries" -l:libarchive.so.13
export LD_LIBRARY_PATH="$libraries"

failed=0
expect() {
    echo "$1: $3"
    [ "$2" = "$3" ] || { echo "expected: $2"; failed=1; }
}
status=0
./names put a.tar || status=$?
expect "written in C.UTF-8" 0 "$status"
expect "read in C.UTF-8" "status 0, name there, in UTF-8 there" "$(./names get a.tar C.UTF-8)"
expect "read in C" "status -20, name there, in UTF-8 NULL" "$(./names get a.tar)"
exit $failed

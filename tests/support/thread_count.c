// SPDX-License-Identifier: Apache-2.0
#include "tests/support/thread_count.h"

#include <dirent.h>
#include <unistd.h>

size_t thread_count(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *task; tasks && (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

size_t thread_count_settled(size_t expected)
{
    for (int i = 0; i < 1000 && thread_count() != expected; i++)
        usleep(1000);
    return thread_count();
}

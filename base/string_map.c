// SPDX-License-Identifier: Apache-2.0
/*
 * A hash table by open addressing: a key stands in the first free slot from that of its hash on. At most half
 * of the slots are taken, so that such a walk is short.
 *
 * Keys come from files, and whoever writes a file may choose keys that meet in one slot: the hash begins with
 * a number that the system draws for each map.
 */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct string_map_slot {
    struct span key; /* data NULL: free */
    uint64_t hash;
    size_t value;
};

static uint64_t hash(uint64_t seed, struct span key)
{
    uint64_t word = 0;
    seed = random_mix(seed ^ key.length);
    for (; key.length >= sizeof word; key = span_from(key, sizeof word)) {
        memcpy(&word, key.data, sizeof word);
        seed = random_mix(seed ^ word);
    }
    word = 0;
    if (key.length)
        memcpy(&word, key.data, key.length);
    return random_mix(seed ^ word);
}

/* The slot of the key, or the free one where it belongs. There are some, and a free one among them. */
static struct string_map_slot *find_slot(const struct string_map *map, struct span key, uint64_t hashed)
{
    const size_t mask = map->room - 1;
    size_t i = (size_t)hashed & mask;
    while (map->slots[i].key.data && (map->slots[i].hash != hashed || !span_equal(map->slots[i].key, key)))
        i = (i + 1) & mask;
    return &map->slots[i];
}

size_t *string_map_find(const struct string_map *map, const char *key, size_t length)
{
    const struct span wanted = {key, length};
    struct string_map_slot *slot = map->room ? find_slot(map, wanted, hash(map->seed, wanted)) : NULL;
    return slot && slot->key.data ? &slot->value : NULL;
}

/* Twice the slots, or the first. */
static int grow(struct string_map *map, struct err *err)
{
    enum { FIRST = 16 };
    struct string_map larger = *map;
    if (!map->room && getrandom(&larger.seed, sizeof larger.seed, GRND_NONBLOCK) < 0)
        larger.seed = (uintptr_t)map; /* too early after boot; no worse than a map without */
    larger.room = map->room ? 2 * map->room : FIRST;
    larger.slots = mem_new(larger.room, sizeof *larger.slots);
    if (!larger.slots)
        return err_memory(err, larger.room * sizeof *larger.slots);
    for (size_t i = 0; i < map->room; i++)
        if (map->slots[i].key.data)
            *find_slot(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = larger;
    return 0;
}

int string_map_add(
    size_t **out, struct string_map *map, const char *key, size_t length, size_t value, struct err *err)
{
    const struct span added = {key, length};
    int rc = map->count < map->room / 2 ? 0 : grow(map, err);
    if (rc)
        return rc;
    const uint64_t hashed = hash(map->seed, added);
    struct string_map_slot *slot = find_slot(map, added, hashed);
    if (!slot->key.data) {
        const char *copy = arena_copy(&map->arena, key, length);
        if (!copy)
            return err_memory(err, length);
        *slot = (struct string_map_slot){{copy, length}, hashed, value};
        map->count++;
    }
    *out = &slot->value;
    return 0;
}

void string_map_release(struct string_map *map)
{
    if (!map)
        return;
    free(map->slots);
    arena_release(&map->arena);
    *map = (struct string_map){0};
}

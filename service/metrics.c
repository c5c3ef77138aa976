// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"
#include "service/call.h"

#include <pthread.h>
#include <stdlib.h>

/* Upper ends of the buckets of a histogram, in seconds. */
static const double buckets[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
enum { BUCKETS = sizeof buckets / sizeof *buckets, CLASSES = 6 /* of statuses, by their first digit */ };

struct route_counts {
    uint64_t by_class[CLASSES], by_bucket[BUCKETS + 1];
    double seconds;
};

struct metrics {
    pthread_mutex_t lock;
    struct route_counts *counts; // (routes + 1): the last of requests of no route
    size_t count;
};

int metrics_open(struct metrics **out, struct err *err)
{
    struct metrics *metrics = mem_new(1, sizeof *metrics);
    if (!metrics)
        return err_memory(err, sizeof *metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    while (routes[metrics->count].method)
        metrics->count++;
    metrics->counts = mem_new(metrics->count + 1, sizeof *metrics->counts);
    if (!metrics->counts) {
        err_memory(err, metrics->count * sizeof *metrics->counts);
        metrics_free(metrics);
        return ERR_MEMORY;
    }
    *out = metrics;
    return 0;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    pthread_mutex_destroy(&metrics->lock);
    free(metrics->counts);
    free(metrics);
}

void metrics_count(struct metrics *metrics, const struct route *route, int status, double seconds)
{
    struct route_counts *counts = &metrics->counts[route ? (size_t)(route - routes) : metrics->count];
    size_t bucket = 0;
    while (bucket < BUCKETS && seconds > buckets[bucket])
        bucket++;
    pthread_mutex_lock(&metrics->lock);
    counts->by_class[status / 100 % CLASSES]++;
    counts->by_bucket[bucket]++;
    counts->seconds += seconds;
    pthread_mutex_unlock(&metrics->lock);
}

static void print_requests(FILE *out, const char *method, const char *path, const struct route_counts *counts)
{
    for (int class = 1; class < CLASSES; class ++)
        if (counts->by_class[class])
            fprintf(out, "diptych_requests_total{method=\"%s\",route=\"%s\",status=\"%dxx\"} %llu\n", method,
                path, class, (unsigned long long)counts->by_class[class]);
}

static void print_seconds(FILE *out, const char *method, const char *path, const struct route_counts *counts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= BUCKETS; i++)
        sum += counts->by_bucket[i];
    if (!sum)
        return;
    sum = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        sum += counts->by_bucket[i];
        fprintf(out, "diptych_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%g\"} %llu\n", method,
            path, buckets[i], (unsigned long long)sum);
    }
    sum += counts->by_bucket[BUCKETS];
    fprintf(out, "diptych_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"+Inf\"} %llu\n", method,
        path, (unsigned long long)sum);
    fprintf(
        out, "diptych_request_seconds_sum{method=\"%s\",route=\"%s\"} %.6f\n", method, path, counts->seconds);
    fprintf(out, "diptych_request_seconds_count{method=\"%s\",route=\"%s\"} %llu\n", method, path,
        (unsigned long long)sum);
}

void metrics_print(struct metrics *metrics, FILE *out)
{
    static const struct {
        const char *head;
        void (*print)(FILE *out, const char *method, const char *path, const struct route_counts *counts);
    } families[] = {
        {"# HELP diptych_requests_total Requests answered.\n# TYPE diptych_requests_total counter\n",
            print_requests},
        {"# HELP diptych_request_seconds Time from a request's head to its answer.\n"
         "# TYPE diptych_request_seconds histogram\n",
            print_seconds},
    };
    pthread_mutex_lock(&metrics->lock);
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        fputs(families[f].head, out);
        for (size_t i = 0; i < metrics->count; i++)
            families[f].print(out, routes[i].method, routes[i].path, &metrics->counts[i]);
        families[f].print(out, "", "", &metrics->counts[metrics->count]);
    }
    pthread_mutex_unlock(&metrics->lock);
}

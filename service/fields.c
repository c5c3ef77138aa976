// SPDX-License-Identifier: Apache-2.0
/* Fields of JSON bodies, each with its type and range. */
#include "service/call.h"

#include <math.h>
#include <string.h>

/* NULL where a field is absent or null. */
static const json_t *find(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

int field_text(const char **out, const json_t *object, const char *name, struct err *err)
{
    const json_t *value = find(object, name);
    if (value && !json_is_string(value))
        return err_set(err, ERR_ARGUMENT, "'%s' is no text", name);
    if (value)
        *out = json_string_value(value);
    return 0;
}

bool field_whole(json_int_t *out, const json_t *value)
{
    const double exact = 9007199254740992, real = json_real_value(value); /* 2^53: all below are told apart */
    const bool whole = json_is_real(value) && fabs(real) <= exact && real == floor(real);
    *out = whole ? (json_int_t)real : json_integer_value(value);
    return whole || json_is_integer(value);
}

int field_size(size_t *out, const json_t *object, const char *name, size_t min, size_t max, struct err *err)
{
    const json_t *value = find(object, name);
    json_int_t number;
    if (!value)
        return 0;
    if (!field_whole(&number, value) || number < 0 || (size_t)number < min || (size_t)number > max)
        return err_set(err, ERR_ARGUMENT, "'%s' is no whole number from %zu to %zu", name, min, max);
    *out = (size_t)number;
    return 0;
}

int field_real(double *out, const json_t *object, const char *name, double min, double max, struct err *err)
{
    const json_t *value = find(object, name);
    const double number = json_number_value(value);
    if (!value)
        return 0;
    if (!json_is_number(value) || !(number >= min && number <= max))
        return err_set(err, ERR_ARGUMENT, "'%s' is no number from %g to %g", name, min, max);
    *out = number;
    return 0;
}

int field_bool(bool *out, const json_t *object, const char *name, struct err *err)
{
    const json_t *value = find(object, name);
    if (value && !json_is_boolean(value))
        return err_set(err, ERR_ARGUMENT, "'%s' is neither true nor false", name);
    if (value)
        *out = json_is_true(value);
    return 0;
}

static bool is_known(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

/* "a, b, c" of the names, as far as there is room. */
static void list_names(char *out, size_t size, const char *const *names)
{
    size_t used = 0;
    *out = '\0';
    for (size_t i = 0; names[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

int choice_named(int *out, const char *word, const char *name, const char *const *choices, struct err *err)
{
    char list[256];
    for (int i = 0; choices[i]; i++)
        if (!strcmp(word, choices[i])) {
            *out = i;
            return 0;
        }
    list_names(list, sizeof list, choices);
    return err_set(err, ERR_ARGUMENT, "'%s' is '%.40s', it can be %s", name, word, list);
}

int field_choice(
    int *out, const json_t *object, const char *name, const char *const *choices, struct err *err)
{
    const char *word = choices[*out];
    const int rc = field_text(&word, object, name, err);
    return rc ? rc : choice_named(out, word, name, choices, err);
}

static int check_known(const char *name, const char *const *names, struct err *err)
{
    char list[256];
    if (is_known(name, names))
        return 0;
    list_names(list, sizeof list, names);
    return err_set(err, ERR_ARGUMENT, "'%.40s' is not known here; there are %s", name, list);
}

int fields_known(const json_t *object, const char *const *names, struct err *err)
{
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)object, name, value) if (!rc) rc = check_known(name, names, err);
    return rc;
}

/* What a query string is looked at with. */
struct query_check {
    const char *const *names;
    struct err *err;
};

static int check_parameter(void *context, const char *name, const char *value)
{
    const struct query_check *check = context;
    (void)value;
    if (!*check->names)
        return err_set(check->err, ERR_ARGUMENT,
            "'%.40s' stands in the query string, which has nothing to say here: fields go into the body",
            name);
    return check_known(name, check->names, check->err);
}

int queries_known(const struct call *call, const char *const *names, struct err *err)
{
    struct query_check check = {names, err};
    return request_each_query(call->request, check_parameter, &check);
}

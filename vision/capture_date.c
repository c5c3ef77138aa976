// SPDX-License-Identifier: Apache-2.0
#include "vision/capture.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char sign)
{
    return sign >= '0' && sign <= '9';
}

/* So many digits off the front as a number; -1: they are not there. */
static int take_digits(const char **text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit((*text)[i]))
            return -1;
        number = 10 * number + ((*text)[i] - '0');
    }
    *text += count;
    return number;
}

/* A sign of these, and a number of two digits, 0 to `most`, behind it. */
static int take_part(const char **text, const char *signs, int most)
{
    const char *at = *text;
    if (!*at || !strchr(signs, *at))
        return -1;
    at++;
    const int number = take_digits(&at, 2);
    if (number < 0 || number > most)
        return -1;
    *text = at;
    return number;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;
    return days[month - 1] + (leap && month == 2);
}

struct parts {
    int year, month, day, hour, minute, second; /* -1: not said */
    char fraction[8];                           /* ".123456", without zeros at its end */
    char zone[8];                               /* "+02:00" */
};

static void take_fraction(struct parts *out, const char **text)
{
    enum { DIGITS = 6 };
    size_t length = 0;
    if (**text != '.' || !is_digit((*text)[1]))
        return;
    out->fraction[length++] = *(*text)++;
    for (; is_digit(**text); ++*text)
        if (length <= DIGITS)
            out->fraction[length++] = **text;
    while (length && (out->fraction[length - 1] == '0' || out->fraction[length - 1] == '.'))
        length--;
    out->fraction[length] = '\0';
}

/* "+02:00", "+0200", "Z". */
static bool take_zone(struct parts *out, const char **text)
{
    const char sign = **text, *at = *text + 1;
    if (sign == 'Z') {
        strcpy(out->zone, "+00:00");
        *text = at;
        return true;
    }
    if (sign != '+' && sign != '-')
        return !sign;
    const int hours = take_digits(&at, 2);
    at += *at == ':';
    const int minutes = take_digits(&at, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
        return false;
    snprintf(out->zone, sizeof out->zone, "%c%02d:%02d", sign, hours, minutes);
    *text = at;
    return true;
}

static bool take_time(struct parts *out, const char **text)
{
    out->hour = take_part(text, " T", 23);
    if (out->hour >= 0)
        out->minute = take_part(text, ":", 59);
    if (out->hour < 0)
        return !**text;
    if (out->minute < 0)
        return false;
    out->second = take_part(text, ":", 60);
    if (out->second >= 0)
        take_fraction(out, text);
    return take_zone(out, text) && !**text;
}

static bool parse(struct parts *out, const char *text)
{
    *out = (struct parts){.month = -1, .day = -1, .hour = -1, .minute = -1, .second = -1};
    out->year = take_digits(&text, 4);
    if (out->year < 1)
        return false;
    out->month = take_part(&text, ":-", 12);
    if (out->month >= 1)
        out->day = take_part(&text, ":-", days_of(out->year, out->month));
    if (!out->month || !out->day)
        return false;
    return out->day > 0 ? take_time(out, &text) : !*text;
}

void capture_set_date(struct capture *out, const char *text)
{
    struct parts parts;
    char trimmed[64], *end = out->taken, *const last = out->taken + sizeof out->taken;
    const char *first = text + strspn(text, " \t\r\n");
    snprintf(trimmed, sizeof trimmed, "%s", first);
    for (size_t length = strlen(trimmed); length && strchr(" \t\r\n", trimmed[length - 1]); length--)
        trimmed[length - 1] = '\0';
    if (*out->taken || !parse(&parts, trimmed))
        return;
    end += snprintf(end, (size_t)(last - end), "%04d", parts.year);
    if (parts.month > 0)
        end += snprintf(end, (size_t)(last - end), "-%02d", parts.month);
    if (parts.day > 0)
        end += snprintf(end, (size_t)(last - end), "-%02d", parts.day);
    if (parts.hour >= 0)
        end += snprintf(end, (size_t)(last - end), " %02d:%02d:%02d%s%s", parts.hour, parts.minute,
            parts.second < 0 ? 0 : parts.second, parts.fraction, parts.zone);
}

// SPDX-License-Identifier: Apache-2.0
#include "service/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=AaB03x"

static void expect(const struct form *form, size_t i, const char *name, const char *value)
{
    assert_string_equal(form->fields[i].name, name);
    assert_int_equal(form->fields[i].value.length, strlen(value));
    assert_memory_equal(form->fields[i].value.data, value, strlen(value));
}

static void fields_come_in_order(void **state)
{
    (void)state;
    static const char body[] =
        "--AaB03x \r\n"
        "Content-Disposition: form-data; name=\"entries\"\r\n\r\n{}\r\n"
        "--AaB03x\r\n"
        "Content-Type: image/png\r\n"
        "content-disposition:form-data; filename=\"a;name=b\\\".png\"; name=image\r\n\r\n"
        "\r\n--AaB03\r\n--\r\n\r\n"
        "--AaB03x\r\n"
        "Content-Disposition: form-data; name=\"a \\\"b\\\"\"\r\n\r\n\r\n"
        "--AaB03x--\r\nwhat stands here does not count";
    struct arena arena = {0};
    struct form form;
    struct err err;
    assert_int_equal(form_read(&form, TYPE, span_of(body), &arena, &err), 0);
    assert_int_equal(form.count, 3);
    expect(&form, 0, "entries", "{}");
    expect(&form, 1, "image", "\r\n--AaB03\r\n--\r\n");
    expect(&form, 2, "a \"b\"", "");
    assert_true(!form.fields[0].file && form.fields[1].file && !form.fields[2].file);
    assert_ptr_equal(form_find(&form, "image"), &form.fields[1]);
    assert_null(form_find(&form, "text"));
    arena_release(&arena);
}

static void types_may_be_written_in_many_ways(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int code;
    } cases[] = {
        {"multipart/form-data; boundary=b", 0},
        {"Multipart/Form-Data;charset=utf-8;BOUNDARY=\"b\"", 0},
        {"multipart/form-data", ERR_UNSUPPORTED},
        {"multipart/form-data; boundary=", ERR_UNSUPPORTED},
        {"multipart/form-data; boundary=\"b", ERR_UNSUPPORTED},
        {"multipart/form-data; "
         "boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            ERR_UNSUPPORTED},
        {"application/json", ERR_UNSUPPORTED},
        {NULL, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct form form;
        struct err err;
        assert_int_equal(form_read(&form, cases[i].type, span_of("--b--"), &arena, &err), cases[i].code);
        arena_release(&arena);
    }
}

static void broken_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "x",
        "--AaB03",
        "--AaB03x",
        "--AaB03x\r\n",
        "--AaB03x\r\n\r\nvalue\r\n--AaB03x--",
        "--AaB03x and more\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--AaB03x--",
        "--AaB03x\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nv\r\n--AaB03x--",
        "--AaB03x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nv\r\n--AaB03x--",
        "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n",
        "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv",
        "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--AaB03x",
        "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--AaB03x-",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct arena arena = {0};
        struct form form;
        struct err err;
        if (form_read(&form, TYPE, span_of(bodies[i]), &arena, &err) != ERR_FORMAT)
            fail_msg("accepted: %s", bodies[i]);
        arena_release(&arena);
    }
}

static void there_is_a_limit(void **state)
{
    (void)state;
    static const char part[] = "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n";
    for (size_t count = FORM_FIELDS_MAX; count <= FORM_FIELDS_MAX + 1; count++) {
        static char body[sizeof part * (FORM_FIELDS_MAX + 2)];
        struct arena arena = {0};
        struct form form;
        struct err err;
        for (size_t i = 0; i < count; i++)
            strcpy(body + i * (sizeof part - 1), part);
        strcpy(body + count * (sizeof part - 1), "--AaB03x--");
        assert_int_equal(
            form_read(&form, TYPE, span_of(body), &arena, &err), count > FORM_FIELDS_MAX ? ERR_LIMIT : 0);
        arena_release(&arena);
    }
}

static void headers_have_a_limit(void **state)
{
    (void)state;
    static const char before[] = "--AaB03x\r\nContent-Disposition: form-data; name=\"",
                      after[] = "\"\r\n\r\nv\r\n--AaB03x--";
    const size_t around = strlen("Content-Disposition: form-data; name=\"\"");
    for (size_t length = FORM_HEADER_MAX; length <= FORM_HEADER_MAX + 1; length++) {
        char body[FORM_HEADER_MAX + sizeof before + sizeof after], *name = stpcpy(body, before);
        struct arena arena = {0};
        struct form form;
        struct err err;
        memset(name, 'a', length - around);
        strcpy(name + length - around, after);
        assert_int_equal(
            form_read(&form, TYPE, span_of(body), &arena, &err), length > FORM_HEADER_MAX ? ERR_LIMIT : 0);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_in_order),
        cmocka_unit_test(types_may_be_written_in_many_ways),
        cmocka_unit_test(broken_forms_are_refused),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(headers_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

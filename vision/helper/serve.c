// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/serve.h"
#include "vision/helper/helper.h"
#include "vision/helper/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct decoder *find(const struct decoder *decoders, const char *library)
{
    while (decoders->library && strcmp(decoders->library, library))
        decoders++;
    return decoders->library ? decoders : NULL;
}

static int decode_own(
    struct picture *out, struct span file, const struct picture_options *options, struct err *err)
{
    const struct format *format = format_find(file);
    if (!format || !format->decode)
        return err_set(err, ERR_FORMAT, "not a picture that diptych-decode reads");
    return format_decode_here(out, format, file, options, err);
}

static int decode(struct picture *out, const struct decoder *decoders, const struct helper_request *request,
    struct err *err)
{
    const struct decoder *decoder = find(decoders, request->library);
    const bool own = !strcmp(request->library, HELPER_OWN);
    if (!decoder && !own)
        return err_set(err, ERR_UNSUPPORTED, "diptych-decode was built without %s", request->library);
    char *bytes = mmap(NULL, request->size, PROT_READ, MAP_SHARED, HELPER_FILE, 0);
    if (bytes == MAP_FAILED)
        return err_memory(err, request->size);
    const struct span file = {bytes, request->size};
    const int rc = own ? decode_own(out, file, &request->options, err)
                       : decoder->decode(out, file, &request->options, err);
    munmap(bytes, request->size);
    return rc;
}

static int share_pixels(const struct picture *picture, struct err *err)
{
    const size_t bytes = (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
    if (ftruncate(HELPER_PIXELS, (off_t)bytes))
        return err_memory(err, bytes);
    uint8_t *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, HELPER_PIXELS, 0);
    if (shared == MAP_FAILED)
        return err_memory(err, bytes);
    memcpy(shared, picture->pixels, bytes);
    munmap(shared, bytes);
    return 0;
}

static void describe(struct helper_reply *reply, const struct picture *picture)
{
    reply->mode = picture->mode;
    reply->width = picture->width;
    reply->height = picture->height;
    reply->has_key = picture->has_key;
    memcpy(reply->key, picture->key, sizeof reply->key);
    reply->has_palette = picture->palette;
    if (picture->palette)
        memcpy(reply->palette, picture->palette, sizeof reply->palette);
}

static void answer(
    struct helper_reply *reply, const struct decoder *decoders, const struct helper_request *request)
{
    struct picture picture = {0};
    struct err err = {0};

    int rc = decode(&picture, decoders, request, &err);
    if (!rc) /* no more than its parent will take */
        rc = picture_check_size(picture.width, picture.height, request->options.max_pixels, &err);
    if (!rc)
        rc = share_pixels(&picture, &err);
    if (!rc)
        describe(reply, &picture);
    reply->code = rc;
    snprintf(
        reply->msg, sizeof reply->msg, "%.*s", (int)sizeof reply->msg - 1, rc ? err.msg : picture.warning);
    picture_release(&picture);
}

int helper_serve(const struct decoder *decoders)
{
    struct helper_request request;
    for (const struct decoder *decoder = decoders; decoder->library; decoder++)
        if (decoder->prepare)
            decoder->prepare();
    if (sandbox_enter())
        return 1;
    while (recv(HELPER_SOCKET, &request, sizeof request, 0) == sizeof request) {
        struct helper_reply reply = {0};
        request.library[sizeof request.library - 1] = '\0';
        answer(&reply, decoders, &request);
        if (send(HELPER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply)
            return 1;
    }
    return 0;
}

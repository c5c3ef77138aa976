// SPDX-License-Identifier: Apache-2.0
#include "vision/helper/serve.h"
#include "vision/helper/helper.h"
#include "vision/helper/protocol.h"
#include "vision/helper/shared.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

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
    struct span file, const struct picture_options *options, struct err *err)
{
    const struct decoder *decoder = find(decoders, request->library);
    if (!decoder && !strcmp(request->library, HELPER_OWN))
        return decode_own(out, file, options, err);
    if (!decoder)
        return err_set(err, ERR_UNSUPPORTED, "diptych-decode was built without %s", request->library);
    return decoder->decode(out, file, options, err);
}

/* ---- memory that is shared ----------------------------------------------------------------------------- */

/* What one picture after the other is decoded with. */
struct room {
    struct picture_host host;
    struct shared file, pixels;
    bool taken;       /* of the pixels */
    size_t announced; /* pixels, of the picture at hand */
};

static struct room *room_of(struct picture_host *host)
{
    return (struct room *)host; /* its first field */
}

static int announce(struct picture_host *host, size_t pixels, struct err *err)
{
    const struct helper_reply reply = {.code = HELPER_ASKS, .pixels = pixels};
    struct room *room = room_of(host);
    char granted;
    if (pixels <= room->announced)
        return 0;
    if (send(HELPER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply ||
        recv(HELPER_SOCKET, &granted, 1, 0) != 1)
        return err_set(err, ERR_LIMIT, "%zu pixels are not granted", pixels);
    room->announced = pixels;
    return 0;
}

static uint8_t *take(struct picture_host *host, size_t bytes)
{
    struct room *room = room_of(host);
    if (room->taken || !shared_map(&room->pixels, bytes, PROT_READ | PROT_WRITE))
        return NULL;
    room->taken = true;
    return room->pixels.bytes;
}

static void give_back(struct picture_host *host)
{
    room_of(host)->taken = false;
}

/* Of a picture that lies elsewhere. */
static int share_pixels(struct room *room, const struct picture *picture, struct err *err)
{
    const size_t bytes = (size_t)picture->width * (size_t)picture->height * picture_channels(picture);
    if (picture->host)
        return 0;
    uint8_t *shared = take(&room->host, bytes);
    if (!shared)
        return err_memory(err, bytes);
    memcpy(shared, picture->pixels, bytes);
    give_back(&room->host);
    return 0;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

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

static void answer(struct helper_reply *reply, const struct decoder *decoders,
    const struct helper_request *request, struct room *room)
{
    struct picture_options options = request->options;
    struct picture picture = {0};
    struct err err = {0};
    int rc = 0;

    options.host = &room->host;
    options.isolate = false; /* it is */
    room->announced = HELPER_FREE_PIXELS;
    shared_shrink(&room->file);
    shared_shrink(&room->pixels);
    if (!shared_map(&room->file, request->size, PROT_READ))
        rc = err_memory(&err, request->size);
    const struct span file = {(const char *)room->file.bytes, request->size};
    if (!rc)
        rc = decode(&picture, decoders, request, file, &options, &err);
    if (!rc) /* no more than its parent will take */
        rc = picture_check_size(picture.width, picture.height, &options, &err);
    if (!rc)
        rc = share_pixels(room, &picture, &err);
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
    struct room room = {
        .host = {announce, take, give_back}, .file.fd = HELPER_FILE, .pixels.fd = HELPER_PIXELS};
    for (const struct decoder *decoder = decoders; decoder->library; decoder++)
        if (decoder->prepare)
            decoder->prepare();
    if (sandbox_enter())
        return 1;
    while (recv(HELPER_SOCKET, &request, sizeof request, 0) == sizeof request) {
        struct helper_reply reply = {0};
        request.library[sizeof request.library - 1] = '\0';
        answer(&reply, decoders, &request, &room);
        if (send(HELPER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply)
            return 1;
    }
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "joint/doctor.h"
#include "joint/joint.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct doctor {
    const struct examination *examination;
    finding_visit *found;
    void *context;
    struct arena arena;
    char *os_release;
    char *pocl;              /* POCL_CACHE_DIR before OpenCL was asked for anything, or NULL */
    struct device_info info; /* of the device, once there is one */
    struct device *device;
};

/* Says it, with what to do: the end of the list of arguments, NULL for nothing. */
static int say(struct doctor *doctor, const char *subject, enum finding_state state, const char *advice,
    struct err *err, const char *format, ...) PRINTF_LIKE(6, 7);

static int say(struct doctor *doctor, const char *subject, enum finding_state state, const char *advice,
    struct err *err, const char *format, ...)
{
    struct finding finding = {.subject = subject, .state = state};
    va_list args;
    va_start(args, format);
    vsnprintf(finding.text, sizeof finding.text, format, args);
    va_end(args);
    snprintf(finding.advice, sizeof finding.advice, "%s", advice ? advice : "");
    return doctor->found(doctor->context, &finding, err);
}

/* ---- the device ---------------------------------------------------------------------------------------- */

static int device_find(struct doctor *doctor, struct err *err)
{
    const struct device_options *options = &doctor->examination->device;
    struct device_info *infos = NULL;
    size_t count = 0;
    int rc = device_list(&infos, &count, options, err);
    for (size_t i = 0; i < count && !rc; i++)
        if (infos[i].chosen)
            doctor->info = infos[i];
    free(infos);
    return rc ? rc : device_open(&doctor->device, options, err);
}

static int examine_device(struct doctor *doctor, struct err *err)
{
    const struct device_info *info = &doctor->info;
    struct err problem = {0};
    char advice[256];
    switch (device_find(doctor, &problem)) {
    case 0:
        return say(doctor, "device", FINDING_WELL, NULL, err,
            "computes on the %s %s, by %s: %s, products by %s",
            !strcmp(info->kind, "gpu")   ? "graphics card"
            : !strcmp(info->kind, "cpu") ? "processor"
                                         : "device",
            info->name, info->platform, precision_name(info->precision), info->gemm);
    case ERR_MEMORY:
        return err_set(err, ERR_MEMORY, "%s", problem.msg);
    case ERR_ARGUMENT: /* as an option or a variable names it */
        return say(
            doctor, "device", FINDING_BAD, "`diptych devices` lists what there is", err, "%s", problem.msg);
    default:
        doctor_install(advice, sizeof advice, DOCTOR_OPENCL, doctor->os_release);
        return say(doctor, "device", FINDING_BAD, advice, err, "%s", problem.msg);
    }
}

static int examine_arithmetic(struct doctor *doctor, struct err *err)
{
    static const char advice[] =
        "update the device's driver, or choose another device with --device: `diptych devices` "
        "lists them";
    struct device_check checks[DEVICE_CHECKS];
    struct err problem = {0};
    double worst = 0;
    if (device_check(checks, doctor->device, &problem))
        return say(
            doctor, "arithmetic", FINDING_BAD, advice, err, "the device does not compute: %s", problem.msg);
    for (size_t i = 0; i < DEVICE_CHECKS; i++) {
        if (!checks[i].right)
            return say(doctor, "arithmetic", FINDING_BAD, advice, err,
                "the device computes %s wrong: off by %.2g of the largest number, where %.2g is allowed",
                checks[i].layer, checks[i].difference, device_tolerance(doctor->device));
        worst = checks[i].difference > worst ? checks[i].difference : worst;
    }
    return say(doctor, "arithmetic", FINDING_WELL, NULL, err,
        "%s, %s and %s come out as in plain C, but for %.1g of the largest number", checks[0].layer,
        checks[1].layer, checks[2].layer, worst);
}

/* ---- models -------------------------------------------------------------------------------------------- */

static const char pull_one[] =
    "`diptych pull ViT-B-32/laion2b_s34b_b79k` downloads one that knows photographs";

static int examine_model(struct doctor *doctor, struct err *err)
{
    static const char advice[] =
        "name another model with --model or DIPTYCH_MODEL: `diptych models` lists those that are here, "
        "and `diptych pull NAME` downloads one";
    struct model *model = NULL;
    const char *directory = NULL;
    struct err problem = {0};
    int rc = model_directory(&directory, doctor->examination->model, &doctor->arena, &problem);
    if (!rc)
        rc = model_open_adapted(&model, directory, doctor->examination->adapters, doctor->device, &problem);
    if (rc)
        return say(doctor, "model", FINDING_BAD, advice, err, "%s", problem.msg);
    const char *scope = model_scope(model);
    rc = say(doctor, "model", FINDING_WELL, scope ? pull_one : NULL, err, "'%s' opens; it knows %s",
        directory, scope ? scope : "all that there is in photographs");
    model_free(model);
    return rc;
}

struct counting {
    struct doctor *doctor;
    size_t good, bad;
};

static int examine_download(void *context, const struct hub_model *model, struct err *err)
{
    struct counting *counting = context;
    struct err problem = {0};
    char advice[512];
    if (!model_installed_check(model, &problem)) {
        counting->good++;
        return 0;
    }
    counting->bad++;
    snprintf(advice, sizeof advice, "`diptych models remove %s`, and `diptych pull %s` if it is wanted",
        model->repo, model->repo);
    return say(counting->doctor, "downloads", FINDING_POOR, advice, err, "%s does not run: %s", model->repo,
        problem.msg);
}

static int examine_downloads(struct doctor *doctor, struct err *err)
{
    struct counting counting = {.doctor = doctor};
    struct err problem = {0};
    const int rc = hub_each(examine_download, &counting, &problem);
    if (rc)
        return say(doctor, "downloads", FINDING_POOR, NULL, err, "%s", problem.msg);
    if (!counting.good && counting.bad)
        return 0;
    return counting.good ? say(doctor, "downloads", FINDING_WELL, NULL, err,
                               "of the models that were downloaded, %zu run%s", counting.good,
                               counting.good == 1 ? "s" : "")
                         : say(doctor, "downloads", FINDING_WELL, NULL, err, "no model has been downloaded");
}

/* ---- folders ------------------------------------------------------------------------------------------- */

/* A folder that is written to, and what does not work without. */
static int examine_folder(struct doctor *doctor, const char *path, const char *what, const char *without,
    const char *advice, struct err *err)
{
    if (path && folder_can_be_written(path))
        return say(doctor, "folders", FINDING_WELL, NULL, err, "%s go to '%s'", what, path);
    if (path)
        return say(
            doctor, "folders", FINDING_POOR, advice, err, "'%s' cannot be written to: %s", path, without);
    return say(doctor, "folders", FINDING_POOR, advice, err, "there is no folder for %s: %s", what, without);
}

static int examine_kernel_folders(struct doctor *doctor, struct err *err)
{
    const bool pocl = strstr(doctor->info.platform, "Portable Computing Language");
    const char *folder = device_kernel_folder(doctor->device, &doctor->arena),
               *now = getenv("POCL_CACHE_DIR");
    if (pocl && now && (!doctor->pocl || strcmp(doctor->pocl, now) != 0))
        return say(doctor, "folders", FINDING_POOR,
            "let HOME, XDG_CACHE_HOME or POCL_CACHE_DIR name a folder that you may write to", err,
            "PoCL cannot write to its own folder; until it can, what it compiles goes to '%s'", now);
    return !folder
               ? 0
               : examine_folder(doctor, folder, "compiled kernels",
                     "they are compiled at each start, which takes seconds",
                     "let HOME, XDG_CACHE_HOME or DIPTYCH_KERNEL_CACHE name a folder that you may write to",
                     err);
}

static int examine_folders(struct doctor *doctor, struct err *err)
{
    const char *cache = NULL, *index = doctor->examination->index;
    struct err problem;
    if (hub_cache(&cache, &doctor->arena, &problem))
        cache = NULL;
    int rc = examine_folder(doctor, cache, "downloaded models", "no model can be downloaded",
        "let HOME or HF_HOME name a folder that you may write to", err);
    if (!rc && index)
        rc = examine_folder(doctor, index, "indexes without a name", "such an index cannot be made",
            "let HOME or XDG_DATA_HOME name a folder that you may write to, or name the index", err);
    return rc || !doctor->device ? rc : examine_kernel_folders(doctor, err);
}

/* ---- pictures ------------------------------------------------------------------------------------------ */

static void append(char *list, size_t size, const char *name)
{
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static int examine_formats(struct doctor *doctor, struct err *err)
{
    struct picture_format format = {0};
    char read[512] = "", install[256], advice[512];
    int rc = 0;
    while (!rc && picture_format_next(&format)) {
        if (format.is_read) {
            append(read, sizeof read, format.name);
            continue;
        }
        doctor_install(install, sizeof install, format.library, doctor->os_release);
        snprintf(advice, sizeof advice, "%s, and build Diptych anew", install);
        rc = say(doctor, "formats", FINDING_POOR, advice, err,
            "%s is not read: this Diptych was built without %s", format.name, format.library);
    }
    return rc ? rc : say(doctor, "formats", FINDING_WELL, NULL, err, "reads %s", read);
}

static int examine_decoder(struct doctor *doctor, struct err *err)
{
    struct err problem = {0};
    if (!picture_try_isolation(&problem))
        return say(doctor, "decoder", FINDING_WELL, NULL, err,
            "camera raw, HEIC, TIFF and their kin are decoded in a process of their own");
    return say(doctor, "decoder", FINDING_POOR,
        "install Diptych anew: 'diptych-decode' belongs beside it; or let DIPTYCH_DECODER name it", err,
        "camera raw, HEIC, TIFF and their kin cannot be read, JPEG and PNG can: %s", problem.msg);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

int installation_examine(
    const struct examination *examination, finding_visit *found, void *context, struct err *err)
{
    struct doctor doctor = {.examination = examination, .found = found, .context = context};
    const char *pocl = getenv("POCL_CACHE_DIR");
    size_t size;
    if (file_read_text(&doctor.os_release, &size, "/etc/os-release", 1 << 16, NULL))
        doctor.os_release = strdup("");
    doctor.pocl = pocl ? strdup(pocl) : NULL;
    int rc = doctor.os_release && (!pocl || doctor.pocl) ? 0 : err_memory(err, 0);
    if (!rc)
        rc = examine_device(&doctor, err);
    if (!rc && doctor.device)
        rc = examine_arithmetic(&doctor, err);
    if (!rc && doctor.device)
        rc = examine_model(&doctor, err);
    if (!rc)
        rc = examine_downloads(&doctor, err);
    if (!rc)
        rc = examine_folders(&doctor, err);
    if (!rc)
        rc = examine_formats(&doctor, err);
    if (!rc)
        rc = examine_decoder(&doctor, err);
    device_free(doctor.device);
    arena_release(&doctor.arena);
    free(doctor.os_release);
    free(doctor.pocl);
    return rc;
}

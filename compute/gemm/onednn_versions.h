// SPDX-License-Identifier: Apache-2.0
/* Inside compute: oneDNN's versions 2 and 3 make descriptors and attributes in different ways. Only this
 * file knows. */
#ifndef DIPTYCH_COMPUTE_GEMM_ONEDNN_VERSIONS_H
#define DIPTYCH_COMPUTE_GEMM_ONEDNN_VERSIONS_H

#include <dnnl.h>
#include <stdlib.h>

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t desc; /* a handle */

static inline dnnl_status_t desc_strided(
    desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(out, rank, dims, type, strides);
}

static inline dnnl_status_t desc_any(desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(out, rank, dims, type, dnnl_format_tag_any);
}

static inline void desc_free(desc d)
{
    if (d)
        dnnl_memory_desc_destroy(d);
}

/* A copy of a descriptor that a primitive has chosen; NULL when out of memory. */
static inline desc desc_query(const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
    desc copy = NULL;
    const const_dnnl_memory_desc_t d = dnnl_primitive_desc_query_md(primitive, what, 0);
    return d && !dnnl_memory_desc_clone(&copy, d) ? copy : NULL;
}

static inline dnnl_status_t matmul_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine, desc src,
    desc weights, desc bias, desc dst, dnnl_primitive_attr_t attributes)
{
    return dnnl_matmul_primitive_desc_create(out, engine, src, weights, bias, dst, attributes);
}

static inline dnnl_status_t append_activation(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, kind, alpha, 0);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
}

#else

typedef dnnl_memory_desc_t *desc; /* version 2 has a struct; a handle to one reads the same everywhere */

static inline dnnl_status_t desc_strided(
    desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type, const dnnl_dims_t strides)
{
    *out = malloc(sizeof **out);
    return *out ? dnnl_memory_desc_init_by_strides(*out, rank, dims, type, strides) : dnnl_out_of_memory;
}

static inline dnnl_status_t desc_any(desc *out, int rank, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    *out = malloc(sizeof **out);
    return *out ? dnnl_memory_desc_init_by_tag(*out, rank, dims, type, dnnl_format_tag_any)
                : dnnl_out_of_memory;
}

static inline void desc_free(desc d)
{
    free(d);
}

static inline desc desc_query(const_dnnl_primitive_desc_t primitive, dnnl_query_t what)
{
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(primitive, what, 0);
    desc copy = d ? malloc(sizeof *copy) : NULL;
    if (copy)
        *copy = *d;
    return copy;
}

static inline dnnl_status_t matmul_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine, desc src,
    desc weights, desc bias, desc dst, dnnl_primitive_attr_t attributes)
{
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(&operation, src, weights, bias, dst);
    return status ? status : dnnl_primitive_desc_create(out, &operation, attributes, engine, NULL);
}

static inline dnnl_status_t append_activation(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, 1, kind, alpha, 0);
}

static inline dnnl_status_t append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1);
}

#endif

#endif

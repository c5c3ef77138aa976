-- SPDX-License-Identifier: Apache-2.0
-- Tables with vectors as PostgreSQL writes them: psql -f tests/golden/pgvector.sql DATABASE, in the folder for them,
-- tests/golden/matrices (PostgreSQL 17.12, pgvector 0.8.0)
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TEMP TABLE rows AS
    SELECT i AS id, CASE i WHEN 2 THEN NULL ELSE 'p/' || i || '.png' END AS path,
        ARRAY(SELECT (3 * i + e - 7) / 4.0 FROM generate_series(0, 2) e)::real[] AS elements,
        CASE WHEN i < 3 THEN jsonb_build_object('n', i, 'deep', ARRAY[i]) END AS note
    FROM generate_series(0, 4) i;
\copy (SELECT path, note::json, elements::vector(3) FROM rows ORDER BY id) TO 'f32.pgvector' WITH (FORMAT binary)
\copy (SELECT id::smallint, elements::vector(3)::halfvec(3), note, 1.5::float8, -2.5::float8 FROM rows ORDER BY id) TO 'f16.pgvector' WITH (FORMAT binary)
\copy (SELECT path, note FROM rows) TO 'no_vector.pgvector' WITH (FORMAT binary)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Brings an index into databases as people would: Qdrant, Milvus, LanceDB, Parquet. All of it arrives, the ten best of some
queries are those of the index, in its order, and what a database holds comes back as the same index.

    sh python/wheel.sh build wheels
    python3 -m venv venv && venv/bin/pip install wheels/diptych-*.whl qdrant-client==1.20.0 pymilvus==3.0.2 \\
        milvus-lite==3.2.2 lancedb==0.40.0 pyarrow==26.0.1
    venv/bin/python tests/scale/databases.py build/diptych PICTURES    # a folder of some hundred

Qdrant and Milvus are their clients' own, in this process: neither server is in Debian or on PyPI. Not part of CI.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import lancedb
import numpy as np
import pyarrow
import pyarrow.parquet
import qdrant_client
from pymilvus import DataType, MilvusClient
from pymilvus.bulk_writer import BulkFileType, LocalBulkWriter

import diptych
from diptych import arrow

QUERIES = ["a red star", "three white flowers", "a blue tree above a yellow star", "ein Stern"]
TOP = 10


def compare(name, index, queries, ask):
    """ask(query) gives ids and scores of pictures, the best first."""
    for text, query, hits in zip(QUERIES, queries, index.search_embeddings(queries, top=TOP, kind="image")):
        ids, scores = ask(query)
        assert ids == [hit.id for hit in hits], (name, text, ids, [hit.id for hit in hits])
        assert np.abs(np.array(scores) - [hit.score for hit in hits]).max() < 1e-5, (name, text)


def comes_back(name, index, model, records, folder, **options):
    path = folder / f"{name}.dip"
    done = arrow.read(path, records, model, storage=index.info.storage, **options)
    with diptych.Index.open(path, model) as back:
        mine, theirs = sorted(index.items(), key=lambda hit: hit.id), sorted(back.items(), key=lambda hit: hit.id)
        assert done.rows == len(mine) == len(theirs), (name, done, len(mine), len(theirs))
        by_name = {(hit.kind, hit.path, hit.text): hit for hit in theirs}
        for hit in mine:
            same = by_name[hit.kind, hit.path, hit.text]
            assert (hit.metadata, hit.modified, hit.width) == (same.metadata, same.modified, same.width), (hit, same)
        ours = index.embeddings([hit.id for hit in mine])
        others = back.embeddings([by_name[hit.kind, hit.path, hit.text].id for hit in mine])
        assert np.abs(ours - others).max() < 1e-6, name
    print(f"{name}: {done.rows} items came, were found, and came back")


def qdrant(diptych_program, index, model, queries, folder):
    subprocess.run([diptych_program, "index", "export", index.info.path, folder / "points.qdrant", "-q"], check=True)
    client = qdrant_client.QdrantClient(path=str(folder / "qdrant"))
    models = qdrant_client.models
    parameters = models.VectorParams(size=index.info.width, distance=models.Distance.DOT)
    client.create_collection("photos", vectors_config=parameters)
    with (folder / "points.qdrant").open(encoding="utf-8") as lines:
        for line in lines:  # each is the body of a request: the client's own type of it checks that
            client.upsert("photos", models.PointsList.model_validate_json(line).points)
    assert client.count("photos").count == index.info.images + index.info.texts

    pictures = models.Filter(must=[models.FieldCondition(key="kind", match=models.MatchValue(value="image"))])

    def ask(query):
        points = client.query_points("photos", query=query.tolist(), limit=TOP, query_filter=pictures).points
        return [point.id for point in points], [point.score for point in points]

    compare("Qdrant", index, queries, ask)
    points, _ = client.scroll("photos", limit=100000, with_vectors=True)
    names = dict.fromkeys(name for point in points for name in point.payload)
    columns = {name: [point.payload.get(name) for point in points] for name in names}
    columns["metadata"] = [said and json.dumps(said) for said in columns["metadata"]]
    columns["embedding"] = [point.vector for point in points]
    comes_back("Qdrant", index, model, pyarrow.table(columns), folder, vector="embedding")
    client.close()


def milvus_schema(index):
    kinds = {pyarrow.int64(): DataType.INT64, pyarrow.int32(): DataType.INT32, pyarrow.float64(): DataType.DOUBLE}
    schema = MilvusClient.create_schema(auto_id=False)
    for field in arrow.batches(index, where="id < 0").schema:
        if field.name == "vector":
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=index.info.width)
        elif field.name == "id":
            schema.add_field("id", DataType.INT64, is_primary=True)
        elif field.type in kinds:
            schema.add_field(field.name, kinds[field.type], nullable=True)
        else:
            schema.add_field(field.name, DataType.VARCHAR, max_length=65535, nullable=True)
    return schema


def milvus(index, model, queries, folder):
    client, schema = MilvusClient(str(folder / "milvus.db")), milvus_schema(index)
    parameters = MilvusClient.prepare_index_params()
    parameters.add_index("vector", index_type="FLAT", metric_type="IP")
    client.create_collection("photos", schema=schema, index_params=parameters)
    for batch in arrow.batches(index):
        client.insert("photos", batch.to_pylist())
    client.flush("photos")
    count = index.info.images + index.info.texts
    assert int(client.query("photos", filter="", output_fields=["count(*)"])[0]["count(*)"]) == count

    def ask(query):
        (hits,) = client.search(
            "photos", [query.tolist()], filter="kind == 'image'", limit=TOP, search_params={"metric_type": "IP"}
        )
        return [hit["id"] for hit in hits], [hit["distance"] for hit in hits]

    compare("Milvus", index, queries, ask)
    rows = client.query("photos", filter="id >= 0", output_fields=["*"], limit=16384)
    comes_back("Milvus", index, model, pyarrow.Table.from_pylist([dict(row) for row in rows]), folder)

    for kind in (BulkFileType.PARQUET, BulkFileType.JSON):
        with LocalBulkWriter(schema, str(folder / "bulk"), file_type=kind) as writer:
            for batch in arrow.batches(index):
                for row in batch.to_pylist():  # where some are null it rounds: findings/pymilvus-nullable-int64.sh
                    writer.append_row({**row, "mtime_ns": row["mtime_ns"] or 0})
            writer.commit()
            files = [pathlib.Path(file) for files in writer.batch_files for file in files]
        if kind == BulkFileType.PARQUET:
            table = pyarrow.concat_tables(pyarrow.parquet.read_table(file) for file in files)
        else:
            table = pyarrow.Table.from_pylist([row for file in files for row in json.loads(file.read_text())["rows"]])
        comes_back(f"LocalBulkWriter's {kind.name}", index, model, table, folder)


def lance(index, model, queries, folder):
    for half in (False, True):
        if half:  # it rounds a query for a column of float16: findings/lancedb-half-queries.sh
            queries = queries.astype(np.float16).astype(np.float32)
        name = "LanceDB, float16" if half else "LanceDB"
        table = lancedb.connect(folder / "lance").create_table("halves" if half else "photos", arrow.batches(index, half=half))
        assert table.count_rows() == index.info.images + index.info.texts

        def ask(query, table=table):
            rows = table.search(query).where("kind = 'image'").distance_type("dot").limit(TOP).to_list()
            return [row["id"] for row in rows], [1 - row["_distance"] for row in rows]

        compare(name, index, queries, ask)
        comes_back(name, index, model, table.to_arrow(), folder)


def parquet(index, model, folder):
    path = folder / "photos.parquet"
    reader = arrow.batches(index, rows=100)
    with pyarrow.parquet.ParquetWriter(path, reader.schema) as file:
        for batch in reader:
            file.write_batch(batch)
    comes_back("Parquet", index, model, pyarrow.parquet.ParquetFile(path).iter_batches(70), folder)


def main(program, pictures):
    with diptych.Model() as model, tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        with diptych.Index.create(folder / "photos.dip", model) as index:
            index.sync(pictures)
            index.add_texts(["a red star", "three \"white\" flow'ers"], metadata=[{"n": 1, "deep": {"x": [None, "é\t"]}}, None])
        with diptych.Index.open(folder / "photos.dip", model) as index:
            queries = model.encode_texts(QUERIES)  # (Q, E)
            parquet(index, model, folder)
            lance(index, model, queries, folder)
            qdrant(program, index, model, queries, folder)
            milvus(index, model, queries, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])

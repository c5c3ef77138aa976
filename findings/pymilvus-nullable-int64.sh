#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pymilvus 3.0.2: LocalBulkWriter and a nullable column of INT64, of which one row is None.
#
# Guess before running it: files for a bulk import have the numbers that were given, and nothing where None was.
#
# Seen: in Parquet, the default, all integers of such a column beyond 2^53 are rounded to those that a double has, without a
# word: 9007199254740993 becomes 9007199254740992. Without a None, and in JSON, they stay. Times in nanoseconds since 1970
# are such numbers, and ids that are hashes.
#
# `tests/scale/databases.py` gives 0 in place of None, which an index takes for unknown, too.
#
# Prints what is seen and fails where it is no longer so. Needs Python 3.11 with pip, and the network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install pymilvus==3.0.2 minio azure-storage-blob ml-dtypes requests pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder/files" <<'END_OF_PYTHON'
import json
import logging
import pathlib
import sys

import pyarrow.parquet
from pymilvus import DataType, MilvusClient
from pymilvus.bulk_writer import BulkFileType, LocalBulkWriter

logging.disable(logging.INFO)
GIVEN = 2**53 + 1
schema = MilvusClient.create_schema(auto_id=False)
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("number", DataType.INT64, nullable=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
wrong = 0
for kind, beside, expected in (
    (BulkFileType.PARQUET, 0, GIVEN),
    (BulkFileType.PARQUET, None, GIVEN - 1),
    (BulkFileType.JSON, None, GIVEN),
):
    writer = LocalBulkWriter(schema, sys.argv[1], file_type=kind)
    for i, number in enumerate((GIVEN, beside)):
        writer.append_row({"id": i, "number": number, "vector": [1.0, 0.0]})
    writer.commit()
    ((file,),) = writer.batch_files
    if kind == BulkFileType.PARQUET:
        seen = pyarrow.parquet.read_table(file).column("number").to_pylist()[0]
    else:
        seen = json.loads(pathlib.Path(file).read_text())["rows"][0]["number"]
    print(f"{kind.name:8} beside {beside!s:5} {GIVEN} is {seen}")
    wrong += seen != expected
sys.exit(wrong)
END_OF_PYTHON

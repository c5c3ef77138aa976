# SPDX-License-Identifier: Apache-2.0
"""An index in shards by Spark, whose files are where all its machines see them:

spark-submit spark.py DIPTYCH OUT.dip SHARDS INPUT...
"""

import glob
import subprocess
import sys

from pyspark.sql import SparkSession

program, out, shards, *inputs = sys.argv[1:]


def build(i):
    return subprocess.run([program, "index", "build", out, "--shard", f"{i}/{shards}", *inputs, "-q"]).returncode


context = SparkSession.builder.appName("diptych").getOrCreate().sparkContext
statuses = context.parallelize(range(int(shards)), int(shards)).map(build).collect()
failed = [i for i, status in enumerate(statuses) if status not in (0, 1)]  # 1: some pictures could not be read
if failed:
    sys.exit(f"shards that failed: {failed}")
subprocess.run([program, "index", "merge", out, *glob.glob(f"{out.removesuffix('.dip')}-*-of-*.dip")], check=True)

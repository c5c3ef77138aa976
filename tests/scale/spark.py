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
if max(statuses) > 1:  # 1: some pictures could not be read
    sys.exit(f"shards that failed: {[i for i, status in enumerate(statuses) if status > 1]}")
subprocess.run([program, "index", "merge", out, *glob.glob(f"{out.removesuffix('.dip')}-*-of-*.dip")], check=True)

# SPDX-License-Identifier: Apache-2.0
"""An index in shards by Ray, whose files are where all its machines see them:

RAY_ADDRESS=HOST:PORT python with_ray.py DIPTYCH OUT.dip SHARDS INPUT...
"""

import glob
import subprocess
import sys

import ray

program, out, shards, *inputs = sys.argv[1:]


@ray.remote(num_cpus=1, max_retries=3)  # of a machine that is lost; num_gpus=1 where a task takes a GPU
def build(i):
    return subprocess.run([program, "index", "build", out, "--shard", f"{i}/{shards}", *inputs, "-q"]).returncode


ray.init()
statuses = ray.get([build.remote(i) for i in range(int(shards))])
failed = [i for i, status in enumerate(statuses) if status not in (0, 1)]  # 1: some pictures could not be read
if failed:
    sys.exit(f"shards that failed: {failed}")
subprocess.run([program, "index", "merge", out, *glob.glob(f"{out.removesuffix('.dip')}-*-of-*.dip")], check=True)

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Spark with two workers, and Ray with two nodes, on one machine, make an index in shards by a script of ten lines each. What
# comes out is the index of one run, byte for byte.
#
#   spark_ray.sh DIPTYCH SCENES SCRATCH
#
# Needs Java 17, Python 3.11 with pip, and the network. Not part of CI.
set -eu
scripts=$(dirname "$(realpath "$0")") diptych=$(realpath "$1") scenes=$(realpath "$2")
rm -rf "$3" && mkdir -p "$3" && cd "$3"
python3 -m venv venv
venv/bin/pip -q install pyspark==4.3.0 ray==2.60.0
PATH=$PWD/venv/bin:$PATH
"$scenes" --count 120 --seed 3 --size 48 --out tree >/dev/null
"$diptych" index build one.dip tree -q
"$diptych" index list one.dip -f json >one.list

# same WHAT: the index that WHAT has made in its folder is that of one run.
same() {
    cmp one.dip/vectors.f16 "$1/all.dip/vectors.f16"
    "$diptych" index list "$1/all.dip" -f json | cmp one.list -
    "$diptych" index verify "$1/all.dip" -q
    echo "$1: the merged index is that of one run: $(wc -l <one.list) pictures"
}

# names LOG COMMAND...: what COMMAND says in the file LOG of shard 2, whose task was killed.
cat >killed <<END
#!/bin/sh
case "\$*" in *"--shard 2/4"*) kill -KILL \$\$ ;; esac
exec "$diptych" "\$@"
END
chmod +x killed
names() {
    log=$1
    shift
    if "$@" "$PWD/killed" "$PWD/killed.dip" 4 "$PWD/tree" >"$log" 2>&1; then exit 1; fi
    grep -F "shards that failed: [2]" "$log" || { cat "$log"; exit 1; }
}

mkdir spark ray
PYSPARK_PYTHON=$PWD/venv/bin/python SPARK_WORKER_DIR=$PWD/spark/work spark-submit --master 'local-cluster[2,1,1024]' \
    "$scripts/spark.py" "$diptych" "$PWD/spark/all.dip" 4 "$PWD/tree" >spark/log 2>&1 || { cat spark/log; exit 1; }
same spark
PYSPARK_PYTHON=$PWD/venv/bin/python names spark/killed spark-submit --master 'local[1]' "$scripts/spark.py"

# A port of Ray's own must not be one of those that its workers take, 10002 to 19999.
export RAY_USAGE_STATS_ENABLED=0 RAY_ADDRESS=127.0.0.1:6399
nodes=
trap 'kill $nodes; wait' EXIT
ray start --head --block --num-cpus=1 --port=6399 --temp-dir="$PWD/ray/head" --include-dashboard=false \
    --object-store-memory=100000000 >ray/head.log 2>&1 &
nodes=$!
until ray status >ray/status 2>&1; do sleep 1; done
ray start --address=$RAY_ADDRESS --block --num-cpus=1 --object-store-memory=100000000 >ray/second.log 2>&1 &
nodes="$nodes $!"
until ray status 2>/dev/null | grep -q '/2.0 CPU'; do sleep 1; done
python "$scripts/with_ray.py" "$diptych" "$PWD/ray/all.dip" 4 "$PWD/tree" >ray/log 2>&1 || { cat ray/log; exit 1; }
same ray
names ray/killed python "$scripts/with_ray.py"

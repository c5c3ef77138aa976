#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# openvino 2026.4.1 on a CPU with AVX-512, told by ONEDNN_MAX_CPU_ISA=AVX2 to use no more than AVX2.
#
# Guess before running it: the variable is read by oneDNN, which OpenVINO's CPU plugin has a copy of, so that a whole network
# runs as on a CPU with AVX2, and a benchmark may say what such a CPU would do.
#
# Seen: a plain product in float32 is not oneDNN's but MLAS's (gemm_mlas), ONNX Runtime's own, which asks the CPU and knows nothing of the
# variable. Only with an activation behind it, here tanh, it is oneDNN's, and avx2 or avx512 as the variable says. Of the plugin's own
# kernels a layer norm (MVN) stays jit_avx512.
#
# So figures under that variable are of a mixture, and are too good for a CPU with AVX2: tests/bench/RESULTS.md says so of those that
# `encoders.py --avx2` takes.
#
# Prints what is seen and fails where it is no longer so. Needs a CPU with AVX-512, Python 3.11 with pip, and the network.
set -eu
grep -q avx512f /proc/cpuinfo || { echo "this CPU has no AVX-512: nothing to see here" >&2 && exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install openvino==2026.4.1 numpy==2.4.6
cat >"$folder/kernels.py" <<'END'
import numpy as np
import openvino as ov
import openvino.opset14 as op

for what in ("plain", "tanh"):
    rows = op.parameter([64, 256], np.float32)
    normed = op.mvn(rows, [1], True, 1e-5, "INSIDE_SQRT")
    weight = op.constant(np.random.default_rng(1).standard_normal((256, 512)).astype(np.float32))
    product = op.matmul(normed, weight, False, False)
    model = ov.Model([op.tanh(product) if what == "tanh" else product], [rows])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for node in compiled.get_runtime_model().get_ops():
        kind, kernel = (node.get_rt_info()[key].astype(str) for key in ("layerType", "primitiveType"))
        if kind in ("MVN", "FullyConnected"):
            print(what, kind, kernel)
END
for isa in AVX2 ALL; do
    ONEDNN_MAX_CPU_ISA=$isa "$folder/venv/bin/python" "$folder/kernels.py" | sort >"$folder/$isa"
    sed "s/^/$isa: /" "$folder/$isa"
    for seen in '^plain FullyConnected gemm_mlas' '^plain MVN jit_avx512' '^tanh MVN jit_avx512'; do
        grep -q "$seen" "$folder/$isa" || { echo "not as it was: $seen" >&2 && exit 1; }
    done
done
grep -q '^tanh FullyConnected .*avx2' "$folder/AVX2" && grep -q '^tanh FullyConnected .*avx512' "$folder/ALL" ||
    { echo "not as it was: tanh FullyConnected" >&2 && exit 1; }

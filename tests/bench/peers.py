# SPDX-License-Identifier: Apache-2.0
"""The peers in the comparison of encoders, each a process that encoders.py starts and talks to, in JSON lines:

    peers.py PEER PRECISION MODEL THREADS    PEER: torch, onnxruntime, openvino

    {"prepare": "pictures", "input": FILE, "count": N, "tokens": T, "output": FILE}
    {"run": SECONDS}

as encode_worker.c takes them; T is the length texts are cut to. {"reference": ...}, with the rest as in "prepare",
only writes what torch computes eagerly.

Preparing tries every setting that a peer has and keeps the fastest, which the answer names. Inputs are what a peer
likes best, made outside of the timing: normalised float32 pictures (N, 3, S, S), 64-bit ids.

bfloat16 is a model cast to it, which was faster than autocast in every trial. int8 is what the peer's own tool makes of
the float32 model: ONNX Runtime's quantize_dynamic, which asks for no data, and NNCF for OpenVINO, with SmoothQuant and
CALIBRATION inputs of the benchmark's.
"""

import json
import os
import pathlib
import sys
import time

import numpy as np

import models

CALIBRATION = 32
LARGE = 16  # batches above this take the setting that won the one before: trials cost too much


def read_config(model):
    """Its config.json, and its family."""
    config = json.loads((model / "config.json").read_text())
    return config, models.FAMILIES[config["model_type"]]


def read_input(kind, request, model):
    """What the request names, as peers take it."""
    config, family = read_config(model)
    count = request["count"]
    if kind == "texts":
        ids = np.fromfile(request["input"], np.int32).reshape(-1, family.context)
        return ids[:count, :request["tokens"]].astype(np.int64)
    size = config["vision_config"]["image_size"]
    pixels = np.fromfile(request["input"], np.uint8, count * size * size * 3).reshape(count, size, size, 3)
    normal = (pixels / np.float32(255) - np.float32(family.mean)) / np.float32(family.std)
    return np.ascontiguousarray(normal.transpose(0, 3, 1, 2))


def towers(model):
    """Both towers of a model of transformers', from input to embeddings of length 1. SigLIP's project by themselves."""
    import torch

    class Tower(torch.nn.Module):
        def __init__(self, tower, projection):
            super().__init__()
            self.tower, self.projection = tower, projection

        def forward(self, x):
            x = x.to(model.dtype) if x.is_floating_point() else x
            return torch.nn.functional.normalize(self.projection(self.tower(x).pooler_output).float(), dim=-1)

    return {"pictures": Tower(model.vision_model, getattr(model, "visual_projection", torch.nn.Identity())),
            "texts": Tower(model.text_model, getattr(model, "text_projection", torch.nn.Identity()))}


def load(model, precision="f32", attention="sdpa"):
    import torch
    import transformers

    types = {"f32": torch.float32, "bf16": torch.bfloat16}
    kind = getattr(transformers, read_config(model)[1].model)
    return towers(kind.from_pretrained(model, dtype=types[precision], attn_implementation=attention).eval())


class Torch:
    """Eager, and compiled with the weights as constants, which are then packed ahead."""

    def __init__(self, model, precision, threads):
        import torch
        import transformers

        torch.set_num_threads(threads)
        self.torch, self.towers = torch, load(model, precision)
        self.versions = {"torch": torch.__version__, "transformers": transformers.__version__}

    def settings(self, count):
        return ["eager"] if os.environ.get("NO_COMPILE") else ["eager", "compiled"]

    def build(self, setting, kind, batch):
        torch, tower = self.torch, self.towers[kind]
        if setting == "compiled":
            import torch._inductor.config

            torch._dynamo.reset()
            torch._inductor.config.freezing = True
            tower = torch.compile(tower, dynamic=False)

        def encode(batch):
            with torch.no_grad():
                return tower(torch.from_numpy(batch)).numpy()

        return encode


def one_op_attention(causal):
    """Attention that transformers can be told to use, and that ONNX Runtime has one operator for. Its own optimizer
    does not find the pattern in what transformers exports today."""
    import torch
    import transformers

    @torch.library.custom_op("bench::attention", mutates_args=())
    def operator(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
        return torch.zeros_like(q)  # only traced

    @torch.onnx.symbolic_helper.parse_args("v", "v", "v", "i")
    def symbolic(g, q, k, v, heads):
        out = g.op("com.microsoft::MultiHeadAttention", q, k, v, num_heads_i=heads, unidirectional_i=int(causal))
        return out.setType(q.type())

    def attention(module, q, k, v, mask, **options):
        q, k, v = (x.transpose(1, 2).flatten(2) for x in (q, k, v))  # (B, T, H*D)
        return operator(q, k, v, module.num_heads).unflatten(2, (module.num_heads, module.head_dim)), None

    torch.onnx.register_custom_op_symbolic("bench::attention", symbolic, 18)
    transformers.AttentionInterface.register("one_op", attention)
    return "one_op"


def exported(model, kind, one_op=False):
    """The tower as an ONNX file beside the model, for any batch and any length."""
    import torch

    path = model / f"{kind}{'-one-op' * one_op}.onnx"
    if not path.exists():
        config, family = read_config(model)
        if kind == "pictures":
            size = config["vision_config"]["image_size"]
            example, axes = torch.zeros(2, 3, size, size), {0: "batch"}
        else:
            example, axes = torch.zeros(2, family.context, dtype=torch.long), {0: "batch", 1: "tokens"}
        attention = one_op_attention(kind == "texts" and family.causal) if one_op else "sdpa"
        half = path.with_suffix(f".{os.getpid()}")
        torch.onnx.export(load(model, "f32", attention)[kind], (example,), half, input_names=["input"],
                          output_names=["output"], dynamic_axes={"input": axes, "output": {0: "batch"}},
                          opset_version=18, custom_opsets={"com.microsoft": 1}, dynamo=False)
        half.rename(path)
    return path


def rounded(path):
    """The ONNX file with weights in int8, and activations rounded as they come, beside it."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    result = path.with_suffix(".int8.onnx")
    if not result.exists():
        quantize_dynamic(path, result, per_channel=True, weight_type=QuantType.QInt8)
    return result


def calibrated(model, kind):
    """The tower as OpenVINO's model in int8, beside it."""
    import nncf
    import openvino

    path = model / f"{kind}.int8.xml"
    if not path.exists():
        config, family = read_config(model)
        file = model / f"calibration-{kind}"
        if kind == "pictures":
            models.write_pictures(file, config["vision_config"]["image_size"], CALIBRATION)
        else:
            models.write_texts(file, family, [family.context] * CALIBRATION)
        inputs = read_input(kind, {"input": file, "count": CALIBRATION, "tokens": family.context}, model)
        exact = openvino.Core().read_model(exported(model, kind))
        result = nncf.quantize(exact, nncf.Dataset([one[None] for one in inputs]), subset_size=CALIBRATION,
                               model_type=nncf.ModelType.TRANSFORMER)
        openvino.save_model(result, path, compress_to_fp16=False)
    return path


class OnnxRuntime:
    """transformers' graph as it is exported, and with attention as one operator."""

    def __init__(self, model, precision, threads):
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        self.ort, self.model, self.precision, self.threads = onnxruntime, model, precision, threads
        self.versions = {"onnxruntime": onnxruntime.__version__}

    def settings(self, count):
        return ["exported", "one-op attention"]

    def build(self, setting, kind, batch):
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_free_dimension_override_by_name("batch", batch.shape[0])
        if kind == "texts":
            options.add_free_dimension_override_by_name("tokens", batch.shape[1])
        path = exported(self.model, kind, setting == "one-op attention")
        path = rounded(path) if self.precision == "int8" else path
        session = self.ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda batch: session.run(None, {"input": batch})[0]


class OpenVino:
    """All threads on one batch, or a batch shared out: one stream with a part of it a thread."""

    def __init__(self, model, precision, threads):
        import openvino

        self.ov, self.model, self.precision, self.threads = openvino, model, precision, threads
        self.versions = {"openvino": openvino.__version__}

    def settings(self, count):
        return ["latency"] + ["streams"] * (self.threads > 1 and count % self.threads == 0)

    def build(self, setting, kind, batch):
        streams = self.threads if setting == "streams" else 1
        int8 = self.precision == "int8"
        model = self.ov.Core().read_model(calibrated(self.model, kind) if int8 else exported(self.model, kind))
        model.reshape([len(batch) // streams, *batch.shape[1:]])
        compiled = self.ov.Core().compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": "f32" if int8 else self.precision, "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": streams, "PERFORMANCE_HINT": "THROUGHPUT" if streams > 1 else "LATENCY"})
        requests = [compiled.create_infer_request() for _ in range(streams)]

        def encode(batch):
            for request, part in zip(requests, np.split(batch, streams)):
                request.start_async([part], share_inputs=True)
            for request in requests:
                request.wait()
            return np.concatenate([request.get_output_tensor().data for request in requests])

        return encode


PEERS = {"torch": Torch, "onnxruntime": OnnxRuntime, "openvino": OpenVino}


def timed(encode, batch):
    start = time.perf_counter()
    encode(batch)
    return time.perf_counter() - start


class Worker:
    def __init__(self, peer, precision, model, threads):
        self.model = pathlib.Path(model)
        self.peer = PEERS[peer](self.model, precision, int(threads))
        self.won = {}  # the last setting that won, by kind
        self.built_for, self.encode, self.batch = None, None, None

    def build(self, kind, batch):
        """Builds every setting, the one at hand released first, and keeps the fastest; returns what failed."""
        settings, failed, best = self.peer.settings(len(batch)), {}, None
        if len(batch) > LARGE and self.won.get(kind) in settings:
            settings = [self.won[kind]]
        self.encode = None
        for setting in settings:
            try:
                encode = self.peer.build(setting, kind, batch)
                encode(batch)
                seconds = timed(encode, batch) if len(settings) > 1 else 0
            except Exception as e:
                failed[setting] = f"{type(e).__name__}: {e}"[:300]
                continue
            if best is None or seconds < best:
                best, self.won[kind], self.encode = seconds, setting, encode
        if best is None:
            raise RuntimeError(str(failed))
        return failed

    def prepare(self, request):
        kind, failed = request["prepare"], {}
        self.batch = read_input(kind, request, self.model)
        if self.built_for != (kind, self.batch.shape):
            self.built_for = None
            failed = self.build(kind, self.batch)
            self.built_for = kind, self.batch.shape
        self.encode(self.batch).astype(np.float32).tofile(request["output"])
        return {"setting": self.won[kind], "failed": failed}

    def reference(self, request):
        kind = request["reference"]
        parts = np.array_split(read_input(kind, request, self.model), -(-request["count"] // LARGE))
        np.concatenate([self.peer.build("eager", kind, part)(part) for part in parts]).tofile(request["output"])
        return {}

    def answer(self, request):
        if "prepare" in request:
            return self.prepare(request)
        if "reference" in request:
            return self.reference(request)
        end = time.perf_counter() + request["run"]
        seconds = [timed(self.encode, self.batch)]
        while time.perf_counter() < end:
            seconds.append(timed(self.encode, self.batch))
        return {"seconds": seconds}


def main():
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    worker = Worker(*sys.argv[1:])
    say({"versions": worker.peer.versions})
    for line in sys.stdin:
        try:
            say(worker.answer(json.loads(line)))
        except Exception as e:
            say({"error": f"{type(e).__name__}: {e}"[:300]})


if __name__ == "__main__":
    main()

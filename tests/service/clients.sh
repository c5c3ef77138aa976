#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clients.sh PROGRAM: clients of other services, unchanged, against `PROGRAM serve`; what they get is printed, and compared
# with what the service says elsewhere.
#
#   openai 3.57.0           client.embeddings.create
#   clip-retrieval 2.45.0   ClipClient.query
#   huggingface_hub 2.4.0   InferenceClient.feature_extraction, .zero_shot_image_classification
#   immich                  its request, by Python's requests 2.32
#
# Needs Python 3.11 or later with pip, and the network for it; not part of the tests. A minute.
set -eu
program=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd -P)
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
pip="$folder/venv/bin/python -m pip install -q --disable-pip-version-check"
$pip openai==3.57.0 requests==2.32.5 huggingface_hub==2.4.0 numpy pillow
$pip --no-deps clip-retrieval==2.45.0
# The client's package imports all of clip-retrieval; the module is one that stands alone.
client=$(find "$folder/venv" -path '*/clip_retrieval/clip_client.py')

"$program" index build "$folder/pictures.dip" "$root/assets/pictures" --device cpu >"$folder/build.log" 2>&1 || {
    cat "$folder/build.log"
    exit 1
}
"$program" serve --index "$folder/pictures.dip" --listen 127.0.0.1:0 --device cpu 2>"$folder/log" &
server=$!
for _ in $(seq 300); do
    grep -q '^listening' "$folder/log" && break
    sleep 0.1
done
url=$(sed -n 's/^listening on //p' "$folder/log")
echo "diptych serve at $url"

"$folder/venv/bin/python" - "$url" "$root" "$client" <<'END'
import base64
import importlib.util
import json
import sys
from importlib.metadata import version
from pathlib import Path

import openai
import requests
from huggingface_hub import InferenceClient

url, root, client_path = sys.argv[1:]
picture = Path(root) / "assets/pictures/03.jpg"
data_uri = "data:image/jpeg;base64," + base64.b64encode(picture.read_bytes()).decode()


def close(a, b):
    assert len(a) == len(b) and all(abs(x - y) < 1e-6 for x, y in zip(a, b)), (a[:4], b[:4])


print(f"\n== openai {version('openai')}")
client = openai.OpenAI(base_url=url + "/v1", api_key="none")
model = client.models.list().data[0].id
answer = client.embeddings.create(model=model, input=["a red heart", data_uri])
text, image = (one.embedding for one in answer.data)
print(f"models.list: {model}; embeddings.create: {len(answer.data)} of {len(text)}, {text[:3]} ..., {answer.usage}")
close(client.embeddings.create(model=model, input="a red heart", encoding_format="float").data[0].embedding, text)
vllm = client.post("/embeddings", cast_to=openai.types.CreateEmbeddingResponse, body={"model": model, "messages": [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_uri}}]}], "encoding_format": "float"})
close(vllm.data[0].embedding, image)
print(f"vLLM's messages: the same picture, {vllm.model_extra['id']}")
for model_name, kind in (("gpt", openai.NotFoundError),):
    try:
        client.embeddings.create(model=model_name, input="a")
        raise SystemExit("no error")
    except kind as error:
        print(f"{kind.__name__}: {error}")

print(f"\n== clip-retrieval {version('clip-retrieval')}")
spec = importlib.util.spec_from_file_location("clip_client", client_path)
clip_client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(clip_client)
names = requests.get(url + "/indices-list").json()
knn = clip_client.ClipClient(url=url + "/knn-service", indice_name=names[0], num_images=3)
print("indices-list:", names)
for name, query in (("text", {"text": "a red heart"}), ("image", {"image": str(picture)}),
                    ("embedding_input", {"embedding_input": image})):
    hits = knn.query(**query)
    print(f"query({name}):", [(hit["id"], round(hit["similarity"], 4), Path(hit["image_path"]).name) for hit in hits])
assert Path(hits[0]["image_path"]).name == picture.name and abs(hits[0]["similarity"] - 1) < 1e-3, hits[0]

print(f"\n== huggingface_hub {version('huggingface_hub')}")
embedded = InferenceClient(model=url + "/embed").feature_extraction("a red heart", normalize=True, truncate=True)
close(list(map(float, embedded[0])), text)
print("TEI's /embed, feature_extraction:", embedded.shape)
ranked = requests.post(url + "/rerank", json={"query": data_uri, "texts": ["a dog", "a red heart"], "return_text": True})
print("TEI's /rerank:", ranked.json())
labels = InferenceClient(model=url).zero_shot_image_classification(str(picture), candidate_labels=["heart", "star", "flower"])
print("zero_shot_image_classification:", [(one.label, round(one.score, 4)) for one in labels])
print("\n== immich's request")
answer = requests.post(url + "/predict", data={"entries": json.dumps(
    {"clip": {"visual": {"modelName": model, "options": {}}}})}, files={"image": picture.read_bytes()}).json()
close(json.loads(answer["clip"]), image)
print("the same picture,", answer["imageWidth"], "x", answer["imageHeight"])
answer = requests.post(url + "/predict", files={"entries": (None, json.dumps(
    {"clip": {"textual": {"modelName": model, "options": {"language": "en"}}}})), "text": (None, "a red heart")}).json()
close(json.loads(answer["clip"]), text)
print("the same text; ping:", requests.get(url + "/ping").text)
END

# SPDX-License-Identifier: Apache-2.0
"""Writes assets/datasets/ and the templates that belong to them: what published data sets call their classes.

    python3 -m venv venv && venv/bin/pip install --no-deps clip_benchmark==1.6.1 tensorflow-datasets==4.9.9
    venv/bin/python data_sets.py ../../assets

Names are those that CLIP_benchmark shows a model, in the data set's order; folders those that the data set itself has. Both
packages are read, not run.
"""
import ast
import importlib.util
import json
import pathlib
import sys

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100 = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox
girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"""


def folder(package):
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])


def assigned(path, name):
    """The literal that a module assigns to a name."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


def spaced(names):
    return [(name, name.replace("_", " ")) for name in names]


def write(path, about, lines):
    path.write_text("".join(f"{line}\n" for line in [*(f"# {line}" for line in about), *lines]), encoding="utf-8")


def main():
    assets = pathlib.Path(sys.argv[1])
    benchmark, tfds = folder("clip_benchmark") / "datasets", folder("tensorflow_datasets")
    names = json.loads((benchmark / "en_classnames.json").read_text())
    prompts = json.loads((benchmark / "en_zeroshot_classification_templates.json").read_text())

    def of(path):
        return (tfds / path).read_text().split()

    pets = assigned(tfds / "datasets/oxford_iiit_pet/oxford_iiit_pet_dataset_builder.py", "_LABEL_CLASSES")
    # The order of CLIP_benchmark is that of the folders' names by bytes, of which some begin with a capital.
    caltech = sorted(
        of("image_classification/caltech101_labels.txt"),
        key=lambda name: (name not in ("background_google", "faces", "faces_easy", "leopards", "motorbikes"), name))
    sets = {
        "imagenet": ("ImageNet-1k (Russakovsky et al. 2015), of the challenge of 2012: WordNet 3.0's synsets (WordNet licence).",
                     "Names: those of openai/CLIP (MIT).", zip(of("datasets/imagenet2012/labels.txt"), names["imagenet1k"])),
        "cifar10": ("CIFAR-10 (Krizhevsky 2009).", "Names: the data set's own.", spaced(CIFAR10.split())),
        "cifar100": ("CIFAR-100 (Krizhevsky 2009).", "Names: the data set's own, _ as a blank, as openai/CLIP has them.",
                     spaced(CIFAR100.split())),
        "caltech101": ("Caltech-101 (Fei-Fei, Fergus and Perona 2004).", "Names: those of openai/CLIP (MIT).",
                       zip(caltech, names["caltech101"])),
        "food101": ("Food-101 (Bossard, Guillaumin and Van Gool 2014).", "Names: the data set's own, _ as a blank.",
                    spaced(of("image_classification/food-101_classes.txt"))),
        "pets": ("The Oxford-IIIT Pet data set (Parkhi et al. 2012).", "Names: those of openai/CLIP (MIT).",
                 zip(pets, names["pets"])),
        "voc2007": ("PASCAL VOC 2007 (Everingham et al. 2007).", "Names: the data set's own.",
                    spaced(assigned(benchmark / "voc2007.py", "object_categories"))),
    }
    (assets / "datasets").mkdir(exist_ok=True)
    for name, (data, source, classes) in sets.items():
        write(assets / "datasets" / f"{name}.txt", [data, source, "A folder or synset, a tab, what a model is shown."],
              [f"{a}\t{b}" for a, b in classes])
    for name, count in (("cifar10", 18), ("caltech101", 34), ("food101", 1), ("pets", 1)):
        assert len(prompts[name]) == count
        write(assets / "templates" / f"{name.replace('cifar10', 'cifar')}.txt",
              [f"The prompts of openai/CLIP for {name.replace('cifar10', 'CIFAR')} (MIT), {{}} for the label."],
              [prompt.replace("{c}", "{}") for prompt in prompts[name]])


if __name__ == "__main__":
    main()

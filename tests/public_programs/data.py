"""Tiny data in place of what users of the programs download: ``python data.py NAME`` in the folder of the program.

Executed by the Python of the program's environment.
"""

import csv
import random
import shutil
import struct
import sys
from pathlib import Path

GOOD, BAD = ("good", "great", "fine", "lovely", "superb"), ("bad", "poor", "dull", "awful", "weak")
PLAIN = ("the", "a", "film", "plot", "actor", "scene", "story", "was", "is", "with", "and", "very")


def word_language_model() -> None:
    """Pieces of the corpus that comes with it."""
    corpus, tiny = Path("data/wikitext-2"), Path("data/tiny")
    tiny.mkdir(parents=True, exist_ok=True)
    for name, source, size in (("train", "valid", 60_000), ("valid", "test", 12_000), ("test", "test", 12_000)):
        (tiny / f"{name}.txt").write_text((corpus / f"{source}.txt").read_text()[:size])


def nanogpt() -> None:
    """Words of a few letters, prepared by the program's own script."""
    import subprocess

    folder = Path("data/shakespeare_char")
    generator = random.Random(0)
    words = (random.Random(generator.random()).choices("aeioumnrst", k=5) for _ in range(30_000))
    (folder / "input.txt").write_text("\n".join("".join(word) for word in words))
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)


def mnist() -> None:
    """Bars at ten places, in MNIST's files."""
    import numpy as np

    folder = Path("../data/MNIST/raw")
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for name, count in (("train", 512), ("t10k", 256)):
        labels = generator.integers(0, 10, count).astype("uint8")
        images = (generator.random((count, 28, 28)) * 180).astype("uint8")
        for image, label in zip(images, labels, strict=True):
            image[2 + 2 * label : 5 + 2 * label, 4:24] = 220
        head = struct.pack(">iiii", 2051, count, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">ii", 2049, count) + labels.tobytes())


def lightning() -> None:
    """A bright pixel at ten places, where Lightning's own copy of MNIST is looked for (PL_USE_MOCKED_MNIST=1)."""
    import torch

    folder = Path("../../Datasets/MNIST/complete")
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    for name, count in (("training.pt", 60_000), ("test.pt", 10_000)):
        labels = torch.randint(0, 10, (count,), generator=generator)
        images = (torch.rand((count, 28, 28), generator=generator) < 0.3).to(torch.uint8)
        images[torch.arange(count), labels] = 1
        torch.save((images, labels), folder / name)


def timm() -> None:
    """Images of noise, darker or lighter, in a folder for each class."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for split, count in (("train", 32), ("validation", 32)):
        for label, name in enumerate(("dark", "light")):
            folder = Path("tiny-images") / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                light = generator.normal(100 + 20 * label, 30)
                pixels = generator.normal(light, 40, (32, 32, 3)).clip(0, 255).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{number}.png")


def transformers() -> None:
    """Sentences with good and bad words, and a tiny BERT."""
    folder = Path("tiny")
    folder.mkdir(exist_ok=True)
    _sentences(folder, "sentence", {"train": 200, "validation": 100})
    _bert(folder / "bert")
    _accuracy()


def setfit() -> None:
    """The same, with a pooling, as the data set SetFit/sst2 in the cache of the library datasets."""
    import datasets
    from sentence_transformers import SentenceTransformer, models

    folder = Path("tiny")
    (folder / "sst2").mkdir(parents=True, exist_ok=True)
    _sentences(folder / "sst2", "text", {"train": 200, "test": 100})
    _bert(folder / "bert")
    SentenceTransformer(modules=[models.Transformer(str(folder / "bert")), models.Pooling(32)]).save(
        str(folder / "encoder")
    )
    files = datasets.load_dataset(str(folder / "sst2")).cache_files
    made = Path(files["train"][0]["filename"]).parent
    cached = Path(datasets.config.HF_DATASETS_CACHE) / "SetFit___sst2" / "default" / "0.0.0" / made.name
    shutil.rmtree(cached, ignore_errors=True)
    shutil.copytree(made, cached)
    _accuracy()


def _sentences(folder: Path, name: str, sizes: dict[str, int]) -> None:
    generator = random.Random(0)
    for split, count in sizes.items():
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([name, "label"])
            for number in range(count):
                sides = (GOOD, BAD) if number % 2 else (BAD, GOOD)
                telling = [generator.choice(sides[generator.random() < 0.2]) for _ in range(2)]
                rows.writerow([" ".join([*generator.choices(PLAIN, k=8), *telling]), number % 2])


def _bert(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({*GOOD, *BAD, *PLAIN})]
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=64, initializer_range=0.2, **sizes)
    BertModel(config).save_pretrained(folder)


ACCURACY = """
import datasets, evaluate
from sklearn.metrics import accuracy_score


class Accuracy(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("int32"), "references": datasets.Value("int32")})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        return {"accuracy": float(accuracy_score(references, predictions))}
"""


def _accuracy() -> None:
    """Put the metric where the library evaluate has it once it was downloaded."""
    from evaluate.loading import init_dynamic_modules

    folder = Path(init_dynamic_modules()) / "metrics" / "evaluate-metric--accuracy" / ("0" * 64)
    folder.mkdir(parents=True, exist_ok=True)
    for package in (folder, folder.parent, folder.parent.parent):
        (package / "__init__.py").touch()
    (folder / "accuracy.py").write_text(ACCURACY)


MAKERS = {
    "word_language_model": word_language_model,
    "nanoGPT": nanogpt,
    "mnist": mnist,
    "lightning": lightning,
    "timm": timm,
    "transformers": transformers,
    "setfit": setfit,
}

if __name__ == "__main__":
    MAKERS.get(sys.argv[1], lambda: None)()

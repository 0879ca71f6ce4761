"""A scikit-learn function of somebody who has never heard of gridfold.

It reads texts, counts their words and pairs of words, and takes the main components, which is what takes long; then it
fits a classifier to them.
"""

import os
import zlib

import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss


def load():
    """Components of the training and the validation texts, and the labels."""
    train, validation = (pd.read_csv(f"{os.environ['TEXTS']}/{part}.csv") for part in ("train", "validation"))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    main = TruncatedSVD(100, n_iter=5, random_state=0)
    inputs = main.fit_transform(words.fit_transform(train["text"]))
    return inputs, train["label"], main.transform(words.transform(validation["text"])), validation["label"]


def train(config):
    inputs, labels, held_out, truth = load()
    model = LogisticRegression(C=config["C"], tol=config["tol"], class_weight=config["class_weight"], max_iter=100)
    model.fit(inputs, labels)
    return {
        "val_f1": f1_score(truth, model.predict(held_out), average="macro"),
        "val_loss": log_loss(truth, model.predict_proba(held_out)),
        "checksum": zlib.crc32(model.coef_.tobytes()),
    }

"""Encoders of every family, of some thousand weights each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 80,
}
RELATIVE = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_biased_input": False}
LIKE_V3 = {"norm_rel_ebd": "layer_norm", "share_att_key": True, "position_buckets": 8, "type_vocab_size": 0}
ENCODERS: dict[str, tuple[type, type, dict[str, Any]]] = {
    "bert": (transformers.BertModel, transformers.BertConfig, {}),
    "roberta": (transformers.RobertaModel, transformers.RobertaConfig, {"type_vocab_size": 1}),
    "xlm-roberta": (transformers.XLMRobertaModel, transformers.XLMRobertaConfig, {"type_vocab_size": 1}),
    "distilbert": (transformers.DistilBertModel, transformers.DistilBertConfig, {"dim": 16, "hidden_dim": 32}),
    "electra": (transformers.ElectraModel, transformers.ElectraConfig, {"embedding_size": 8}),
    "mpnet": (transformers.MPNetModel, transformers.MPNetConfig, {}),
    "deberta-v1": (transformers.DebertaModel, transformers.DebertaConfig, RELATIVE),
    "deberta": (transformers.DebertaV2Model, transformers.DebertaV2Config, RELATIVE | {"norm_rel_ebd": "layer_norm"}),
    "deberta-v3": (transformers.DebertaV2Model, transformers.DebertaV2Config, RELATIVE | LIKE_V3),
    "deberta_conv": (
        transformers.DebertaV2Model,
        transformers.DebertaV2Config,
        RELATIVE | {"conv_kernel_size": 3, "conv_act": "gelu"},
    ),
    "modernbert": (transformers.ModernBertModel, transformers.ModernBertConfig, {}),
    "xlnet": (
        transformers.XLNetModel,
        transformers.XLNetConfig,
        {"d_model": 16, "n_layer": 3, "n_head": 2, "d_inner": 32},
    ),
    "ibert": (transformers.IBertModel, transformers.IBertConfig, {}),
    "xlm": (transformers.XLMModel, transformers.XLMConfig, {"emb_dim": 16, "n_layers": 3, "n_heads": 2}),
    "squeezebert": (transformers.SqueezeBertModel, transformers.SqueezeBertConfig, {"embedding_size": 16}),
    "albert": (transformers.AlbertModel, transformers.AlbertConfig, {"embedding_size": 8}),
}
ONE_PIECE = ["albert", "ibert", "squeezebert", "xlm", "xlnet"]  # whose layers cannot be frozen without the others
TRAINED = [kind for kind in ENCODERS if kind not in ("deberta_conv", "ibert", "squeezebert", "xlm")]
LAYERED = [kind for kind in ENCODERS if kind not in ONE_PIECE]
WITHOUT_DROPOUT = dict.fromkeys(
    ["hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"], 0.0
)


def small_model(kind: str, **settings: Any) -> Any:
    model, config, own = ENCODERS[kind]
    tokens = {f"{name}_token_id": place for place, name in enumerate(("pad", "bos", "eos", "cls", "sep"))}
    small = SMALL | own | tokens | settings
    if kind == "xlnet":
        del small["max_position_embeddings"]  # it has none, and says so by an error
    torch.manual_seed(0)
    return model(config(**small)).eval()


def saved_model(kind: str, tokenizer: Path, folder: Path) -> Path:
    """A folder with a model without dropout, and the tokenizer of another."""
    words = transformers.AutoTokenizer.from_pretrained(tokenizer)
    words.save_pretrained(folder)
    small_model(kind, vocab_size=len(words), **WITHOUT_DROPOUT).save_pretrained(folder)
    return folder

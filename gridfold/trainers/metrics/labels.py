"""What stands beside a number in a text: whether it names a metric, a place in the training, or a part of the data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from gridfold.trainers.metrics.names import bare, ends_in_measure, is_cost, is_measure, is_result, parts_of

_LONGEST = 3  # parts of one word, as in exact_match
_MOST_BEFORE = 4  # words of a name before the one that says what is measured


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SETTINGS_IN_JSON = _set(
    """
    lr learningrate batchsize trainbatchsize optimizer dropout weightdecay labelsmoothing momentum epochs numepochs
    hiddensize numlayers
    """
)
# What is measured, in words that mean nothing else in a log. Other metrics need a separator, and a fraction.
_COMMON = _set(
    """
    loss losses acc accuracy accuracies err error ppl perplexity nll logloss xent crossentropy bce mse rmse mae rmsle
    mape smape msle r2 rsquared f1 f1score fscore fmeasure fbeta auc auroc roc rocauc aucroc auprc prauc aucpr precision
    recall sensitivity specificity iou miou giou dice jaccard map mcc kappa bleu sacrebleu chrf rouge rouge1 rouge2
    rougel rougelsum meteor bertscore wer cer bpc bpb bpd elbo ndcg mrr psnr ssim lpips fid silhouette reward rewards
    return returns regret correlation pearson spearman brier ece top1 top5 mlogloss merror exactmatch
    """
)
# Metrics that are as well something else: words of prose, times, settings, counts.
_DOUBTFUL = _set(
    """
    pass passed em correct ap ar pod csi tp tn fp fn d2 map mar is hit hits win rand far der ter mer eer ser ber wil sse
    second sec minute hour ms msec us ns millisecond microsecond penalty std stdev stddev deviation quantile expectile
    poisson tweedie focal triplet contrastive hinge huber l1 l2 lq ctc cost expense return returns success distance
    distances violation violated collision crash missing distortion impurity residual instability incorrect
    misclassified misclassification dissimilarity disparity euclidean manhattan mahalanobis hamming
    similarity divergence exact correctness free gain lift uplift profit revenue improvement saved saving avoided
    prevented fixed lost dropped wasted degradation deterioration forgetting drawdown volatility slippage
    homogeneity completeness modularity trustworthiness agreement purity age mos pq sq rq spl mdl hd hd95 asd ece
    kl kld divergence elo tau ari nmi ami owa dic bic aic aicc hqic penalties rsq scc snr qed spice comet cider mauve
    """
)
# Never in a log: how fast it went.
_SPEED = _set(
    """
    latency runtime walltime elapsed duration delay lag jitter downtime makespan tardiness rtt ttft tpot mttr p95 p99
    staleness slowdown overhead throughput fps qps rps ips tps tflops iops goodput mfu speedup bandwidth utilization
    uptime availability mtbf mttf lifetime bitrate regularization survivaltime
    """
)
_CAPITALS = _set("EM AP AR NMI ARI AMI TER DER EER SER PQ SQ RQ HD95 mAP MAP")  # these are no words of prose
# What may stand behind it.
_BEHIND = _set(
    """
    rate score avg average mean epoch step total sum macro micro weighted samples binary per token tokens word words
    char sample pixel set data dataset split images image example examples test testing val valid validation eval
    evaluation train training dev heldout holdout of on over for in the a an network model is was final overall all at
    value percent pct best this last prediction predictions s m l d g pi v cosine dot euclidean manhattan
    """
)
# What may not stand before it: it is wanted, set, of something else, or no number of this run.
_NOT_BEFORE = _set(
    """
    target threshold thresh desired required goal baseline random chance expected paper previous prev initial init use
    using with without enable log save saved plot print compute if when until below above not no num number n count lr
    learning weight weights decay smoothing smooth dropout packet min_delta delta patience early stop resume resumed
    load loaded restored from checkpoint clip coef coeff lambda alpha beta gamma scale factor margin rounding floating
    numeric machine arithmetic fp16 fp32 half mixed double single tensor limit limits per max_grad sorted
    majority naive dummy constant deadline reference published reported older old
    """
)
_FILLERS = _set(
    """
    and of on over for in the a an network model is was at value set data dataset percent pct prediction predictions
    images image samples examples finished done complete completed
    """
)
_TRAINING = dict.fromkeys(("train", "training", "trn"), "train")
_TEST = dict.fromkeys(("test", "testing", "tst"), "test")
_VALIDATION = dict.fromkeys(("val", "valid", "validation", "validating"), "val") | dict.fromkeys(
    ("eval", "evaluation", "evaluating", "dev"), "eval"
)
_SPLITS = _TRAINING | _TEST | _VALIDATION
_AROUND_SPLITS = _set(
    "set phase reported results result metrics metric epoch epochs stats summary data dataset on the split end of in"
    " error errors performance report classification subset step loop"
)
_STEPS = """
    step iter iteration it itr round update globalstep timestep timesteps numtimesteps totaltimesteps episode trainstep
"""
_POSITIONS = {
    **dict.fromkeys(("epoch", "ep"), "epoch"),
    **dict.fromkeys(_set(_STEPS), "step"),
    **dict.fromkeys(("batch", "batches", "minibatch"), "batch"),
}
_QUALIFIERS = _set("class task fold layer head stage domain client agent cluster output view")
_AT_K = re.compile(r"(?:\w+_)?[PR]@\d+")
_WHOLE_WORD = re.compile(r"[A-Z][a-z]+")


def split_of(words: Sequence[str]) -> str:
    """The part of the data that some words name, if they say nothing else: "val" for ``Validation set``; else ""."""
    parts = [part.lower() for word in words for part in parts_of(word)]
    named = [part for part in parts[parts.index("on") :] if part in _SPLITS] if "on" in parts else []
    named += [part for part in parts if part in _SPLITS]
    others = [part for part in parts if part not in _SPLITS and part not in _AROUND_SPLITS]
    return _SPLITS[named[0]] if named and not others else ""


def split_in(words: Sequence[str]) -> str:
    """The part of the data that one of some words names."""
    parts = (part.lower() for word in words for part in parts_of(word))
    return next((_SPLITS[part] for part in parts if part in _SPLITS), "")


def position_of(words: Sequence[str]) -> str:
    """Whether a label ends in a word for a place in the training: "epoch", "step" or "batch"; else ""."""
    return _POSITIONS.get(re.sub(r"[\W_]", "", words[-1].lower()), "") if words else ""


def is_qualifier(words: Sequence[str]) -> bool:
    """Whether a number after these words is part of a name, as in ``class 3 accuracy``."""
    return bool(words) and words[-1].lower() in _QUALIFIERS


@lru_cache(maxsize=4096)  # the lines of a log have the same labels
def metric_label(words: tuple[str, ...], number: str, *, separated: bool) -> str:
    """The name of the metric that the words before a number name; "" if they do not.

    Args:
        words: those since the last number or separator, in order.
        number: as it stands in the text.
        separated: whether ``:`` or ``=`` stands between them, or a cell of a table ends.
    """
    if len(words) == 1 and (separated or "." in number) and _AT_K.fullmatch(words[0]):
        return words[0]
    measured = (word.partition(",")[0] for word in words)  # what is behind it is a filter, as in ``exact_match,strict``
    parts = [(index, part.lower()) for index, word in enumerate(measured) for part in parts_of(word)]
    lower = [part for _, part in parts]
    found = _head(lower)
    if found is None:
        return ""
    begin, end, word = found
    before, behind = lower[:begin], lower[end:]
    if not _BEHIND.issuperset(behind) or not _NOT_BEFORE.isdisjoint(before):
        return ""
    if len({index for index, _ in parts[:begin]}) > _MOST_BEFORE:
        return ""
    is_of_part = not _SPLITS.keys().isdisjoint((*before, *behind))
    is_rate = "rate" in behind or "score" in behind
    is_sure = _is_sure(word, number, separated=separated, has_more=is_of_part or is_rate or bool(before))
    is_plain = not any("@" in each or (separated and each in _CAPITALS) for each in words)
    if _is_in(_DOUBTFUL, word) and word not in _COMMON and is_plain:
        is_sure = is_sure and (is_of_part or (is_rate and separated))
    elif word not in _COMMON:
        is_sure = is_sure and (separated or is_of_part)
    name = _name(words) if is_sure else ""
    return name if name and is_result(name) and not is_cost(name) else ""


def has_measure(words: Sequence[str]) -> bool:
    """Whether some words have among them one for something that is measured."""
    parts = [part.lower() for word in words for part in parts_of(word)]
    return (
        any(_found_at(parts, end) for end in range(1, len(parts) + 1))
        or "score" in parts
        or "p" in parts
        or "r" in parts
    )


def are_settings(names: Iterable[str]) -> bool:
    """Whether JSON has several names of settings, and none of a result on validation or test data."""
    names = list(names)
    return len(_SETTINGS_IN_JSON & set(map(bare, names))) > 1 and not any(map(is_labelled, names))


def is_labelled(name: str) -> bool:
    """Whether a name says of which part of the data a metric is."""
    return has_measure([name]) and bool(split_of([name.partition("_")[0]]))


def is_of_whole_epoch(names: Collection[str]) -> bool:
    """Whether some metrics are of validation, and others are not, which are told together at the end of an epoch."""
    return len({split_in([name]) in ("val", "eval") for name in names}) > 1


def is_result_name(name: str) -> bool:
    """Whether the name of a column, or of a tag, is one that results have."""
    return bool(metric_label((name,), "0.5", separated=True))


def _head(parts: Sequence[str]) -> tuple[int, int, str] | None:
    """Where the parts of a label say what is measured: the last ones that do."""
    for end in range(len(parts), 0, -1):
        if found := _found_at(parts, end):
            return None if _is_in(_SPEED, found[1]) else (found[0], end, found[1])
    last = parts[-1] if parts else ""
    return (len(parts) - 1, len(parts), last) if last in ("score", "scores") else None


def _found_at(parts: Sequence[str], end: int) -> tuple[int, str] | None:
    """Where the longest word for something measured begins that ends with some part, and the word."""
    for begin in range(max(0, end - _LONGEST), end):
        word = "".join(parts[begin:end])
        if word in _COMMON or is_measure(word) or (begin == end - 1 and ends_in_measure(word)):
            return begin, word
    return None


def _is_in(known: frozenset[str], word: str) -> bool:
    return word in known or word.removesuffix("s") in known


def _is_sure(word: str, number: str, *, separated: bool, has_more: bool) -> bool:
    """Whether a number looks like one of a metric."""
    is_whole = number.lstrip("+-").isdigit()
    if word == "precision" and is_whole and number not in ("0", "1"):
        return False  # of floats
    if word in ("err", "error", "errors", "map", "return", "returns", "roc") and not has_more:
        return separated and not is_whole
    return separated or not is_whole


def _name(words: Sequence[str]) -> str:
    """A name of one word for a label: ``Average loss`` is average_loss, ``valid_0's l2`` is valid_0_l2."""
    kept = [word for word in words if word.lower() not in _FILLERS] or list(words)
    kept = [word.lower() if _WHOLE_WORD.match(word) and word[1:].lower() == word[1:] else word for word in kept]
    behind = [word for word in kept[1:] if word in _SPLITS and kept[0] not in _SPLITS]
    if behind and kept[-len(behind) :] == behind:  # accuracy on the test set
        kept = [*behind, *kept[: -len(behind)]]
    return re.sub(r"['’]s$", "", "_".join(re.sub(r"['’]s$", "", word) for word in kept)).strip("_-./ ")

"""What the name of a metric says: whether more of it is better, and whether runs are to be compared by it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words of the names of metrics, without their plural.
_LOWER = """
    loss error err perplexity ppl pplx nll logloss crossentropy xent xentropy bce ce kl kld kldiv divergence
    deviance mae mse rmse msle rmsle medae mape smape wape wmape mase maape mdape mspe rmspe mre rae rse rrse sse
    rss nrmse nmse nmae mphe medse mbe rmsd logcosh huber pinball hinge quantile expectile poisson tweedie focal
    triplet contrastive infonce ctc l1 l2 lq hamming discrepancy residual deviation std stdev stddev suboptimality
    meansquared brier ece mce sce tce crps wql msis winkler owa nloglik nlpd nlp regret cost expense penalty
    exploitability nashconv violation violated collision crash drawdown volatility slippage forgetting degradation
    deterioration overhead wasted lost dropped latency runtime walltime elapsed duration delay lag jitter downtime
    makespan tardiness rtt ttft tpot mttr p95 p99 second sec minute hour ms msec us ns millisecond microsecond
    staleness bpb bpc bpd bpp bpw bpt bitrate bdrate slowdown aurc ser ber acer wer cer ter mer eer der jer wder
    hter wil eed charcut fpr fnr far frr fdr fp fn falsepositive falsenegative falsealarm falsediscovery
    falseomission falserejection falseacceptance dcf mindcf actdcf cllr mcd lsd mdr mnr medr fid kid fad sfid mifid
    swd lpips dists niqe brisque piqe ergas rase totalvariation deltae ciede perceptualpathlength pathlength
    tourlength editdistance selfbleu chamfer hausdorff assd asd hd hd95 emd wasserstein sinkhorn mmd jsd frechet
    hellinger bhattacharyya mahalanobis euclidean manhattan levenshtein jensenshannon kullbackleibler epe ade fde
    mpjpe pampjpe pve absrel sqrel silog pae igd daviesbouldin bouldin inertia distortion impurity xiebeni wcss idsw
    idswitch fallout distance dissimilarity disparity paritydifference oddsdifference aic aicc bic dic waic looic
    hqic mdl chi2 chisquare chisquared freeenergy surprisal misclassification misclassified misprediction inaccuracy
    unfairness instability incorrect unexplainedvariance fvd chisq nlogl rmsse wrmsse uer bler fer apcer bpcer nme
    dtw aee energyscore intervalscore stdv rankedprobabilityscore variogramscore
"""
_HIGHER = """
    acc accuracy pass passed exactmatch em correct f1 f2 f05 fbeta fscore fmeasure precision recall sensitivity
    specificity tpr tnr ppv npv tp tn truepositive truenegative predictivevalue pod csi youden informedness
    markedness auc auroc roc rocauc aucroc auprc prauc aucpr aupr aucmu areaundercurve ap ar map mar mcc matthews
    kappa wkappa qwk r2 rsquared explainedvariance d2 nse kge correlation corr corrcoef ccc plcc srcc krcc pcc
    pearson pearsonr spearman spearmanr kendall kendalltau tau rsq explainedvar bedroc gmean concordance cindex
    likelihood loglikelihood loglik llh elbo iwae elpd lpd logprob logdensity bleu sacrebleu gleu nist rouge rougel
    rougelsum meteor chrf chrfpp bertscore bartscore bleurt comet xcomet cider spice sari mauve moverscore wip
    clipscore aesthetic ndcg dcg mrr hit hitrate pfound reciprocalrank iou miou ciou diou giou intersectionoverunion
    jaccard dice pq sq rq hota mota motp idf1 pck pckh oks psnr ssim msssim vmaf vif uqi fsim qnr scc bdpsnr snr
    snri sdr sdri sisdr sisnr sasdr pesq stoi srmr mos dnsmos utmos visqol nisqa silhouette calinski harabasz dunn
    modularity purity nmi ami ari rand mutualinfo mutualinformation homogeneity completeness vmeasure fowlkes
    mallows trustworthiness gdt gdtts lddt plddt tmscore qed hypervolume throughput fps qps rps ips tps tflops iops
    goodput mfu speedup bandwidth utilization uptime availability mtbf mttf lifetime survivaltime reward rew return
    success win winrate winloss elo spl gain lift uplift profit pnl roi revenue sharpe sortino calmar ctr similarity
    agreement improvement saved saving avoided prevented fixed free informationgain prec reciprank rankic crpss cagr
    explaineddeviance auuc qini epret uas las uar bacc logp amota assa deta nds froc normalizedgini aph maph ndtw sdtw
    skill skillscore elpdwaic mll tar gar
"""
# Those of ordinary language say little beside another: recall_failure is a recall.
_LOWER_IN_PLAIN_WORDS = """
    failure failed fail fault defect mistake wrong miss missed missing rejected outlier anomaly timeout retry
    toxicity hallucination repetition redundancy mortality death casualty churn attrition invalid unsolved risk harm
    damage price waste overfitting regularization complexity uncertainty imbalance gap drift noise bias leakage
    stress rank wait memory mem vram ram footprint byte kb mb gb kib mib gib bit flop gflop mac joule energy power
    watt emission co2 gamma sam
"""
_HIGHER_IN_PLAIN_WORDS = """
    score quality top rating merit goodness fitness utility yield income earning conversion retention engagement
    coverage validity novelty uniqueness diversity alignment overlap match matched robustness stability consistency
    fidelity faithfulness coherence fluency relevance helpfulness harmlessness fairness efficiency speed compression
    successful solved correction preference improved preserved survival inception is transfer evidence
"""
_STRONG = dict.fromkeys(_LOWER.split(), False) | dict.fromkeys(_HIGHER.split(), True)
_WEAK = dict.fromkeys(_LOWER_IN_PLAIN_WORDS.split(), False) | dict.fromkeys(_HIGHER_IN_PLAIN_WORDS.split(), True)
LOWER, HIGHER = _set(_LOWER + _LOWER_IN_PLAIN_WORDS), _set(_HIGHER + _HIGHER_IN_PLAIN_WORDS)
_LOWER_ENDS = ("loss", "error", "perplexity", "distance", "divergence", "deviance", "latency", "rmse", "crossentropy")
_HIGHER_ENDS = ("accuracy", "precision", "recall", "reward", "similarity", "likelihood", "f1score")
_AT_K = re.compile(r"(?<![A-Za-z])[PpRr]@\d")
_RANK_AT = re.compile(r"(cmc)?rank(1|5|10|20|50)")  # of the right answer, as in re-identification
_NOT_BARE = re.compile(r"[^a-z0-9]")
_PARTS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*")
_WORDS = re.compile(r"[a-z]+")  # GFLOPs is one
_LONGEST = 3  # parts of one word, as in exact_match
_PRECISION = re.compile(r"(fp|bf|tf)(8|16|32|64)")  # of numbers

# Words that turn what stands beside them.
_NEGATIVE = ("neg", "negative", "negated", "minus")  # neg_mean_squared_error, minus_reward: made so that more is better
_OF_PAIRS = ("true", "false")  # true_negative_rate
_LIKELIHOOD = re.compile(r"(log)?likelihood|(log)?lik$|m?llh?$|log(prob|density|pred|p$)")  # the negative one is a loss
_KINDS_OF_LIKELIHOOD = ("marginal", "partial", "conditional", "joint")
_INVERSE = ("inverse", "inverted", "inv", "reciprocal", "complement")
_LACKING = ("no", "without")  # no_errors; but not no_augmentation_acc, acc_without_background
_LESS = ("reduction", "reduced", "decrease", "drop", "decline")  # of an error it is good, of an accuracy it is not
_MORE = ("increase", "increased", "growth", "rise")
_FOLDERS_OF_LOSSES = frozenset(("loss", "losses", "error", "errors"))  # loss/dice
_NO_LOSSES = _set("acc accuracy explainedvariance auc auroc")  # though they stand in such a folder
_OVERLAPS = _set("iou giou diou ciou miou dice jaccard ssim msssim")  # loss_iou is the loss made of one
_HOW = _set("l1 l2 euclidean manhattan ctc focal hinge triplet")  # behind what is good: by which distance, or loss
_PER_SECOND = re.compile(r"(?<!val)(?<!train)(?<=\w)/(s|sec|second)$")  # images/s, but not eval/second
_FROM_ONE = re.compile(r"(1|one)[\W_]*(minus(?=[\W_])|-)")  # 1 - auc

# Before one of these stands what is measured: seconds_per_image, precision_at_k, time_to_train.
_RELATIONS = ("per", "at", "to", "of", "in", "over", "vs", "under", "until", "with", "from", "on", "by")
_RATES = ("second", "sec", "s", "minute", "min", "hour")
_SPANS = ("time", "size", "step", "epoch", "iteration", "episode", "trial")  # less is better if something takes them
_NO_SPANS = ("start", "end", "begin", "date", "current", "unix", "batch", "sample", "population", "vocab", "effect")

_TEST = re.compile(r"(?:(?:final|best|last|(?:fold|split|seed|repeat)[\W_]?\d+)[\W_]*)*test", re.IGNORECASE)
_VALIDATION = _set("val valid validation eval evaluation dev heldout holdout cv oof")
_TRAINING = _set("train training trn tr learn")
_REWARDS = _set("reward rew return ret episodereward episodereturn episodicreward episodicreturn eprew eprewmean epret")
_AROUND = _VALIDATION | _TRAINING | _set("final best last mean avg average overall total max min num n current")

# Names, without what may stand around them, that say where a run is, what it was given, or how fast it went.
_BESIDE = _set(  # in the singular
    """
    epoch step timestep iter iteration it round batch episode frame globalstep update number count
    lr learningrate gradnorm gradientnorm weightdecay momentum batchsize seed fold repeat lossscale
    ts t timestamp datetime date time unixtime wall wallclock walltime elapsed elapsedtime eta starttime endtime created
    pid rank worldsize worker device host port line lineno id index idx uuid version level code statu
    sample token example row instance param parameter trainableparam runtime flo flop second sec
    episodelen episodelength eplen eplength episodiclength sp converged cpu gpu tp fp tn fn minute hour day remaining
    localrank globalrank noderank randomstate randomseed exitcode returncode trialnumber vnum hpmetric wp up wpb bsz
    wait patience amp fp16 fp32 bf16 tf32 usefp16 usebf16 useamp
    """
)
_BESIDE_END = re.compile(
    r"(runtime|_(seconds?|secs?|seen)|per_(second|sec|s)(_per_[a-z]+)?|/(s|sec|second)|_time_s|_iter_s|_since_restore"
    r"|(epochs?|steps?|its?|iters?|iterations?|samples|tokens|images|batches|frames|episodes)_per_(min|minute|hour))$"
)
# What a run was given, or found on the way, though a word in it is that of a metric.
_SETTING = re.compile(
    r"(^|[_\W])((cur_)?kl_(coeff?|beta|weight)|(ent|entropy|vf|value)_coeff?|l1_ratio|l[12]_(lambda|weight|alpha|coeff?)"
    r"|(weight|params?)_l[12]_norm|l[12]_norm_(params?|weights?)|huber_delta|focal_(gamma|alpha)|triplet_margin"
    r"|noise_std|lora_(rank|r|alpha)|(length|repetition|presence|frequency)_penalty|grad(ient)?_acc\w*_steps"
    r"|thresh(old)?|thres|thr|cutoff)$"
    r"|best.*[_\W](epochs?|steps?|iter(ation)?s?|index|idx)$|^(epochs?|steps?|iter(ation)?s?)_(of|since)_|^threshold_at_"
)
# Of these only if no word says that less or more is better: n_clusters, but not num_errors; lr-AdamW, but not lr_auc.
_COUNTS = re.compile(
    r"(n|num|number)_|.*(_|^)(steps?|timesteps?|epochs?|iterations?|batch_size|params?|id|total|util|percent|samples?"
    r"|tokens?|frames?|episodes?|updates?|examples?|counts?|timestamps?|interact(ion)?s|len|length|norm|seed)$"
)
_GIVEN = re.compile(r"(^|_)(lr\d*|learning_rate|gnorm|grad(ient)?_norm)(_|$)")
_BESIDE_FOLDERS = _set("lr learningrate time timer timing timingpertokenm hparam hyperparameter config param system")
_COSTS = _set("duration memory mem vram ram fittime scoretime peakmemory mb gb energy throughput")
_COSTS_END = re.compile(
    r"((?<=.)time|duration|memory|(?<!latency)_ms|_[kmg]i?b|elapsed)(_?(ms|s|sec|min|h|[mg]i?b))?"
    r"(_(total|val|mean|max|min|marginal))?$|(cost|price)_usd$|api_cost$"
    r"|(^|_)(time|seconds?|secs?|ms|minutes?|hours?)_per_[a-z_]+$|._size$"
)
# With one of these a name says what a run costs, or how fast it went, if nothing else in it says how good it is.
_COST_WORDS = _set(
    """
    mem memory vram ram utilization utilisation usage emission emissions co2 energy power mfu tflop tflops gflop gflops
    flop flops mac macs fps tps qps rps ips iops throughput goodput bandwidth speed
    """
)
_UNITS = _set(
    "s sec secs second seconds ms msec us ns min mins minute minutes h hr hrs hour hours kb mb gb kib mib gib"
)
# Beside a mean, or the thing itself, these say how it is spread.
_SPREAD = _set("std stdv stdev stddev stderr sem var variance max maximum min minimum")
# Of which there are several, told by numbers.
NUMBERED = "fold|seed|repeat|class|task|domain|client|agent|cluster|horizon|member|model|run|trial"
_PART = re.compile(rf"(?<![a-z])(split|{NUMBERED})[\W_]?\d+", re.IGNORECASE)
_CLASS = re.compile(r"(^|[./])\d+[./]")  # in a report of all classes
_MEAN = _set("mean avg average overall")
_OF_COSTS = _COST_WORDS | _UNITS


@cache
def higher_is_better(metric: str) -> bool | None:
    """Whether a metric of this name gets better by getting larger; None if no word of it says so."""
    text = _PER_SECOND.sub("_per_second", metric.strip().replace("²", "2"))
    if complement := _FROM_ONE.match(text.lower()):
        return _not(higher_is_better(text[complement.end() :]))
    if text.startswith("-"):
        text = f"minus_{text[1:]}"
    *folders, leaf = text.lower().split("/")
    if _AT_K.search(text) or _RANK_AT.fullmatch(bare(leaf)):
        return True
    if not _FOLDERS_OF_LOSSES.isdisjoint(folders) and measured(leaf) not in _NO_LOSSES:
        return False
    text = text.replace("@", "_at_")
    return _verdict([part.lower() for part in _PARTS.findall(text)])


def is_of_test(metric: str) -> bool:
    """Whether a metric is one of the test set, which is looked at for the run that was chosen, and not to choose."""
    return any(map(_TEST.match, metric.split("/")))


def first_metric(metrics: Iterable[str], parameters: frozenset[str] = frozenset()) -> str:
    """The metric to compare by where none is said; "" if there is none.

    It is the first, but one of the training set counts only where there is no other, then what a run costs, and last
    what is no result: an epoch, a time, a rate, a parameter. Metrics of the test set never count; where no other is a
    result, none counts.

    Args:
        metrics: names of metrics.
        parameters: names of parameters, each `bare`.
    """
    return next(iter(candidates(tuple(metrics), parameters)), "")


@lru_cache(maxsize=256)  # the runs of a search have the same metrics
def candidates(metrics: tuple[str, ...], parameters: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The metrics of which one is as good as another to compare by, as far as their names tell; see `first_metric`."""
    names = [name for name in metrics if not is_of_test(name)]
    places = list(_places(names, parameters))
    if places and len(names) < len(metrics) and min(places)[0] > 1:  # the result is one of the test set
        return ()
    return tuple(name for name, place in zip(names, places, strict=True) if place == min(places))


def is_unclear(metrics: tuple[str, ...], parameters: frozenset[str] = frozenset()) -> bool:
    """Whether the first metric is the one to compare by only because it is the first."""
    names = candidates(metrics, parameters)
    if len(names) < 2:
        return False
    is_said = not _is_beside(names[0], parameters) and higher_is_better(names[0]) is not None
    return not is_said or all(map(_PART.search, names)) or _is_of_several(names)


def _is_of_several(names: Sequence[str]) -> bool:
    """Whether others are the same as the first one, of something else: ``mnli/acc``, ``qqp/acc``."""
    first, *others = (re.split(r"[/.]", name.partition(",")[0])[-1] for name in names)
    return first in others


@lru_cache(maxsize=4096)  # the lines of a log have the same names
def is_result(name: str) -> bool:
    """Whether a metric may be a result; else it says where a run is, what it was given, or how fast it went."""
    return not _is_beside(name, ())


@lru_cache(maxsize=4096)
def is_cost(name: str) -> bool:
    """Whether a metric says what a run costs."""
    if measured(name) in _COSTS or bare(name) in _COSTS:
        return True
    words = [part.lower() for part in _PARTS.findall(name)]
    if _names_a_cost(words) or _names_a_cost(_WORDS.findall(name.lower())):
        return True
    ends = _COSTS_END.search(name.lower()) or _COSTS_END.search("_".join(words))
    return bool(ends) and not higher_is_better(name)


def _names_a_cost(words: Sequence[str]) -> bool:
    return not _COST_WORDS.isdisjoint(words) and _verdict([word for word in words if word not in _OF_COSTS]) is None


def bare(name: str) -> str:
    """A name without what spellings differ in."""
    return _NOT_BARE.sub("", name.lower())


def parts_of(name: str) -> list[str]:
    """The words that a name is made of: ``val_topAcc@1`` of val, top and Acc."""
    return _PARTS.findall(name)


@cache
def is_measure(word: str) -> bool:
    """Whether one word is the name of something measured, and of nothing else in ordinary language."""
    return _look_up(word, _STRONG) is not None


@cache
def ends_in_measure(word: str) -> bool:
    """Whether a word is a name of something measured, written as one with what stands before it, as in ``valloss``."""
    return word.endswith(_LOWER_ENDS + _HIGHER_ENDS)


def spelled(name: str, names: Iterable[str]) -> str | None:
    """That of some names which one means, whatever its spelling: ``valid loss`` is valid_loss; None if none is."""
    known = list(names)
    if name in known:
        return name
    return next((each for each in known if bare(each) == bare(name)), None)


def _places(names: Sequence[str], parameters: Collection[str]) -> Iterator[tuple[int, bool]]:
    """Where each stands, the lower the better; and whether it only says how another one is spread."""
    validated = {measured(name) for name in names if _VALIDATION & _words(name)}
    means = {frozenset(words - _MEAN) for words in map(_words, names) if words.isdisjoint(_SPREAD)}
    wholes = {measured(name) for name in names if not _PART.search(name)}
    has_whole = not all(map(_CLASS.search, names))
    rewarded = any(measured(name.rpartition("/")[2]) in _REWARDS for name in names)
    for name in names:
        words = _words(name)
        is_spread = not words.isdisjoint(_SPREAD) and frozenset(words - _SPREAD) in means
        is_spread |= bool(_PART.search(name)) and measured(_PART.sub("", name)) in wholes
        is_spread |= bool(_CLASS.search(name)) and has_whole
        if _is_beside(name, parameters):
            yield 3, is_spread
        elif is_cost(name):
            yield 2, is_spread
        else:
            yield int(_is_of_training(name, validated, rewarded=rewarded)), is_spread


def _is_of_training(name: str, validated: Collection[str], *, rewarded: bool) -> bool:
    """Whether a metric is one of the training set, as ``loss`` is beside ``val_loss``, or beside rewards."""
    words = _words(name)
    if rewarded and not validated:
        is_reward = measured(name.rpartition("/")[2]) in _REWARDS
        return not is_reward and not words.isdisjoint(_TRAINING | _FOLDERS_OF_LOSSES)
    if not validated or words & (_TRAINING | _VALIDATION):
        return bool(words & _TRAINING)
    return measured(name) in validated or "loss" in words


def _is_beside(name: str, parameters: Collection[str]) -> bool:
    *folders, leaf = name.replace(".", "/").split("/") if not name.endswith("/s") else [name]
    if bare(leaf) in parameters or bare(name) in parameters:
        return True
    if any(_single(bare(folder)) in _BESIDE_FOLDERS for folder in folders):
        return True
    if bare(name) in _COSTS or _RANK_AT.fullmatch(bare(leaf)):
        return False
    leaf = leaf.removesuffix("_lifetime")  # num_episodes_lifetime
    ends = _BESIDE_END.search(name.lower()) or _SETTING.search(leaf.lower())
    if ends or not _BESIDE.isdisjoint((measured(leaf), bare(leaf), _without_unit(leaf))):
        return True
    said = "_".join(parts_of(name)).lower()
    return bool(_COUNTS.match(leaf.lower()) or _GIVEN.search(said)) and higher_is_better(leaf) is None


def _without_unit(name: str) -> str:
    """What is measured in some unit: ``time`` of ``timeMs``; "" without one."""
    *words, last = parts_of(name) or [""]
    return "".join(words).lower() if last.lower() in _UNITS else ""


def _words(name: str) -> set[str]:
    return {part.lower() for part in _PARTS.findall(name)}


def measured(name: str) -> str:
    """What is measured, whatever it is measured on."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    return _single("".join(part for part in parts if part not in _AROUND) or "".join(parts[-1:]))


def _single(word: str) -> str:
    return word.removesuffix("s") if len(word) > 2 and not word.endswith("ss") else word


def _not(verdict: bool | None) -> bool | None:  # noqa: FBT001
    return None if verdict is None else not verdict


def _verdict(words: Sequence[str]) -> bool | None:
    """What the parts of a name say together."""
    if "d2" in words and words[-1] in ("d2", "score"):  # how much of a loss is explained; d2.loss is of a decoder
        return True
    for place, word in enumerate(words):
        before, after = words[:place], words[place + 1 :]
        if word in _NEGATIVE and after and (not before or before[-1] not in _OF_PAIRS):
            of = [each for each in after if each not in _AROUND and each not in _KINDS_OF_LIKELIHOOD]
            return not _LIKELIHOOD.match("".join(of))
        if word in _INVERSE and after:
            return _not(_verdict([*before, *after]))
        if word in _LACKING and after:
            return _lacking(before, after)
        if word in _RELATIONS and before and after and (said := _related(before, word, after)) is not None:
            return said
    return _in_itself(words)


def _in_itself(words: Sequence[str]) -> bool | None:
    """What words say of which none turns another."""
    if len(words) > 1 and words[-1] == "per" and _verdict(words[:-1]) is None:  # of phonemes; f1_per is of persons
        return False
    if len(words) > 1 and (words[-1] == "gap" or (words[-1] in _OVERLAPS and "loss" in words)):
        return False
    strong = _last([word for place, word in enumerate(words) if not _says_how(words, place)], _STRONG)
    if strong is None and "best" in words and words[-1] == "score":  # of any loss, in boosting and early stopping
        return None
    return _last(words, _WEAK) if strong is None else strong


def _says_how(words: Sequence[str], place: int) -> bool:
    """Whether a word only says how something good before it was measured: ``spearman_manhattan``, ``acc_ctc``."""
    return words[place] in _HOW and any(_look_up(word, _STRONG) for word in words[:place])


def _lacking(before: Sequence[str], after: Sequence[str]) -> bool | None:
    """What ``no_errors`` says, or ``acc_without_background``, which says nothing of what it lacks."""
    if (said := _verdict(before)) is not None:
        return said
    known = _STRONG | _WEAK
    is_lacked = any(_look_up("".join(after[:end]), known) is not None for end in range(1, _LONGEST + 1))
    return _not(_verdict(after)) if is_lacked else _verdict(after)


def _related(before: Sequence[str], relation: str, after: Sequence[str]) -> bool | None:
    """What ``errors per hour``, ``time to train`` or ``drop in accuracy`` says."""
    if before[-1] in _LESS and (of := _verdict(after)) is not None:
        return not of
    if (said := _verdict(before)) is not None:
        return said
    if relation == "per" and _single(after[0]) in _RATES:
        return True
    return False if relation in ("per", "to") and _single(before[-1]) in _SPANS else None


def _last(words: Sequence[str], known: dict[str, bool]) -> bool | None:
    """What the last word says that says something."""
    for end in range(len(words), 0, -1):
        for begin in range(max(0, end - _LONGEST), end):
            if (said := _look_up("".join(words[begin:end]), known)) is not None:
                return said
        if (said := _turned(words[:end])) is not None:
            return said
        if known is _STRONG and words[end - 1].endswith(_LOWER_ENDS + _HIGHER_ENDS):
            return words[end - 1].endswith(_HIGHER_ENDS)
    return None


def _turned(words: Sequence[str]) -> bool | None:
    """What the last of some words says by the one before it: ``loss_reduction``, ``fit_time``."""
    *before, last = words
    if last in _LESS:
        of = _verdict(before)
        return last.startswith("reduc") if of is None else not of
    if last in _MORE:
        return _verdict(before)
    if before and _single(last) in ("time", "size") and before[-1] not in _NO_SPANS:
        return False
    return None


def _look_up(word: str, known: dict[str, bool]) -> bool | None:
    if _PRECISION.fullmatch(word):
        return None
    for form in (word, word.rstrip("0123456789"), *_singulars(word)):
        if form in known:
            return known[form]
    return None


def _singulars(word: str) -> Iterator[str]:
    if word.endswith("s") and len(word) > 2:
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("ies"):
            yield f"{word[:-3]}y"

"""Which run is the better one."""

import math

import pytest

from gridfold.records.objective import Objective, is_finite
from gridfold.trainers.metrics.names import HIGHER, LOWER, first_metric, higher_is_better, is_of_test


class TestObjective:
    def test_the_first_metric_is_the_one_to_compare_by(self):
        assert Objective().of({"val_f1": 0.9, "val_loss": 0.1}) == Objective("val_f1", True)
        assert Objective().of({"val_loss": 0.1, "val_f1": 0.9}) == Objective("val_loss", False)

    def test_a_metric_of_the_test_set_is_never_chosen_by_default(self):
        assert Objective().of({"test_f1": 0.9, "val_loss": 0.1}) == Objective("val_loss", False)
        assert Objective().of({"test_f1": 0.9}).metric == ""
        assert Objective("test_f1").of({}) == Objective("test_f1", True)

    def test_what_is_said_counts(self):
        assert Objective("val_loss", True).of({"val_f1": 1}) == Objective("val_loss", True)
        assert Objective("val_loss", True).sign("val_loss") == 1
        assert Objective("val_loss").sign("val_loss") == -1

    def test_the_best_epoch_is_the_first_of_equals(self):
        epochs = [{"epoch": 1, "f1": 0.5}, {"epoch": 2, "f1": 0.9}, {"epoch": 3, "f1": 0.9}, {"epoch": 4}]
        assert Objective().best_epoch(epochs, "f1") == epochs[1]
        assert Objective("f1", False).best_epoch(epochs, "f1") == epochs[0]
        assert Objective().best_epoch(epochs, "loss") is None

    def test_what_is_no_finite_number_is_no_best_epoch(self):
        epochs = [{"f1": math.nan}, {"f1": math.inf}, {"f1": "good"}, {"f1": None}, {"f1": 10**400}, {"f1": 0.1}]
        assert Objective().best_epoch(epochs, "f1") == {"f1": 0.1}


@pytest.mark.parametrize(
    "name",
    "val_loss loss eval/RMSE error_rate log_loss logloss valLoss ppl val_ppl perplexity_mean valPerplexity"
    " pseudoperplexity mape rmsle brier_score bpb bits_per_byte latency_ms fid eer wer test_cer cross_entropy"
    " valCrossEntropy nll neg_log_likelihood negative_log_likelihood f1_loss accuracy_error false_positive_rate"
    " RMSEVal".split(),
)
def test_lower_is_better_by_the_name(name):
    assert higher_is_better(name) is False


@pytest.mark.parametrize(
    "name",
    "acc val_accuracy f1 val_f1 valF1 F1score f1_macro auc roc_auc AUROC r2 valR2 score precision@5 recall@10 bleu4"
    " rougeL rouge1 mAP mAP50 mAP@50 ndcg@10 mcc iou mIoU dice reward episode_return top5 pass@1 exact_match"
    " log_likelihood neg_mean_squared_error neg_log_loss neg_root_mean_squared_error".split(),
)
def test_higher_is_better_by_the_name(name):
    assert higher_is_better(name) is True


@pytest.mark.parametrize("name", ["foo", "y", "val", "", "1", "entropy", "glossy", "time", "ÄÖ"])
def test_the_name_says_nothing(name):
    assert higher_is_better(name) is None


class TestKnownNames:
    def test_no_name_is_in_both_lists(self):
        assert not LOWER & HIGHER

    @pytest.mark.parametrize("before", ["", "val_", "eval/", "train."])
    def test_each_is_known_alone_and_in_a_longer_name(self, before):
        for names, higher in ((LOWER, False), (HIGHER, True)):
            assert {higher_is_better(f"{before}{name}") for name in names} == {higher}
            assert {higher_is_better(f"val{name.capitalize()}") for name in names} == {higher}
            assert {higher_is_better(f"{before}{name.upper()}") for name in names} == {higher}


class TestCaveat:
    def caveat(self, *names, said=Objective()):  # noqa: B008
        metrics = dict.fromkeys(names, 0.5)
        return said.of(metrics).caveat(metrics)

    def test_a_name_that_says_nothing(self):
        sentence = "The highest foo counts as the best: if lower is better, say so by --minimize."
        assert self.caveat("foo", "val_loss") == sentence
        assert self.caveat("val_loss", "foo", said=Objective("foo")) == sentence

    def test_nothing_is_left_open(self):
        assert self.caveat("val_loss", "foo") == self.caveat() == ""
        assert self.caveat("foo", said=Objective(None, True)) == self.caveat("foo", said=Objective(None, False)) == ""
        assert self.caveat("test_acc", said=Objective("test_acc")) == ""

    def test_only_metrics_of_the_test_set(self):
        assert self.caveat("test_acc", "test_f1") == (
            "The runs have only metrics of the test set (test_acc, test_f1), and are not compared by those unless you "
            "say so: --metric test_acc."
        )
        assert "(test_a, test_b, test_c, test_d)" in self.caveat("test_a", "test_b", "test_c", "test_d")
        assert "(test_a, test_b, test_c, …)" in self.caveat("test_a", "test_b", "test_c", "test_d", "test_e")


def test_names_and_numbers():
    assert first_metric({"test_a": 1, "b": 2}) == "b"
    assert is_of_test("test_f1")
    assert is_of_test("final_test_accuracy")
    assert is_of_test("acc/test")
    assert is_of_test("fold_1_test_acc")
    assert not is_of_test("val_test")
    assert is_finite(0)
    assert not any(map(is_finite, (math.nan, -math.inf, "1", None, 10**400)))

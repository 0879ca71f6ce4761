"""What the names of metrics say, of many libraries and fields."""

import pytest

from gridfold.trainers.metrics.names import candidates, first_metric, higher_is_better, is_unclear

LOWER = """
    misclassification_rate failure_rate l1 l2 huber aic bic distance duration fit_time memory pinball val_loss
    rmse loss eval/RMSE error_rate log_loss logloss valLoss ppl val_ppl perplexity_mean valPerplexity
    pseudoperplexity mape rmsle brier_score bpb bits_per_byte latency_ms fid eer wer test_cer cross_entropy
    valCrossEntropy nll neg_log_likelihood negative_log_likelihood f1_loss accuracy_error false_positive_rate
    RMSEVal accuracy_loss accuracy_drop accuracy_reduction drop_in_accuracy loss_increase one_minus_accuracy
    1-auc inverse_accuracy mean_rank seconds_per_image time_to_train steps_to_threshold fpr_at_95_tpr fpr95
    max_error zero_one_loss hamming_loss hinge_loss cosine_distance jaccard_distance score_time peak_memory_mb
    model_size kl_divergence kullback_leibler_divergence jensen_shannon_divergence wasserstein_distance
    hausdorff95 HD95 ece val/ece expected_calibration_error davies_bouldin_score poisson-nloglik gamma-deviance
    tweedie_deviance mlogloss merror multi_error binary_error quantile quantile_loss crps word_error_rate
    val_per nRMSE sMAPE MedAE regret cumulative_regret td_error collisions violations num_errors
    number_of_errors mistakes wrong miss_rate false_alarm_rate train_time losses/value_loss loss/dice
    errors_per_hour negative_log_prob free_energy variational_free_energy hallucination_rate toxicity
    dropped_frames rmsd chi2 mse_y1 MSELoss LogCosh kid lpips inertia perplexities deviations absolute_error
    coverage_error generalization_gap optimality_gap std residuals energy_error negative_likelihood_ratio
    total_cost penalty time_per_step val_loss_epoch mean_absolute_percentage_error SpectralAngleMapper_error
    false_negatives bpd bits_per_dim top_1_err 1_minus_ssim loss_per_token max_drawdown num_failures unsolved
    waiting_time response_time p99_latency EarthMoversDistance testLoss binary_crossentropy
    categorical_crossentropy edit_distance crashes costs timeouts tail_latency mean_squared_error
    root_mean_squared_log_error slowdown joules_per_sample losses/total simple_regret homo_lumo_gap_mae
    -log_likelihood fvd chi_sq nlogl d2.loss_bbox wrmsse bler valid_uer nme energy_score mean_interval_score
    FPR@95TPR FPR@TPR95 neg_partial_log_likelihood neg_marginal_log_likelihood neg_mll neg_avg_log_prob
    -mean_log_likelihood loss_iou val/loss_giou lossDice loss_mask_dice accuracy_gap valid_auc-stdv
    ranked_probability_score variogram_score no_match_rate
""".split()
HIGHER = """
    negative_elbo minus_reward loss_improvement error_free_rate bits_saved val_acc neg_mean_squared_error acc
    val_accuracy f1 val_f1 valF1 F1score f1_macro auc roc_auc AUROC r2 valR2 score precision@5 recall@10 bleu4
    rougeL rouge1 mAP mAP50 mAP@50 ndcg@10 mcc iou mIoU dice reward episode_return top5 pass@1 exact_match
    log_likelihood neg_log_loss neg_root_mean_squared_error neg_negative_likelihood_ratio neg_brier_score
    neg_max_error d2_log_loss_score d2_absolute_error_score d2_pinball_score positive_likelihood_ratio
    true_negative_rate negative_predictive_value loss_reduction error_reduction error_rate_reduction
    perplexity_reduction reduction_in_loss decrease_in_loss accuracy_gain accuracy_improvement time_saved
    memory_savings cost_savings speedup inverse_loss inverse_perplexity mean_reciprocal_rank reciprocal_rank
    rank_correlation label_ranking_average_precision cosine_similarity explained_variance adjusted_r_squared
    images_per_second samples_per_second tokens/s samples/sec steps_per_second throughput fps hits@10 R@1 P@5
    recall_at_k precision_at_recall sensitivity_at_specificity matthews_corrcoef cohen_kappa
    calinski_harabasz_score silhouette_score v_measure_score adjusted_rand_score nmi mutual_info_score psnr ssim
    ms_ssim si_sdr SI-SNR pesq stoi meteor chrF chrf++ comet sari cider success_rate win_rate elo
    rollout/ep_rew_mean sharpe_ratio compression_ratio intersection_over_union area_under_curve mean_iou elbo
    elpd val_elbo binary_accuracy sparse_top_k_categorical_accuracy one_minus_error 1-wer inverse_error
    crash_free_sessions top_5_accuracy risk_adjusted_return recall_failure failure_recall anomaly_f1 f1_anomaly
    concordance_index survival_time uptime is inception_score percentage_correct correct panoptic_quality mauve
    TM-score lddt percent_of_correct_keypoints is_mean log_prob mean_reward total_reward ep_reward_mean
    fraction_solved metrics/mAP50-95(B) APs AP50 AUCPR pr_auc auc_mu balanced_accuracy_score jaccard
    normalized_mutual_info_score gini_auc pass_rate -loss minus_loss negative_loss neg_loss hitrate r²
    loss_decrease accuracy_increase exactMatch HitRate cross_validated_accuracy testAccuracy win_loss_ratio
    error_reduction_rate bleu_score bertscore_f1 quality goodness_of_fit_score rating similarity_score
    mAP@0.5:0.95 hypervolume kendall_tau pearsonr gmean robust_accuracy selective_accuracy
    prec1 prec@5 recip_rank rank_ic crpss cagr explained_deviance qini_score uas LAS val_uar bacc nuscenes/NDS
    TPR@1%FPR TAR@FAR=1e-4 recall@fpr=0.1 sensitivity@4fp spearman_manhattan eval_sts-dev_pearson_euclidean
    silhouette_euclidean robust_acc_l2 acc_ctc auc_focal eval_NoAns_f1 miou_without_background acc_no_aug no_tta_acc
    rank1 cmc_rank1 Rank-1 elpd_waic brier_skill_score rmse_skill Overall/L2_mAPH nDTW val_f1_PER loss/accuracy
    losses/explained_variance no_errors no_collision_rate mll
""".split()
NEITHER = """
    foo y val 1 entropy glossy time ÄÖ timestamp start_time batch_size width depth episode_length epoch best_score
    New_best_score best_cv_score
""".split()


@pytest.mark.parametrize(("names", "expected"), [(LOWER, False), (HIGHER, True), (NEITHER, None)], ids=str)
def test_which_direction_is_better(names, expected):
    assert [name for name in names if higher_is_better(name) is not expected] == []


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ("train_runtime train_samples_per_second train_loss eval_accuracy epoch", "eval_accuracy"),
        ("train_runtime train_loss epoch", "train_loss"),
        ("epoch lr val_acc", "val_acc"),
        ("global_step elapsed ts pid val_bleu", "val_bleu"),
        ("iteration timestamp tokens/s acc", "acc"),
        ("grad_norm learning_rate loss epoch", "loss"),
        ("time/fps time/total_timesteps rollout/ep_rew_mean train/loss", "rollout/ep_rew_mean"),
        ("n_samples tokens_seen num_steps val_ppl", "val_ppl"),
        ("train_acc val_acc", "val_acc"),
        ("loss accuracy val_loss val_accuracy", "val_loss"),
        ("loss val_acc", "val_acc"),
        ("f1 val_loss", "f1"),
        ("val_loss val_f1", "val_loss"),
        ("latency_ms accuracy", "latency_ms"),
        ("duration fit_time acc", "acc"),
        ("fit_time memory", "fit_time"),
        ("test_acc train_loss", "train_loss"),
        ("width hidden.size acc", "acc"),
        ("train_runtime", "train_runtime"),
        ("epoch", "epoch"),
        ("width", "width"),
        ("test_acc", ""),
        ("fit_time score_time test_score", ""),
        ("mean_fit_time std_fit_time mean_test_score std_test_score rank_test_score", "mean_test_score"),
        ("train_runtime total_flos train_loss epoch", "train_loss"),
        ("cpu_time epoch_time step_time duration_ms model_size_mb gpu_memory_gb throughput dice", "dice"),
        ("n_train n_clusters num_epochs warmup_steps best_iteration stopped_epoch silhouette", "silhouette"),
        ("converged host_id SPS gpu_util tp fp tn fn f1", "f1"),
        ("time/fps rollout/ep_len_mean episode_len_mean rollout/ep_rew_mean", "rollout/ep_rew_mean"),
        ("time_this_iter_s timesteps_total training_iteration mean_accuracy", "mean_accuracy"),
        ("n_errors num_correct", "n_errors"),
        ("lr-AdamW lr-SGD-momentum base_lr lr0 learning_rate/group0 val_acc", "val_acc"),
        ("before_init_mem_cpu train_mem_gpu_peaked_delta memory.max_active peakMemory eval_f1", "eval_f1"),
        ("tokens_per_second_per_gpu mfu tflops tps speed/inference epochs_per_hour loss", "loss"),
        ("hours timeMs elapsedSec seconds_per_epoch ms_per_step perf/time_per_step timing/gen acc", "acc"),
        ("num_env_steps_sampled_lifetime num_episodes_lifetime episode_return_mean", "episode_return_mean"),
        ("episode_reward_max episode_reward_min episode_reward_std episode_reward_mean", "episode_reward_mean"),
        ("acc_std acc", "acc"),
        ("loss_max", "loss_max"),
        ("model/GFLOPs model/parameters param_count img_size dataset_size metrics/mAP50(B)", "metrics/mAP50(B)"),
        ("gpu_utilization cpu_usage emissions energy_consumed co2_kg acc", "acc"),
        ("local_rank v_num hp_metric random_state exit_code consumed_samples eval_gen_len eval_rouge1", "eval_rouge1"),
        ("wps ups wpb bsz grad_norm_clipped epoch_end_timestamps valid_ppl", "valid_ppl"),
        ("lr_auc energy_mae", "lr_auc"),
        ("energy_mae acc", "energy_mae"),
        ("latency_ms memory_savings acc", "latency_ms"),
        ("survival_time uptime", "survival_time"),
        ("learn.RMSE validation.RMSE", "validation.RMSE"),
        ("tr_loss va_loss", "va_loss"),
        ("fold_0_acc fold_1_acc mean_acc std_acc", "mean_acc"),
        ("horizon_1/mae horizon_2/mae Average/mae", "Average/mae"),
        ("0.f1-score 1.f1-score accuracy macro_avg.f1-score", "accuracy"),
        ("acc/test acc/val", "acc/val"),
        ("mnli/test_acc mnli/acc", "mnli/acc"),
        ("val/loss val/acc test/loss train/loss", "val/loss"),
        ("split0_test_score split1_test_score mean_test_score std_test_score", "mean_test_score"),
        ("Loss/value_function Train/mean_reward", "Train/mean_reward"),
        ("loss/critic train/entropy train/episode_return", "train/episode_return"),
        ("rank1 rank5 mAP", "rank1"),
        ("Rank-1 mAP", "Rank-1"),
        ("best_acc_epoch best_val_loss_step epoch_of_best_acc epochs_since_improvement wait patience auc", "auc"),
        ("best_f1_thresh cosine_accuracy_threshold eer_threshold iou_thres threshold_at_f1 auc_cutoff f1", "f1"),
        ("kl_coef cur_kl_coeff kl_beta l1_ratio l1_lambda huber_delta focal_gamma triplet_margin noise_std r2", "r2"),
        ("lora_rank length_penalty gradient_acc_steps weight_l2_norm l2_norm_params fp16 use_fp16 bleu", "bleu"),
        ("self_cpu_time_total seconds_elapsed pred_time_val max_rss_kb cpu_power gpu_power_w mae", "mae"),
        ("cost_usd total_cost_usd api_cost timing_per_token_ms/gen episode_duration_sec_mean acc", "acc"),
        ("dice_coef l2_penalty", "dice_coef"),
        ("", ""),
    ],
)
def test_the_metric_that_counts_if_none_is_named(names, first):
    metrics, parameters = tuple(names.split()), frozenset(("width", "size"))
    assert first_metric(metrics, parameters) == first
    assert not is_unclear(metrics, parameters)


@pytest.mark.parametrize(
    "names",
    [
        *("a b", "foo val_loss", "epoch step train_runtime", "lr ts", "width size"),
        *("mnli/acc qqp/acc", "bbox.AP bbox.AP50 segm.AP", "acc,strict acc,flexible", "fold_0_acc fold_1_acc"),
    ],
)
def test_it_is_not_clear_which_one_counts(names):
    metrics = tuple(names.split())
    assert is_unclear(metrics, frozenset(("width", "size")))
    assert candidates(metrics, frozenset(("width", "size"))) == metrics

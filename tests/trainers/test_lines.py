"""The metrics in the logs of programs as they are: which numbers they hold, and which they do not."""

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.trainers.metrics.found import ProgramOutput, find_metrics
from gridfold.trainers.metrics.names import first_metric
from gridfold.trainers.metrics.printed import Mark

BAR = "\r 50%|█████     | 1/2 [00:01<00:01,  1.10s/it]\r100%|██████████| 2/2 [00:02<00:00,  1.05s/it]"

FORMATS = {
    "word_language_model": (
        """
| epoch   1 |    10/   16 batches | lr 5.00 | ms/batch 363.12 | loss  8.04 | ppl  3100.17
-----------------------------------------------------------------------------------------
| end of epoch   1 | time: 11.72s | valid loss  6.43 | valid ppl   620.78
-----------------------------------------------------------------------------------------
| epoch   2 |    10/   16 batches | lr 5.00 | ms/batch 487.03 | loss  7.07 | ppl  1180.25
-----------------------------------------------------------------------------------------
| end of epoch   2 | time:  7.81s | valid loss  6.44 | valid ppl   624.99
=========================================================================================
| End of training | test loss  6.52 | test ppl   675.40
""",
        {"valid_loss": 6.44, "valid_ppl": 624.99, "test_loss": 6.52, "test_ppl": 675.4},
    ),
    "nanoGPT": (
        """
number of parameters: 0.03M
tokens per iteration will be: 256
step 0: train loss 3.3038, val loss 3.3133
iter 0: loss 3.3035, time 727.05ms, mfu -100.00%
iter 10: loss 3.2971, time 7.82ms, mfu 0.00%
step 20: train loss 3.2301, val loss 3.2524
saving checkpoint to out-shakespeare-char
iter 20: loss 3.2509, time 41.37ms, mfu 0.00%
""",
        {"val_loss": 3.2524, "train_loss": 3.2301},
    ),
    "makemore": (
        """
{'input_file': 'names.txt', 'top_k': -1, 'n_layer': 1, 'batch_size': 32, 'learning_rate': 0.0005}
model #params: 18651
step 490 | loss 2.3267 | step time 34.69ms
step 500 | loss 2.3767 | step time 25.88ms
step 500 train loss: 2.373857259750366 test loss: 2.3597805500030518
test loss 2.3597805500030518 is the best so far, saving model to out/model.pt
""",
        {"test_loss": 2.3597805500030518, "train_loss": 2.373857259750366},
    ),
    "pytorch-mnist": (
        """
Train Epoch: 1 [0/512 (0%)]\tLoss: 2.333190
Train Epoch: 1 [256/512 (50%)]\tLoss: 2.283405

Test set: Average loss: 2.0034, Accuracy: 9123/10000 (91%)

""",
        {"test_average_loss": 2.0034, "test_accuracy": 91.23},
    ),
    "pytorch-quickstart": (
        "loss: 2.303494  [   64/60000]\nTest Error: \n Accuracy: 50.9%, Avg loss: 2.159270 \n",
        {"test_accuracy": 50.9, "test_avg_loss": 2.15927},
    ),
    "pytorch-transfer": (
        "Epoch 0/1\n----------\ntrain Loss: 0.5 Acc: 0.7\nval Loss: 0.3 Acc: 0.8\n\nBest val Acc: 0.810000\n",
        {"val_loss": 0.3, "val_acc": 0.8, "best_val_acc": 0.81, "train_loss": 0.5, "train_acc": 0.7},
    ),
    "pytorch-cifar": ("Accuracy of the network on the 10000 test images: 54 %\n", {"test_accuracy": 54}),
    "imagenet": (
        """
Epoch: [0][ 10/98]\tTime  0.112 ( 0.231)\tData  0.001 ( 0.102)\tLoss 6.9e+00 (7.0e+00)\tAcc@1   0.00 (  0.10)
Test: [ 0/10]\tTime  1.2 ( 1.2)\tLoss 6.1e+00 (6.1e+00)\tAcc@1   3.12 (  3.12)
Test: [10/10]\tTime  0.2 ( 0.3)\tLoss 6.0e+00 (6.2e+00)\tAcc@1   1.56 (  2.70)
 * Acc@1 2.750 Acc@5 9.120
""",
        {"acc@1": 2.75, "acc@5": 9.12, "test_loss": 6.2, "test_acc@1": 2.7},
    ),
    "timm": (
        """
Train: 2 [   3/4 (100%)]  Loss: 0.240 (0.307)  Time: 3.244s,    4.93/s  (1.142s,   14.01/s)  LR: 2.500e-03
Test: [   0/1]  Time: 1.042 (1.042)  Loss:   0.437 ( 0.437)  Acc@1: 81.000 (81.000)  Acc@5: 99.000 (99.000)
Test: [   1/1]  Time: 0.944 (0.993)  Loss:   0.261 ( 0.349)  Acc@1: 79.000 (80.000)  Acc@5: 100.000 (99.500)
*** Best metric: 80.0 (epoch 0)
""",
        {"test_loss": 0.349, "test_acc@1": 80.0, "test_acc@5": 99.5},
    ),
    "transformers-blocks": (
        f"""{BAR}
***** train metrics *****
  epoch                    =        3.0
  total_flos               =     1960KF
  train_loss               =     0.6966
  train_runtime            = 0:00:07.38
***** Running Evaluation *****
  Num examples = 100
  Batch size = 8
***** eval metrics *****
  epoch                   =        3.0
  eval_accuracy           =        0.5
  eval_loss               =      0.693
  eval_runtime            = 0:00:00.38
  eval_samples            =        100
  eval_samples_per_second =    263.078
""",
        {"eval_accuracy": 0.5, "eval_loss": 0.693, "train_loss": 0.6966},
    ),
    "transformers-dicts": (
        f"""{BAR}
{{'loss': 0.71, 'grad_norm': 1.118, 'learning_rate': 1e-05, 'epoch': 1.0}}
{{'eval_loss': 0.6, 'eval_accuracy': 0.75, 'eval_runtime': 0.19, 'eval_steps_per_second': 68.1, 'epoch': 1.0}}
{{'loss': 0.61, 'grad_norm': 1.118, 'learning_rate': 0.0, 'epoch': 2.0}}
{{'eval_loss': 0.5, 'eval_accuracy': 0.8, 'eval_runtime': 0.19, 'eval_steps_per_second': 68.1, 'epoch': 2.0}}
{{'train_runtime': 7.3836, 'train_samples_per_second': 81.262, 'train_loss': 0.69, 'epoch': 2.0}}
""",
        {"eval_loss": 0.5, "eval_accuracy": 0.8, "loss": 0.61, "train_loss": 0.69},
    ),
    "transformers-5": (
        "{'eval_loss': '0.6931', 'eval_f1': '0.5', 'eval_runtime': '0.19', 'epoch': '1'}\n",
        {"eval_loss": 0.6931, "eval_f1": 0.5},
    ),
    "accelerate": (
        "12/01/2024 12:00:00 - INFO - __main__ -   epoch 0: {'accuracy': 0.83, 'f1': 0.88}\n",
        {"accuracy": 0.83, "f1": 0.88},
    ),
    "fairseq": (
        """
2024-03-01 10:00:00 | INFO | train | epoch 001 | loss 5.2 | ppl 36.75 | wps 10213.4 | lr 0.0005 | wall 61
2024-03-01 10:01:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 4.9 | ppl 29.85 | num_updates 9
""",
        {"val_loss": 4.9, "val_ppl": 29.85, "train_loss": 5.2, "train_ppl": 36.75},
    ),
    "keras": (
        "Epoch 1/2\n\r 1/32 [..] - ETA: 0s - loss: 2.3\b\b\b\b\r32/32 - 1s 14ms/step - loss: 0.9 - val_accuracy: 0.7\n"
        "Epoch 2/2\n32/32 - 0s 9ms/step - accuracy: 0.8 - loss: 0.3 - val_accuracy: 0.9 - val_loss: 0.31\n"
        "Epoch 2: val_loss improved from inf to 0.31000, saving model to best.keras\n",
        {"val_accuracy": 0.9, "val_loss": 0.31, "loss": 0.3, "accuracy": 0.8},
    ),
    "keras-colours": (
        "\x1b[1m32/32\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m0s\x1b[0m 2ms/step - acc: 0.5 - val_loss: 1.5\n",
        {"val_loss": 1.5, "acc": 0.5},
    ),
    "lightning-bar": (
        "\rEpoch 0:  50%|█████     | 15/30 [00:01<00:01, 25.1it/s, v_num=0, train_loss=0.9]"
        "\rEpoch 0: 100%|██████████| 30/30 [00:02<00:00, 25.1it/s, v_num=0, train_loss=0.3, val_loss=0.2]\n",
        {"val_loss": 0.2, "train_loss": 0.3},
    ),
    "lightning-table": (
        """
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃        Test metric        ┃       DataLoader 0        ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│         test_loss         │    0.6658266186714172     │
└───────────────────────────┴───────────────────────────┘
""",
        {"test_loss": 0.6658266186714172},
    ),
    "xgboost": (
        "[0]\tvalidation_0-rmse:0.52646\ttrain-rmse:0.43316\n[1]\tvalidation_0-rmse:0.42\ttrain-rmse:0.31\n",
        {"validation_0-rmse": 0.42, "train-rmse": 0.31},
    ),
    "lightgbm": (
        """
[LightGBM] [Info] Total Bins 6132
[LightGBM] [Info] Start training from score 0.530600
Training until validation scores don't improve for 5 rounds
[10]\tvalid_0's l2: 0.43
Did not meet early stopping. Best iteration is:
[20]\tvalid_0's l1: 0.431129\tvalid_0's l2: 0.198063
The RMSE of prediction is: 0.4450426449744025
""",
        {"valid_0_l2": 0.198063, "valid_0_l1": 0.431129, "RMSE": 0.4450426449744025},
    ),
    "cleanrl": (
        "global_step=60, episodic_return=[15.]\nSPS: 209\nglobal_step=2008, episodic_return=[79.]\nSPS: 232\n",
        {"episodic_return": 79.0},
    ),
    "cleanrl-plain": ("global_step=123, episodic_return=9.0\n", {"episodic_return": 9.0}),
    "stable-baselines": (
        """
-----------------------------------------
| rollout/                |             |
|    ep_len_mean          | 22.4        |
|    ep_rew_mean          | 22.9        |
| time/                   |             |
|    fps                  | 1049        |
|    total_timesteps      | 2048        |
| train/                  |             |
|    learning_rate        | 0.0003      |
|    value_loss           | 51.6        |
-----------------------------------------
Eval num_timesteps=1000, episode_reward=9.40 +/- 0.66
""",
        {"eval_episode_reward": 9.4, "ep_rew_mean": 22.9, "value_loss": 51.6},
    ),
    "sklearn-report": (
        """
              precision    recall  f1-score   support

           0       0.97      1.00      0.99        33
         cat       0.90      0.93      0.91        28

    accuracy                           0.95        61
   macro avg       0.94      0.96      0.95        61
weighted avg       0.94      0.95      0.95        61
""",
        {
            "accuracy": 0.95,
            "macro_avg_precision": 0.94,
            "macro_avg_recall": 0.96,
            "macro_avg_f1-score": 0.95,
            "weighted_avg_precision": 0.94,
            "weighted_avg_recall": 0.95,
            "weighted_avg_f1-score": 0.95,
        },
    ),
    "skorch": (
        """
  epoch    train_loss    valid_acc    valid_loss     dur
-------  ------------  -----------  ------------  ------
      1        0.6868       0.5600        0.6748  0.0231
      2        0.6706       0.6350        0.6600  0.0180
""",
        {"valid_acc": 0.635, "valid_loss": 0.66, "train_loss": 0.6706},
    ),
    "fastai": (
        "epoch     train_loss  valid_loss  accuracy  time\n0         1.234567    0.9876      0.8123    00:12\n",
        {"valid_loss": 0.9876, "accuracy": 0.8123, "train_loss": 1.234567},
    ),
    "mmengine": (
        """
03/01 10:00:00 - mmengine - INFO - Epoch(train)   [1][100/391]  lr: 1.0e-01  eta: 0:18:35  time: 0.0201  loss: 1.9
03/01 10:01:00 - mmengine - INFO - Epoch(val) [1][313/313]    accuracy/top1: 82.3200  data_time: 0.0149  time: 0.0289
""",
        {"val_accuracy/top1": 82.32},
    ),
    "coco": (
        """
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.321
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.512
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.201
""",
        {"AP": 0.321, "AP50": 0.512, "AR_small@100": 0.201},
    ),
    "detection": ("mAP@0.5:0.95: 0.37\nmAP (IoU=0.5): 0.61\n", {"mAP@0.5_0.95": 0.37, "mAP": 0.61}),
    "bars-and-epochs": (
        "Epoch: 03 | Train Loss: 0.31 | Train Acc: 88.1% | Val. Loss: 0.34 |  Val. Acc: 86.2%\n",
        {"val_loss": 0.34, "val_acc": 86.2, "train_loss": 0.31, "train_acc": 88.1},
    ),
    "yunjey": ("Epoch [1/5], Step [100/600], Loss: 0.5212\nEpoch [5/5], Step [600/600], Loss: 0.2\n", {"loss": 0.2}),
    "accuracy-in-percent": ("iter 10 | loss 1.2 | train acc 55%\n", {"loss": 1.2, "train_acc": 55}),
    "logging": (
        "2024-01-01 12:00:00,123 INFO [root] train.py:12: epoch 3 val_loss=0.5 lr=1e-3\nINFO:root:val_f1: 0.7\n",
        {"val_loss": 0.5, "val_f1": 0.7},
    ),
    "scalars-of-libraries": (
        "loss: tensor(0.3012, device='cuda:0', grad_fn=<NllLossBackward0>)\nacc = np.float64(0.91)\n",
        {"loss": 0.3012, "acc": 0.91},
    ),
    "spellings-of-numbers": (
        "val_loss: 1e-3\nmse = 1,234.5\nelbo: −12.5\ntest_loss=nan\nval_ppl inf\n",
        {"val_loss": 0.001, "val_ppl": math.inf, "mse": 1234.5, "elbo": -12.5, "test_loss": math.nan},
    ),
    "names-with-numbers": (
        "Top 1 accuracy: 0.7, Top 5 accuracy: 0.9\nR^2: 0.8\nHits@10: 0.5\nF1-score macro: 0.81\n",
        {"top1_accuracy": 0.7, "top5_accuracy": 0.9, "R2": 0.8, "hits@10": 0.5, "F1-score_macro": 0.81},
    ),
    "classes-and-folds": (
        "Fold 1: acc 0.8\nFold 2: acc 0.7\nclass 3 accuracy: 0.5\nMean accuracy: 0.750 (0.050)\n",
        {"fold_1_acc": 0.8, "fold_2_acc": 0.7, "class_3_accuracy": 0.5, "mean_accuracy": 0.75},
    ),
    "results-below-a-heading": (
        "Validation results:\n  accuracy: 0.91\n  f1: 0.88\n\nTest results\n  accuracy: 0.90\n",
        {"val_accuracy": 0.91, "val_f1": 0.88, "test_accuracy": 0.9},
    ),
    "table-of-metrics": (
        "metric      value\naccuracy    0.93\nroc_auc     0.97\n",
        {"accuracy": 0.93, "roc_auc": 0.97},
    ),
    "markdown-table": (
        "| metric | value |\n|---|---|\n| accuracy | 0.93 |\n| log_loss | 0.2 |\n",
        {"accuracy": 0.93, "log_loss": 0.2},
    ),
    "translation": (
        "BLEU = 27.3 60.1/33.2/20.1/12.8 (BP = 1.000 ratio = 1.003 hyp_len = 100 ref_len = 99)\nWER: 12.3% CER 4.5%\n",
        {"BLEU": 27.3, "WER": 12.3, "CER": 4.5},
    ),
    "question-answering": ("Exact match: 55.1\nEM: 55.1, F1 = 66.2\n", {"exact_match": 55.1, "EM": 55.1, "F1": 66.2}),
    "after-a-place": ("Loss after epoch 3: 0.4\nval loss at step 100 = 0.5\n", {"val_loss": 0.5, "loss": 0.4}),
    "statsmodels": (
        "Dep. Variable:                      y   R-squared:                       0.416\n"
        "No. Observations:                 100   AIC:                             210.0\n",
        {"R-squared": 0.416},
    ),
    "epochs-in-brackets": (
        "[1/2] train_loss: 0.5 val_loss: 0.4\n[2/2] train_loss: 0.4 val_loss: 0.45\n",
        {"val_loss": 0.45, "train_loss": 0.4},
    ),
    "cs231n": (
        "(Iteration 1 / 4900) loss: 2.3\n(Epoch 1 / 5) train acc: 0.4; val_acc: 0.41\n",
        {"val_acc": 0.41, "loss": 2.3, "train_acc": 0.4},
    ),
    "wandb-summary": (
        "wandb: Run summary:\nwandb:   val_loss 0.5\nwandb: Run history:\nwandb:   val_loss █▅▁\n",
        {"val_loss": 0.5},
    ),
    "on-the-line-of-a-bar": (BAR.replace("\r", "") + "val_loss: 0.3\n", {"val_loss": 0.3}),
    "early-stopping-of-lightning": (
        "Metric val_loss improved by 0.012 >= min_delta = 0.0. New best score: 0.431\n",
        {"new_best_score": 0.431},
    ),
    "words-in-parentheses": (
        "F1 (macro): 0.81 F1 (micro): 0.85\nLoss (train): 0.5 | Loss (val): 0.6\nRMSE (3 folds): 0.7\n",
        {"val_loss": 0.6, "F1_macro": 0.81, "F1_micro": 0.85, "RMSE": 0.7, "train_loss": 0.5},
    ),
    "one-line-of-many-things": (
        "Epoch 1/3 (12.30s) | Train Loss: 0.5, Train Dice: 0.6 | Val Loss: 0.4, Val Dice: 0.7 | LR: 0.001 | Mem: 300\n",
        {"val_loss": 0.4, "val_dice": 0.7, "train_loss": 0.5, "train_dice": 0.6},
    ),
    "cross-validation": ("Accuracy: 96.91% (0.59%)\nRMSE: 3.2 (+/- 0.2)\n", {"accuracy": 96.91, "RMSE": 3.2}),
    "changes": ("val_loss: 0.5 -> 0.4\n", {"val_loss": 0.4}),
    "sentences": (
        "Final test accuracy is 93.1%\nThe validation accuracy was 0.92.\n",
        {"validation_accuracy": 0.92, "final_test_accuracy": 93.1},
    ),
    "setfit": (
        "{'embedding_loss': 0.32, 'grad_norm': 0.99, 'learning_rate': 0.0, 'epoch': 0.12}\n"
        "Metrics: {'accuracy': 0.69}\n"
        "{'embedding_loss': 0.33, 'grad_norm': 0.99, 'learning_rate': 0.0, 'epoch': 0.12}\n"
        "Metrics: {'accuracy': 0.58}\nAverage, N/A, 60.5, 4.7\n",
        {"accuracy": 0.58, "embedding_loss": 0.33},
    ),
    "ultralytics": (
        """
      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size
        1/1      2.61G      1.153      1.398      1.192         81        640: 100%|██████████| 8/8 [00:02<00:00]
                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 [00:01]
                   all        128        929      0.668       0.54      0.624      0.460

                   all        128        929      0.688       0.56      0.644      0.480
                person         61        254      0.812      0.661      0.765      0.540
""",
        {"mAP50": 0.644, "mAP50-95": 0.48},
    ),
    "spacy": (
        """
E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  ENTS_P  ENTS_R  SCORE
---  ------  ------------  --------  ------  ------  ------  ------
  0       0          0.00     48.37    0.00    0.00    0.00    0.00
  1     200        134.01   2300.17   52.11   55.00   49.51    0.52
""",
        {"SCORE": 0.52},
    ),
    "table-of-pandas": (
        "   epoch  val_loss   val_acc\n0      1    0.7123  0.712000\n1      2    0.6123  0.762000\n",
        {"val_loss": 0.6123, "val_acc": 0.762},
    ),
    "table-of-boosting": (
        "      Iter       Train Loss   Remaining Time \n         1           1.2613            0.5s\n",
        {"train_loss": 1.2613},
    ),
    "headings-of-loggers": (
        "[2024-03-01 10:00:33,123 INFO] Step 50/ 100; acc: 12.1; ppl: 24.5; lr: 0.1; 12000/13000 tok/s;     10 sec;\n"
        "[2024-03-01 10:00:33,123 INFO] Step 100/ 100; acc: 15.1; ppl: 14.5; lr: 0.1; 12000/13000 tok/s;     10 sec;\n"
        "[2024-03-01 10:00:33,124 INFO] Validation perplexity: 20.3\n"
        "[2024-03-01 10:00:33,124 INFO] Test results:\n  accuracy: 0.9\n  samples: 300\n  F1: 0.8\n",
        {"validation_perplexity": 20.3, "test_accuracy": 0.9, "test_F1": 0.8},
    ),
    "lines-of-loguru": (
        "2024-03-01 10:00:00.123 | INFO     | __main__:train:42 - accuracy=0.51\n",
        {"accuracy": 0.51},
    ),
    "h2o": (
        "** Reported on validation data. **\n\nMSE: 0.16\nMean Per-Class Error: 0.2\nAUC: 0.86\n\n"
        "** Reported on train data. **\n\nMSE: 0.12\nMean Per-Class Error: 0.1\nAUC: 0.92\n",
        {"val_MSE": 0.16, "val_AUC": 0.86, "train_MSE": 0.12, "train_AUC": 0.92},
    ),
    "espnet": (
        "2epoch results: [train] iter_time=1.2e-04, acc=0.712, loss=46.17, time=3.2 seconds, total_count=1234, "
        "[valid] cer_ctc=0.21, acc=0.81, loss=23.38, time=12.3 seconds\n",
        {"val_acc": 0.81, "val_loss": 23.38, "train_acc": 0.712, "train_loss": 46.17},
    ),
    "stable-baselines-eval": (
        "| eval/              |           |\n|    mean_reward     | -1.35e+03 |\n"
        "| rollout/           |           |\n|    ep_rew_mean     | -1.2e+03  |\n",
        {"eval_mean_reward": -1350.0, "ep_rew_mean": -1200.0},
    ),
    "xgboost-folds": (
        "[9]\ttrain-auc:0.95234+0.00123\ttest-auc:0.90123+0.00512\n",
        {"test-auc": 0.90123, "train-auc": 0.95234},
    ),
    "fasttext": ("N\t3000\nP@1\t0.565\nR@1\t0.244\n", {"P@1": 0.565, "R@1": 0.244}),
    "described-bar": (
        "\rValid epoch 1 loss: 0.8:  25%|██        | 1/4 [00:01<00:02]\rValid epoch 1 loss: 0.7: 100%|███| 4/4\n",
        {"val_loss": 0.7},
    ),
    "losses-of-two-networks": (
        "[4/5][1550/1583]\tLoss_D: 0.6721\tLoss_G: 3.0913\tD(x): 0.7676\tD(G(z)): 0.2715 / 0.0673\n",
        {"Loss_D": 0.6721, "Loss_G": 3.0913},
    ),
    "libsvm": (
        "Accuracy = 86.6667% (234/270) (classification)\nCross Validation Accuracy = 84.1%\n",
        {"cross_validation_accuracy": 84.1, "accuracy": 86.6667},
    ),
    "old-yolov5": (
        "   Class   Images   Labels      P      R     mAP@.5 mAP@.5:.95: 100%|██████████| 4/4 [00:01<00:00,  2.5it/s]\n"
        "     all      128      929  0.772  0.671      0.75      0.481\n",
        {"mAP@.5": 0.75, "mAP@.5-.95": 0.481},
    ),
    "parts-of-the-data-in-columns": (
        "2024-03-01 10:00:00,123 - INFO - allennlp.training.logger -           Training |  Validation\n"
        "2024-03-01 10:00:00,123 - INFO - allennlp.training.logger - accuracy      |     0.912  |     0.881\n"
        "2024-03-01 10:00:00,123 - INFO - allennlp.training.logger - gpu_memory_MB |  1024.1  |       N/A\n"
        "\n| metric | test |  val |\n|---|---|---|\n| F1 | 0.7 | 0.6 |\n",
        {"val_accuracy": 0.881, "val_F1": 0.6, "test_F1": 0.7, "train_accuracy": 0.912},
    ),
    "lm-evaluation-harness": (
        """
|  Tasks  |Version|Filter|n-shot|  Metric  |   |Value |   |Stderr|
|---------|------:|------|-----:|----------|---|-----:|---|-----:|
|hellaswag|      1|none  |     0|acc       |↑  |0.2892|±  |0.0045|
|         |       |none  |     0|acc_norm  |↑  |0.3114|±  |0.0046|
""",
        {"hellaswag_acc": 0.2892, "hellaswag_acc_norm": 0.3114},
    ),
    "pytorch-geometric": (
        "Epoch: 001, Loss: 1.9, Train: 0.30, Val: 0.25, Test: 0.24\n"
        "Epoch: 200, Loss: 0.1, Train: 1.0000, Val: 0.7920, Test: 0.8150\n",
        {"val": 0.792, "loss": 0.1, "test": 0.815, "train": 1.0},
    ),
    "litgpt": (
        "iter 200 step 200 | loss train: 2.112, val: 2.210 | iter time: 3.1 ms\n",
        {"val_loss": 2.21, "train_loss": 2.112},
    ),
    "parts-behind-a-metric": (
        "Epoch 5: Loss - train: 0.31, val: 0.35; Acc - train: 0.9, val: 0.8\nF1 (train: 0.7, val: 0.6)\n",
        {"val_loss": 0.35, "val_acc": 0.8, "val_F1": 0.6, "train_loss": 0.31, "train_acc": 0.9, "train_F1": 0.7},
    ),
    "levels-of-loggers": (
        "[2024-03-01 10:00:00](a.py 16): INFO Max acc: 81.2%\n[INFO] Validation results:\n[INFO] accuracy: 0.9\n",
        {"val_accuracy": 0.9, "max_acc": 81.2},
    ),
    "json-after-settings": (
        '{\n  "lr": 0.1,\n  "loss": {"ce_loss": 1.0},\n  "batch_size": 8\n}\n'
        '{\n  "val_acc": 0.8,\n  "epochs": 3,\n  "lr": 0.1\n}\nval_f1: 0.7\n',
        {"val_acc": 0.8, "val_f1": 0.7},
    ),
    "a-heading-above-times": (
        "Test results:\naccuracy: 0.8\ntime: 3.1 s\nF1: 0.4\n",
        {"test_accuracy": 0.8, "test_F1": 0.4},
    ),
    "spinning-up": (
        "|        Epoch |        0 |\n| AverageEpRet |     21.9 |\n|        EpLen |     21.9 |\n"
        "|       LossPi | 3.26e-07 |\n",
        {"AverageEpRet": 21.9, "LossPi": 3.26e-07},
    ),
    "an-unclosed-bracket": ("Config: odd :( lr 0.1\nval_acc: 0.8\n", {"val_acc": 0.8}),
    "a-best-value-before-there-is-one": (
        "best_val_loss: inf\nbest_acc = 0.0\nval_acc: 0.6 best_val_acc: 0.6\n",
        {"val_acc": 0.6, "best_val_acc": 0.6},
    ),
    "after-settings": (
        "Namespace(lr=0.1, ce_loss=1.0,\n          dice_loss=0.5,\n          val_acc=0.3)\nval_acc: 0.71\n",
        {"val_acc": 0.71},
    ),
    "json-of-texts": (
        '{"epoch": 1, "valid_loss": "4.9", "valid_ppl": "30.2", "valid_wps": "1000", "valid_num_updates": "9"}\n',
        {"valid_loss": 4.9, "valid_ppl": 30.2},
    ),
}
# What stands where in the training, and is not final.
REPORTS = {
    "word_language_model": [
        {"epoch": 1, "loss": 8.04, "ppl": 3100.17, "valid_loss": 6.43, "valid_ppl": 620.78},
        {"epoch": 2, "loss": 7.07, "ppl": 1180.25, "valid_loss": 6.44, "valid_ppl": 624.99},
    ],
    "nanoGPT": [
        {"step": 0, "train_loss": 3.3038, "val_loss": 3.3133, "loss": 3.3035},
        {"step": 10, "loss": 3.2971},
        {"step": 20, "train_loss": 3.2301, "val_loss": 3.2524},
        {"step": 20, "loss": 3.2509},
    ],
    "xgboost": [
        {"step": 0, "validation_0-rmse": 0.52646, "train-rmse": 0.43316},
        {"step": 1, "validation_0-rmse": 0.42, "train-rmse": 0.31},
    ],
    "skorch": [
        {"epoch": 1, "train_loss": 0.6868, "valid_acc": 0.56, "valid_loss": 0.6748},
        {"epoch": 2, "train_loss": 0.6706, "valid_acc": 0.635, "valid_loss": 0.66},
    ],
    "epochs-in-brackets": [
        {"epoch": 1, "train_loss": 0.5, "val_loss": 0.4},
        {"epoch": 2, "train_loss": 0.4, "val_loss": 0.45},
    ],
    "yunjey": [{"epoch": 1, "loss": 0.5212}, {"epoch": 5, "loss": 0.2}],
}
WITHOUT = {
    "nothing": "",
    "bars": BAR + "\nDownloading: 100%|██████████| 1.2M/1.2M [00:01<00:00, 1.1MB/s]\n",
    "times": "took 3.2 s\nElapsed: 0:01:02.5\ntest time: 0.3\neval_runtime = 12\nval latency: 3 ms\nseconds: 3.1\n",
    "rates": "SPS: 209\nthroughput: 120.5\n30.2 samples/s\ntrain_samples_per_second = 81.2\n1,200 tokens/sec\nfps=9\n",
    "places": "epoch 3\nstep 100/1000\nEpoch 1/3\niteration: 7\nglobal_step=100\n[10/98]\n",
    "learning rates": "lr 0.1\nlearning rate: 1e-3\nReducing learning rate of group 0 to 1.0000e-04.\nLR: 2.5e-03\n",
    "sizes": "batch size: 32\nNum examples = 100\nmodel #params: 18651\nvocab_size=27\nnum parameters: 0.03M\n",
    "memory": "GPU memory: 3.2 GB\nmax mem: 1024\nAllocated 3.5 GiB\nmemory 12.5%\n",
    "versions": "torch 2.1.0\npython 3.11\nCUDA 12.1, cuDNN 8.9.2\nloss.py version 1.2\n",
    "dates": "2024-01-01 12:00:00,123 INFO done\n01/02/2024\nNov 29 07:38:15\n",
    "addresses": "http://127.0.0.1:6006/?loss=0.5\nlistening on 0.0.0.0:8080\nsee https://x.org/acc/0.9\n",
    "files": "saved epoch=1-val_loss=0.5.ckpt\nwrote out/acc0.93.pth\nloss.py:12: UserWarning: bad\nm_acc_0.9.pt\n",
    "settings": "Namespace(lr=0.1, label_smoothing=0.1, loss_weight=0.5, target_loss=0.2, precision=16, loss=0.5)\n",
    "settings below each other": "Hyperparameters:\n  lr: 0.1\n  accuracy: 0.9\n  loss_weight: 0.5\n\n",
    "settings of Trainer": "TrainingArguments(\nlabel_smoothing_factor=0.0,\nmax_grad_norm=1.0,\nloss=0.5,\n)\n",
    "a command": "$ python train.py --loss 0.5 --acc=0.9\n+ ./train --val-loss 1.5\n",
    "weights and thresholds": (
        "loss_weight: 0.5\nreward_scale = 2.0\nkl_coef: 0.2\nvf_loss_coeff: 0.5\nscore_threshold=0.05\n"
        "accuracy_threshold: 0.9\nloss_scale: 65536.0\nmin_loss_delta: 0.001\nlabel smoothing 0.1\n"
    ),
    "baselines": "Majority class accuracy 0.6\nLoading checkpoint with val loss 0.3\nResuming from best acc 0.8\n",
    "targets": "target acc: 0.9\nbaseline loss: 0.6\nrandom accuracy = 0.5\nexpected reward 1.0\nprevious loss: 0.4\n",
    "counts": "errors: 3\n5 passed, 2 failed\n3 hits\nnum_losses: 3\nerror 404\nexit code 1\n",
    "prose": "accuracy improved 3 times\nthe loss of 3 models\nusing 2 losses\nloss decreased by half in 3 epochs\n",
    "changes": "Validation loss decreased (0.512345 --> 0.432).  Saving model ...\nval_loss improved from 0.5 to 0.3\n",
    "precision": "precision: 16\nprecision=32\nUsing 16bit precision\nfp16 precision 0.1\n",
    "names of losses": "loss: mse\nmetric: accuracy\nloss=CrossEntropyLoss()\nloss_fn = 1\nloss function: 2\n",
    "european numbers": "acc: 0,93\nloss: 0,935\n",
    "lists": "loss: [0.3, 0.4]\nacc = (0.5, 0.6)\nlosses: 0.3/0.4\nscores=[1, 2, 3]\ntrain/val loss: 0.5 / 0.6\n",
    "conditions": "stop if loss < 0.5\naccuracy >= 0.9\nloss <= 0.1\n",
    "tensors": "tensor([[0.1, 0.2],\n        [0.3, 0.4]])\n[ 0.0000,  0.0433]\n",
    "trees": "booster[0]:\n0:[odor=none] yes=1,no=2\n\t\t3:leaf=1.92847228\n",
    "text": "tdxektha\nna\ngalciar\n0 samples that are in train:\n10 samples that are new:\n",
    "a table of settings": "| name | value |\n|---|---|\n| lr | 0.1 |\n| batch_size | 32 |\n| gamma | 0.99 |\n",
    "warnings": (
        "UserWarning: F-score is ill-defined and being set to 0.0 in labels with no predicted samples.\n"
        "ConvergenceWarning: Objective did not converge. Duality gap: 3.5, tolerance: 0.1\n"
    ),
    "catboost": "0:\tlearn: 0.6520\ttest: 0.6530\tbest: 0.6530 (0)\ttotal: 50ms\tremaining: 5s\n",
    "a table of data": "   id  score  label\n0   1    0.5      1\n1   2    0.7      0\n",
    "parts of the data": (
        "Train: 45000 | Val: 5000 | Test: 10000\ntrain: 0.8, val: 0.1, test: 0.1\nepoch 1 train: 12.3s val: 3.1 s\n"
    ),
    "a grid of settings": "[CV 1/2] END alpha=0.1, loss=hinge;, score=(train=0.912, test=0.887) total time=   0.0s\n",
    "found settings": "best_params_: {'alpha': 0.1, 'epsilon_loss': 0.3}\nBest parameters: {'huber_loss': 0.5}\n",
    "a table of settings that were tried": (
        "  mtry  Accuracy   Kappa\n  2     0.9533333  0.93\n  3     0.9600000  0.94\n  4     0.9533333  0.92\n"
    ),
    "energies": (
        " Pressure (bar)   Constr. rmsd\n   -1.20000e+01    2.00000e-06\n"
        "        horizon        mse      rmse\n0  37 days   0.4900  0.7000\n"
    ),
    "optuna": "[I 2024-01-01 12:00:00,123] Trial 0 finished with value: 0.5 and parameters: {'x': 1}. Best is 0.\n",
    "costs": "cost: $0.02\nprice: 3.5\nemissions: 0.3 kg\npower: 250 W\n",
}


@pytest.fixture
def found(tmp_path):
    def of(log, given=(), **options):
        (tmp_path / "log.txt").write_bytes(log.encode())
        return find_metrics(ProgramOutput(tmp_path, None, Mark(tmp_path / "log.txt")), given=given, **options)

    return of


@pytest.mark.parametrize("name", FORMATS)
def test_a_log_holds_these_metrics_and_no_others(found, name):
    log, metrics = FORMATS[name]
    assert list(map(repr, found(log).metrics.items())) == list(map(repr, metrics.items()))  # in this order


@pytest.mark.parametrize("name", REPORTS)
def test_the_curves_come_with_them(found, name):
    assert list(found(FORMATS[name][0]).reports) == REPORTS[name]


@pytest.mark.parametrize("name", WITHOUT)
def test_a_log_without_metrics_holds_none(found, name):
    assert found(WITHOUT[name]).metrics == {}


def test_the_numbers_of_an_entire_log_together_are_no_metrics(found):
    assert found("\n".join(WITHOUT.values())).metrics == {}


@pytest.mark.parametrize("name", FORMATS)
def test_metrics_are_found_among_lines_that_hold_none(found, name):
    log, metrics = FORMATS[name]
    around = "\n".join(log for each, log in WITHOUT.items() if "settings" not in each)
    assert found(f"{around}\n\n{log}\n{around}").metrics.keys() == metrics.keys()


def test_what_the_program_was_given_is_no_metric(found):
    log = "extra_loss = 0.3\nval_loss: 0.5\n"
    assert found(log).metrics == {"val_loss": 0.5, "extra_loss": 0.3}
    assert found(log, given=["extraloss"]).metrics == {"val_loss": 0.5}


EPOCHS = "epoch 1 val_loss: 0.1 val_acc: 0.7\nepoch 2 val_loss: 0.08 val_acc: 0.8\n"


@pytest.mark.parametrize(
    "line",
    [
        '{"lr": 0.1, "gamma": 0.99, "env": "CartPole-v1"}',
        '{"lr": 0.1, "gamma": 0.99}',
        '{"lr": 0.1, "l2": 0.01, "epochs": 3}',
        '{"dropout_loss": 0.5}',
        '{"l2": 0.1, "data": "mnist", "seed": 0}',
        '{"level": "info", "msg": "flushed", "errors": 0, "retries": 0}',
        '{"msg": "data loaded", "missing": 12}',
    ],
)
def test_a_line_of_json_with_settings_or_of_a_log_does_not_hide_what_is_printed(found, line):
    for log in (f"{line}\n{EPOCHS}", f"{EPOCHS}{line}\n"):
        assert first_metric(found(log, given=["dropoutloss"]).metrics) == "val_loss"


@pytest.mark.parametrize("line", ['{"accuracy": 0.93}', '{"quality": 0.93}', '{"val": {"accuracy": 0.93}}'])
def test_a_line_of_json_with_a_result_comes_before_what_is_printed(found, line):
    assert list(found(f"{EPOCHS}{line}\n").metrics.values()) == [0.93]


def test_lines_of_a_log_in_json_may_say_one_thing_each(found):
    log = '{"event": "eval", "val_loss": 0.5}\n{"event": "uploaded", "error_rate": 0.1}\n'
    assert found(log).metrics == {"val_loss": 0.5, "error_rate": 0.1}
    log = log.replace("0.5", "0.7") + log + '{"event": "closed", "dropped": 0}\n'
    assert first_metric(found(log).metrics) == "val_loss"
    assert found('{"model": "x", "toxicity": 0.1}\n').metrics == {"toxicity": 0.1}  # where there is nothing else


WORDS = st.sampled_from(
    """the a of model loaded epoch step lr rate batch size time took ms data worker gpu seed run
samples param warmup device total 0 1 3.5 1e-3 10/98 50% [5] [1/3] : = | , - ( ) it/s 2024-01-01 12:30:01""".split()
)


@given(st.lists(st.lists(WORDS, max_size=12), max_size=20))
def test_lines_without_the_name_of_a_metric_never_hold_one(tmp_path_factory, lines):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    log.write_text("\n".join(map(" ".join, lines)))
    assert find_metrics(ProgramOutput(log.parent, None, Mark(log))).metrics == {}


@given(st.text(st.characters(codec="utf-8"), max_size=400))
def test_no_text_is_too_odd(tmp_path_factory, text):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    log.write_text(text, newline="")
    for name, value in find_metrics(ProgramOutput(log.parent, None, Mark(log))).metrics.items():
        assert name
        assert isinstance(value, (int, float))


def test_of_many_lines_alike_the_last_counts_and_some_are_points(found):
    lines = "".join(f"epoch {n // 100} step {n} | loss {1 / (n + 1):.6f} | lr 1e-3\n" for n in range(12_001))
    seen = found(f"val acc 0.1\n{lines}val acc 0.9\n")
    assert seen.metrics == {"val_acc": 0.9}
    assert 6_000 < len(seen.reports) < 12_000
    assert seen.reports[-1]["val_acc"] == 0.9
    assert found(lines).metrics == {"loss": 0.000083}
    assert found(lines + "all done: loss 0.5\n").metrics == {"loss": 0.5}


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "a " * 50_000, "loss " * 800, "1 " * 2_000, "= 1 (" * 800, "\b\r" * 50_000]
)
def test_the_time_that_a_line_takes_grows_with_its_length(found, text):
    begin = time.process_time()
    found(text + "\n")
    assert time.process_time() - begin < 5


def test_without_metrics_it_names_what_was_seen(found):
    log = "thing: 0.5\nlr: 0.1\nother_thing = 3\nstep 3\n"
    assert found(log).candidates == ["thing", "lr", "other_thing"]
    assert found("no numbers\n").candidates == []
    assert found("val_loss: 0.5\n").candidates == ()


def test_the_source_is_told_in_a_line(found):
    assert found(FORMATS["word_language_model"][0]).source == (
        "valid_loss, valid_ppl, test_loss and 1 more from the log "
        '(lines such as "| end of epoch 2 | time: 7.81s | valid loss 6.44 | valid ppl 624.99")'
    )
    assert found('{"acc": 0.9}\n').source == "acc from the log (lines of JSON)"
    assert found('done\n{\n  "acc": 0.9,\n  "loss": 0.2\n}\n').source == "acc, loss from the JSON at the end of the log"


def test_patterns_come_first(found):
    log = '{"val_loss": 0.1}\nscore of epoch 1 is <0.5>\nscore of epoch 2 is <0.75>\ndone in 3 s\n'
    patterns = {"score": r"is <([\d.]+)>", "seconds": r"done in (\d+) s", "none": "nothing (x)"}
    assert found(log, patterns=patterns).metrics == {"score": 0.75, "seconds": 3}
    assert found(log, patterns=patterns).reports == [{"score": 0.5}, {"score": 0.75, "seconds": 3}]
    assert found(log, patterns=patterns).source == "score from the log (by gridfold.metrics)"
    assert found(log, patterns={"none": "nothing (x)"}).metrics == {"val_loss": 0.1}


def test_json_that_is_no_result_does_not_hide_lines(found):
    assert found('{"lr": 0.1, "dropout": 0.2}\nval loss: 0.5\n').metrics == {"val_loss": 0.5}
    assert found('{"lr": 0.1, "thing": 0.2}\n').metrics == {"lr": 0.1, "thing": 0.2}


def test_a_list_of_json_over_several_lines_has_one_entry_for_each_epoch(found):
    entries = json.dumps([{"epoch": n, "validation": {"top1": top1}} for n, top1 in enumerate((70.0, 80.0))], indent=4)
    assert found(f"--result\n{entries}").metrics == {"validation.top1": 80.0}
    assert found(entries).reports == [{"epoch": 0, "validation.top1": 70.0}, {"epoch": 1, "validation.top1": 80.0}]

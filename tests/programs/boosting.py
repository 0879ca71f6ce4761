"""Has its parameters in a dictionary and prints a line per round, as the walkthrough of XGBoost does."""

from model import descend, save

params = {"max_depth": 2, "eta": 0.1}
num_round = 6

for round_, (train, valid) in enumerate(descend(params["eta"], num_round)):
    print(f"[{round_}]\ttrain-rmse:{train:.5f}\tvalidation-rmse:{valid:.5f}")
save("model-0.json", lr=params["eta"], metric=round(valid, 5))

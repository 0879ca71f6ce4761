"""Takes ``--name=value`` for its global variables and writes out/ckpt.pt, as nanoGPT does."""

from pathlib import Path

from model import descend, save

out_dir = "out"
max_iters = 20
eval_interval = 10
learning_rate = 1e-1
compile = True
config_keys = [
    name for name, value in globals().items() if not name.startswith("_") and isinstance(value, int | float | str)
]
exec((Path(__file__).parent / "gpt_options.py").read_text())
config = {name: globals()[name] for name in config_keys}

print(f"tokens per iteration will be: {256:,}")
print("number of parameters: 0.03M")
for iteration, (train, val) in enumerate(descend(learning_rate, max_iters + 1)):
    if iteration % eval_interval == 0:
        print(f"step {iteration}: train loss {train:.4f}, val loss {val:.4f}")
        print(f"saving checkpoint to {out_dir}")
        save(f"{out_dir}/ckpt.pt", lr=config["learning_rate"], metric=round(val, 4))
    print(f"iter {iteration}: loss {train:.4f}, time {8.15:.2f}ms, mfu {0.0:.2f}%")

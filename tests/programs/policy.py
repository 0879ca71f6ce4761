"""Writes TensorBoard event files in runs/ENVIRONMENT__NAME__SEED__SECOND, as CleanRL's ppo.py does."""

import os
import sys
import time
from dataclasses import dataclass, fields

from model import descend, save
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


@dataclass
class Args:
    """What can be given as ``--name value`` or ``--name=value``, with dashes or underscores."""

    exp_name: str = os.path.basename(__file__)[: -len(".py")]
    seed: int = 1
    env_id: str = "CartPole-v1"
    learning_rate: float = 0.1
    total_timesteps: int = 2048


def parse(arguments):
    """Read the arguments: a flag and its value, or both in one."""
    kinds = {field.name: type(field.default) for field in fields(Args)}
    words = iter(arguments)
    values = {}
    for word in words:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        values[name] = kinds[name](value if equals else next(words))
    return Args(**values)


args = parse(sys.argv[1:])
folder = f"runs/{args.env_id}__{args.exp_name}__{args.seed}__{int(time.time())}"
writer = EventFileWriter(folder)
for update, (train, valid) in enumerate(descend(args.learning_rate, 4), start=1):
    step = update * args.total_timesteps // 4
    episodic_return = 100 - 10 * valid
    print(f"global_step={step}, episodic_return=[{episodic_return:.0f}.]")
    print("SPS:", 340 - update)
    scalars = {"charts/episodic_return": episodic_return, "charts/learning_rate": args.learning_rate / update}
    for tag, value in {**scalars, "losses/value_loss": train, "charts/SPS": 340 - update}.items():
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
writer.close()
save(f"{folder}/agent.pt", lr=args.learning_rate, metric=episodic_return)

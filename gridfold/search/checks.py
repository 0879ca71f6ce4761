"""What the trainer is asked before the first run of a search: can these configs be trained?"""

from __future__ import annotations

from dataclasses import dataclass

from gridfold.config.form import Form, Params
from gridfold.identity import reads
from gridfold.identity.fingerprint import Code
from gridfold.trainers.function import FunctionTrainer
from gridfold.trainers.protocol import Remark
from gridfold.trainers.resolve import check_holds_out, resolve


@dataclass(frozen=True)
class Checks:
    """Checks of configs, for the process in which the trainer is imported: nothing of the config is parsed there.

    Attributes:
        trainer: whose checks.
        named: the trainer without the values in its command (see ``placeholders.trainer_named``).
        holds_out: whether it is to hold out a part of the data.
        configs: the configs, as forms with the values to fill in.
    """

    trainer: str | tuple[str, ...]
    named: str | tuple[str, ...]
    holds_out: bool
    configs: tuple[tuple[Form, Params], ...]

    def __call__(self) -> tuple[Code, tuple[Remark, ...]]:
        """Check them all.

        Returns:
            The trainer's code, and what it has to say of the configs.

        Raises:
            ConfigError: the trainer cannot be found, or refuses a config.
        """
        trainer = resolve(self.trainer)
        code = Code.of(self.named, reads.current())  # before what the checks read
        if self.holds_out:
            form, params = self.configs[0]
            check_holds_out(trainer, form.filled(params))
        remarks: dict[Remark, None] = {}
        if not isinstance(trainer, FunctionTrainer):  # which takes any
            for form, params in self.configs:
                config = form.filled(params)
                trainer.check(config)
                remarks |= dict.fromkeys(trainer.remarks(config) if hasattr(trainer, "remarks") else ())
        return code, tuple(remarks)

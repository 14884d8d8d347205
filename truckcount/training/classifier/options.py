"""How a classifier is trained: every choice in one value."""

from dataclasses import dataclass

from truckcount.errors import ConfigError

OPTIMIZERS = ("adam", "adamw")
BALANCES = ("sample", "none")
AUGMENTATIONS = ("full", "light", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierOptions:
    """Options of `truckcount train` for the zoo."""

    network: str = "seed"
    dropout: float = 0.0
    batch_norm: bool | None = None
    """None: as the network was published, or as `start` has it."""
    is_pretrained: bool = False
    start: str | None = None
    """Weights file or run folder of the same network to learn on from."""
    input_px: int | None = None
    n_epochs: int = 12
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    l1: float = 0.0
    """Adds ``l1 sign(w)`` to the gradient of weights, not of biases and norms."""
    l2: float = 0.0
    """Adds ``l2 w``, likewise."""
    weight_decay: float = 0.01
    """Of AdamW alone: shrinks weights apart from the gradient, likewise."""
    head_epochs: int = 0
    """First epochs in which only the new head learns; the rest stays as it came."""
    body_factor: float = 0.1
    """The rest learns at this share of the rate, where it is pretrained."""
    warmup_steps: int = 50
    ema_decay: float = 0.99
    """Of the average of weights that is validated and kept; 0 keeps the last ones."""
    patience: int = 5
    """Epochs without a better validation loss after which training ends; 0: never."""
    balance: str = "sample"
    """``sample`` draws as many frames with trucks as without."""
    augmentation: str = "full"
    is_amp: bool | None = None
    """bfloat16 autocast; None: on CUDA only (a CPU without AMX only emulates it)."""
    n_workers: int = 0
    seed: int = 0
    checkpoint_every: int = 200
    """Steps; also at the end of every epoch."""

    def __post_init__(self) -> None:
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("balance", BALANCES),
            ("augmentation", AUGMENTATIONS),
        ):
            if getattr(self, name) not in known:
                msg = f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}"
                raise ConfigError(msg)
        if self.start is not None and self.is_pretrained:
            msg = "start from ImageNet or from weights of your own, not from both"
            raise ConfigError(msg)
        for name in ("n_epochs", "batch_size", "checkpoint_every"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1, got {getattr(self, name)}"
                raise ConfigError(msg)
        for name in ("l1", "l2", "weight_decay", "head_epochs", "patience"):
            if getattr(self, name) < 0:
                msg = f"{name} must not be negative, got {getattr(self, name)}"
                raise ConfigError(msg)
        if not 0 < self.learning_rate <= 1 or not 0 <= self.ema_decay < 1:
            msg = (
                f"want 0 < learning_rate <= 1 and 0 <= ema_decay < 1, got "
                f"{self.learning_rate} and {self.ema_decay}"
            )
            raise ConfigError(msg)

"""The training of the denoisers of one cascade, through its frozen task network."""

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.joint.learner import JointLearner
from redenoise.joint.losses import Weights
from redenoise.joint.training import LabelledTraining
from redenoise.models import denoisers, recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.stored import load_task, task_spec
from redenoise.support.files import sha256_file
from redenoise.training.run import Member


class Cascade(LabelledTraining):
    """The denoisers of one cascade at one scale."""

    def __init__(self, config: Config, key: str) -> None:
        super().__init__(config, "cascade", key)
        self.task = load_task(config, self.entry["task"])
        self.weights = Weights(*(self.entry[name] for name in ("reconstruction", "range", "perceptual", "high_level")))

    def member(self, model: str, sigma_range: list[float]) -> Member:
        """One denoiser, which starts from the one of its family."""
        initial = paths.weights(self.config.scale, self.entry["initial"]) / f"{model}.safetensors"
        network, spec = load_network(initial)
        learner = JointLearner(
            network, sigma_range, self.schedule, self.mode, self.device, task=self.task, weights=self.weights
        )
        task, name = self.entry["task"], task_spec(self.config, self.entry["task"])["name"]
        key = self.labelled_key(
            spec,
            sigma_range,
            [denoisers.source(spec["name"]), recognizers.source(name)],
            losses=vars(self.weights),
            initial=sha256_file(initial),
            task=sha256_file(paths.task(self.config.scale, task) / "model.safetensors"),
        )
        return Member(model, learner, self.checkpoints / f"{model}.safetensors", key)

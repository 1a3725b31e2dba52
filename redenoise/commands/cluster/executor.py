"""What Snakemake's Slurm executor must not do: forget its jobs when Slurm does not answer."""

from collections.abc import AsyncIterator
from typing import Any


def keep_asking() -> None:
    """Let the Slurm executor ask again after jobs about which it could learn nothing.

    Its `check_active_jobs` is to hand back the jobs that still run. Where all its questions fail, as they do within an
    instant while slurmctld or slurmdbd is restarted, it hands back none (2.8.0), and Snakemake waits for ever for jobs
    that nobody asks after (snakemake/snakemake-executor-plugin-slurm, issue 207). Here it hands back all of them. An
    executor of another build, without a count of answers, is left as it is.
    """
    from snakemake_executor_plugin_slurm import Executor  # only a run under Slurm has it

    check = Executor.check_active_jobs

    async def checked(self: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        answers = getattr(self, "_status_query_calls", None)
        async for job in check(self, active_jobs):
            yield job
        if answers is not None and self._status_query_calls == answers:
            for job in active_jobs:
                yield job

    Executor.check_active_jobs = checked

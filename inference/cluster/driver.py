"""A run on Ray: the driver cuts the inputs into shards, workers make parts of them, the driver enters the parts."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...labels.errors import ConfigError, EventRolesError, require
from ..cores import usable_cores
from ..dataset.folder import Dataset
from ..options import RunOptions
from ..outcome import Origin, Progress, RunSummary
from ..remote import is_of_this_process, is_remote, place
from ..results import TaggedDocument
from ..run import Stop, check_request, is_folder, run_folder
from .benches import close_benches, open_benches
from .shards import Shard, cut_shards
from .worker import Job, ModelChoice, ShardWorker, read_answer

_OBJECT_STORE = 128 << 20  # bytes; only shards and their answers go through it
_ANSWER_SECONDS = 10.0
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else its C++ parts write to the terminal
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else it warns that this will become the default
}


@dataclass(frozen=True)
class Pool:
    """The workers of a cluster: how many, and the threads and GPUs of each."""

    workers: int
    threads: int
    gpus: int


def check_cluster(
    inputs: Sequence[str | Path], *, output: str | Path, options: RunOptions, address: str | None = None
) -> None:
    """Refuse what cannot run on Ray before a model is loaded.

    Raises:
        ConfigError: see `check_request`; or the output is no dataset folder, or the address one of Ray's client.
        EventRolesError: Ray is not installed.
    """
    check_request(inputs, output=output, options=options)
    if not is_folder(output):
        raise ConfigError(
            f"workers write one part each, so that --engine ray needs a dataset folder; name an --output without "
            f"extension, not {output}"
        )
    if address is not None and address.startswith("ray://"):
        raise ConfigError(
            f"Ray Data does not work through Ray's client ({address}); run the command on a machine of the cluster, "
            "with --ray-address auto"
        )
    for name in map(str, (*inputs, output)):
        if is_of_this_process(name):
            raise ConfigError(f"{name} is in the memory of this process, where workers do not see it; use a folder")
    with _quiet():
        pass  # this has imported Ray


def run_on_ray(
    model: ModelChoice,
    inputs: Sequence[str | Path],
    *,
    output: str | Path,
    origin: Origin,
    options: RunOptions = RunOptions(),  # noqa: B008  frozen, so that all calls can share it
    address: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[Progress, TaggedDocument | None], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> RunSummary:
    """Tag every document of files and folders into a dataset folder, as `run` does, on several workers.

    The rows are those of `run`; their order and the numbers of the parts are not. A run that `run` has begun can go on
    here, and the other way round. A worker that dies is started again and its part made anew. One file is read by one
    worker and goes into one part.

    Args:
        model: the model; a local folder must be there on all machines.
        inputs: files, folders and addresses, which all machines must see under the same path.
        output: the dataset folder; likewise.
        origin: what `Tagger.origin` says of the model.
        options: what to read and how to write.
        address: of a cluster that is there, such as ``auto`` or ``10.0.0.1:6379``; by default one is started on this
            machine, and ended.
        workers: processes that tag; by default one for each CPU, or for each GPU if the model runs on one.
        on_progress: called after each part, with None in place of the document.
        stop: asked after each part: true ends the run there. Parts under way are given up, and made by the next run.

    Raises:
        ConfigError: an input does not exist, here or on a worker; the output is no dataset folder, or one of another
            model or other options; there is no cluster at the address.
        DataError: the output cannot be written.
        EventRolesError: Ray is not installed, or the same shard killed its workers again and again.
    """
    check_cluster(inputs, output=output, options=options, address=address)
    output = place(output)
    progress = Progress(on_progress)
    job = Job(_shared(model, origin), origin, str(Path.cwd()), tuple(map(str, inputs)), str(output), options, threads=1)

    def fill(dataset: Dataset, stopped: Stop) -> None:
        shards = list(cut_shards(dataset, size=options.part_size))
        if not shards:
            return
        with _benches(output), closing(_answers(ray, shards, job, pool)) as answers:
            for number, answer in enumerate(answers, 1):
                done = read_answer(answer)
                dataset.enter(done.part)
                progress.add(done.part, read=done.read, truncated=done.truncated, repeated=done.repeated)
                if number < len(shards) and stopped():
                    return

    on_gpu = model.device.startswith("cuda")
    with connected(address, workers, on_gpu=on_gpu) as (ray, pool):
        job = replace(job, threads=pool.threads)
        named = f"{origin.engine} on ray, {pool.workers} worker{'s' * (pool.workers > 1)}"
        return run_folder(
            fill,
            inputs,
            output=output,
            origin=replace(origin, engine=named),
            options=options,
            progress=progress,
            stop=stop,
        )


def _answers(ray: Any, shards: Sequence[Shard], job: Job, pool: Pool) -> Generator[str, None, None]:
    """Yield the answers of the workers, as they come.

    Raises:
        EventRolesError: the cluster fails.
    """
    # The largest come first, so that no worker is left with one of them at the end.
    items = [{"shard": shard.as_json()} for shard in sorted(shards, key=lambda shard: -shard.size)]
    # There is no stage before the workers: it would need CPUs of its own, and starves where they have all. Ray Data
    # starts workers that died again and gives them what they were at, without being told.
    answers = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        ShardWorker,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(pool.workers, len(items)), max_tasks_in_flight_per_actor=1),
        num_cpus=pool.threads,
        num_gpus=pool.gpus,
    )
    batches = iter(answers.iter_batches(batch_size=None, prefetch_batches=0))
    try:
        for batch in batches:
            yield from map(str, batch["answer"])
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[0]
        raise EventRolesError(
            f"Ray gave up ({reason}); see that the cluster is up and has memory for the workers, and run the same "
            "command again to go on"
        ) from error


def _shared(model: ModelChoice, origin: Origin) -> ModelChoice:
    """Return the choice that means the same model on every machine."""
    folder = Path(model.name).expanduser()
    if folder.is_dir():
        return replace(model, name=str(folder.absolute()))
    # A branch may move before the last worker has started; the commit does not.
    return model if is_remote(model.name) else replace(model, revision=origin.revision)


@contextmanager
def _benches(output: str | Path) -> Iterator[None]:
    if not isinstance(output, Path):
        yield
        return
    open_benches(output)
    try:
        yield
    finally:
        close_benches(output)


@contextmanager
def connected(address: str | None, workers: int | None, *, on_gpu: bool) -> Iterator[tuple[Any, Pool]]:
    """Connect to a cluster, or start one on this machine, and end what was started here.

    Raises:
        ConfigError: there is no cluster at the address, or none with a GPU.
        EventRolesError: Ray is not installed.
    """
    with _quiet() as ray:
        yield from _connect(ray, address, workers, on_gpu=on_gpu)


def _connect(
    ray: Any, address: str | None, workers: int | None, *, on_gpu: bool
) -> Generator[tuple[Any, Pool], None, None]:
    if ray.is_initialized():  # by the caller, who ends it, too
        yield ray, _pool(ray, workers, on_gpu=on_gpu)
        return
    cores = usable_cores()
    threads = max(1, cores // (workers or cores))
    start: dict[str, Any] = {"address": address}
    if address is None:
        start = {
            "address": "local",
            "num_cpus": threads * (workers or cores),
            "object_store_memory": _OBJECT_STORE,
            "include_dashboard": False,
        }
    on_end = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(**start, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        where = f"no Ray cluster at {address}" if address else "Ray does not start on this machine"
        raise ConfigError(
            f"{where}: {reason}. Start one with `ray start --head` and name its --ray-address, with the same versions "
            "of Ray and Python as here; set RAY_AUTH_MODE=token if it asks for a token"
        ) from error
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_end)  # Ray puts its own there
        pool = _pool(ray, workers, on_gpu=on_gpu)
        yield ray, replace(pool, threads=threads) if address is None and not on_gpu else pool
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise an `OSError` if nobody listens at an address: Ray itself would try for ten minutes."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()


def _pool(ray: Any, workers: int | None, *, on_gpu: bool) -> Pool:
    there = int(ray.cluster_resources().get("GPU" if on_gpu else "CPU", 0))
    if on_gpu and not there:
        raise ConfigError("the Ray cluster has no GPU, where the model was to run; choose --device cpu")
    return Pool(workers or max(1, there), threads=1, gpus=int(on_gpu))


@contextmanager
def _quiet() -> Iterator[Any]:
    """Give Ray, and keep it from writing to the terminal and from reporting its use."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        with warnings.catch_warnings():
            # Ray warns of deprecated names that it uses itself, first of all when it is imported.
            warnings.filterwarnings("ignore", module=r"ray\.")
            data = require("ray.data", extra="ray")
            log, context = logging.getLogger("ray.data"), data.DataContext.get_current()
            level, bars = log.level, context.enable_progress_bars
            log.setLevel(logging.ERROR)
            context.enable_progress_bars = False
            try:
                yield require("ray", extra="ray")
            finally:
                context.enable_progress_bars = bars
                log.setLevel(level)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

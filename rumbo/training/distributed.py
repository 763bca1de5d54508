# pyright: strict, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Several processes that train one network: the only file that knows of ranks. PyTorch does the work, without pickle.

Each process takes its part of every step. DistributedDataParallel (or FSDP2, where the network is cut into shards) adds
up the gradients, gloo carries them between processors and NCCL between GPUs.
"""

import io
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from rumbo.core.errors import TrainingError
from rumbo.core.messages import t

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

LONGEST_WAIT = timedelta(minutes=10)
"""How long one waits for another's part. A process that dies is noticed at once, by its connection and by whoever
started it. This is for one that hangs, and long enough for one that is late: a slow disk, a step that is compiled."""


class PeerLost(TrainingError):
    """Another process of the team is gone. Its own message, or that of whoever started it, tells why."""


@dataclass(frozen=True)
class Team:
    """The processes of one training, seen from one of them.

    Attributes:
        rank: which one this is, from 0; 0 alone writes the run folder.
        world: how many there are.
        local: which one of those on this machine, from 0: the GPU it takes.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def part(self) -> tuple[int, int]:
        """What a loader must know to deal out its batches."""
        return self.rank, self.world

    @property
    def is_first(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag is true for all where it is for one. All must ask at the same place."""
        if self.world == 1:
            return flags
        votes = torch.tensor(flags, dtype=torch.uint8)
        _torch().all_reduce(votes, op=_torch().ReduceOp.MAX)
        return tuple(map(bool, votes.tolist()))

    def sum(self, value: Tensor) -> Tensor:
        """A tensor added up over all processes, in float64; the same bits for all."""
        if self.world == 1:
            return value
        total = value.detach().double()
        _torch().all_reduce(total)
        return total.to(value)

    def position(self, step: int, part: int) -> tuple[int, ...]:
        """What dropout and mixing are a function of, beside the seed; the first process's is that of one alone."""
        if self.rank:
            return step, part, self.rank
        return (step, part) if part else (step,)

    def from_first(self, value: float) -> float:
        """The first process's number, such as its clock."""
        if self.world == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64)
        _torch().broadcast(number, 0)
        return float(number)

    def wait(self) -> None:
        """Until all have come here."""
        if self.world > 1:
            self.agree(True)

    def leave(self) -> None:
        """Wait until all have come here, then part for good: what one does alone from now on may take any time."""
        self.wait()
        if self.world > 1:
            _torch().destroy_process_group()

    def text_from_first(self, text: str) -> str:
        """The first process's text, such as the name of its folder."""
        return text if self.world == 1 else self._gather_bytes(os.fsencode(text))[0].decode("utf-8", "surrogateescape")

    def gather(self, parts: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """Records dealt out in turn, all of them in order, for everybody.

        Args:
            parts: this process's: its i-th one is the whole's number i x world + rank. All have equally many.
        """
        if self.world == 1:
            return [dict(part) for part in parts]
        packed = io.BytesIO()
        arrays: dict[str, Any] = {f"{i}/{name}": array for i, part in enumerate(parts) for name, array in part.items()}
        np.savez(packed, **arrays)
        everybody = [_unpacked(each, len(parts)) for each in self._gather_bytes(packed.getvalue())]
        return [each[index] for index in range(len(parts)) for each in everybody]

    def _gather_bytes(self, content: bytes) -> list[bytes]:
        """What each process holds, by rank."""
        sizes = [torch.zeros((), dtype=torch.int64) for _ in range(self.world)]
        _torch().all_gather(sizes, torch.tensor(len(content)))
        longest = int(max(sizes))
        mine = torch.zeros(longest, dtype=torch.uint8)
        mine[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else mine[:0]
        all_of_them = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.world)]
        _torch().all_gather(all_of_them, mine)
        return [each[: int(size)].numpy().tobytes() for each, size in zip(all_of_them, sizes, strict=True)]

    def require_same(self, what: str) -> None:
        """Refuse to begin where the processes prepared different things.

        Args:
            what: all that must be the same, as text.

        Raises:
            TrainingError: another process has another text.
        """
        if self.world > 1 and len({*self._gather_bytes(what.encode("utf-8", "backslashreplace"))}) > 1:
            raise TrainingError(
                t(
                    "the processes did not prepare the same training: other data, another version or other options on "
                    "one of the machines. Copy the data to each of them, and start the same command."
                )
            )

    def in_parallel(self, model: nn.Module) -> nn.Module:
        """The network as a step calls it: gradients become the mean over all processes. `model` keeps its names."""
        if self.world == 1 or is_sharded(model):
            return model
        from torch.nn.parallel import DistributedDataParallel

        if not any(weight.requires_grad for weight in model.parameters()):
            return model
        device = next(model.parameters()).device
        return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)

    def sharded(self, model: nn.Module) -> nn.Module:
        """Cut the weights of a network into shards, one per process (FSDP2); done in place, before its optimizer.

        Source: Zhao et al. 2023, arXiv:2304.11277; here each direct part of the network is gathered on its own.
        """
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(next(model.parameters()).device.type, (self.world,))
        for part in _called_parts(model):
            fully_shard(part, mesh=mesh)
        fully_shard(model, mesh=mesh)
        return model

    def adding_up(self, model: nn.Module, *, is_last: bool) -> AbstractContextManager[object]:
        """Around a backward pass: gradients are exchanged with the last part of a step alone."""
        if self.world == 1:
            return nullcontext()
        if is_sharded(model):
            model.set_requires_gradient_sync(is_last)  # pyright: ignore[reportCallIssue]
            return nullcontext()
        no_sync: Any = nullcontext if is_last else getattr(model, "no_sync", nullcontext)
        return no_sync()

    def norm(self, own: Tensor) -> Tensor:
        """The norm of a whole from that of each process's part of it."""
        return self.sum(own.square()).sqrt()

    def same_statistics(self, model: nn.Module) -> None:
        """Give everybody the first process's running statistics, before a network is judged."""
        if self.world > 1:
            for buffer in model.buffers():
                on_cpu = buffer.detach().cpu()
                _torch().broadcast(on_cpu, 0)
                buffer.copy_(on_cpu)


ALONE = Team()


@contextmanager
def joined(meeting_file: str | None = None) -> Generator[Team]:
    """Join the others that were started with this process; alone where there are none.

    Args:
        meeting_file: where the processes of one machine find each other; None: at torchrun's address, if it started
            them.

    Raises:
        PeerLost: another one died, or did not answer for `LONGEST_WAIT`.
    """
    rank, world = (int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
    if world == 1 or (meeting_file is None and "MASTER_ADDR" not in os.environ):
        yield ALONE
        return
    team = Team(rank, world, int(os.environ.get("LOCAL_RANK", rank)))
    has_gpus = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", world))
    if has_gpus:
        torch.cuda.set_device(team.local)
    try:
        _torch().init_process_group(
            "cpu:gloo,cuda:nccl" if has_gpus else "gloo",
            store=None if meeting_file is None else _torch().FileStore(meeting_file, world),
            rank=rank,
            world_size=world,
            timeout=LONGEST_WAIT,
        )
        yield team
    except RuntimeError as error:
        if not _is_of_the_connection(error):
            raise
        raise PeerLost(
            t(
                "process {rank} of {world} lost the connection to another one; that one's message tells why. Go on "
                "from the last checkpoint with --resume.",
                rank=rank,
                world=world,
            )
        ) from error
    if _torch().is_initialized():  # not if all have left already
        _torch().destroy_process_group()


def is_sharded(model: nn.Module) -> bool:
    """Whether a network's weights are cut into shards."""
    return hasattr(model, "set_requires_gradient_sync")


def own_part(tensor: Tensor) -> Tensor:
    """This process's shard of a tensor; others as they are. It shares its memory."""
    return tensor.to_local() if _has_shards(tensor) else tensor  # pyright: ignore[reportAttributeAccessIssue]


def whole(tensor: Tensor) -> Tensor:
    """A tensor put together from the shards of all processes, which must all ask; others as they are."""
    return tensor.full_tensor() if _has_shards(tensor) else tensor  # pyright: ignore[reportAttributeAccessIssue]


def give_weights(model: nn.Module, other: nn.Module) -> None:
    """Put the weights of a network that is cut into shards into its whole twin; all processes must take part."""
    if is_sharded(model):
        device = next(model.parameters()).device
        other.load_state_dict({name: whole(tensor) for name, tensor in model.state_dict().items()})
        other.to(device).train(model.training)


def cut_like(weight: Tensor, tensor: Tensor) -> Tensor:
    """This process's shard of a whole tensor, where the weight that it belongs to is cut."""
    if not _has_shards(weight) or tensor.shape != weight.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    shards: DTensor = weight  # pyright: ignore[reportAssignmentType]
    return distribute_tensor(tensor, shards.device_mesh, shards.placements)


def _called_parts(model: nn.Module) -> Iterator[nn.Module]:
    """The parts with weights that a network calls: those of a list, for nobody calls a list."""
    for part in model.children():
        if isinstance(part, nn.ModuleList | nn.ModuleDict):
            yield from _called_parts(part)
        elif any(weight.numel() for weight in part.parameters()):
            yield part


def _has_shards(tensor: Tensor) -> bool:
    return hasattr(tensor, "full_tensor")


def _unpacked(content: bytes, num_parts: int) -> list[dict[str, np.ndarray]]:
    parts: list[dict[str, np.ndarray]] = [{} for _ in range(num_parts)]
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        for key in arrays.files:
            index, _, name = key.partition("/")
            parts[int(index)][name] = arrays[key]
    return parts


def _is_of_the_connection(error: RuntimeError) -> bool:
    words = ("gloo", "Connection reset", "Connection closed", "NCCL")
    return isinstance(error, _torch().DistError) or any(word in str(error) for word in words)


def _torch() -> Any:
    """`torch.distributed`, which costs nothing to those who are alone."""
    import torch.distributed

    return torch.distributed

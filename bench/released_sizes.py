"""Our pretraining step beside one with the sizes of the authors' released code.

    python bench/released_sizes.py [--batch-size 32 128] [--repeats 5] [--threads 0]
                                    [--precision auto] [--json FILE]

The other model is a stand-in that we wrote from published sizes (docs/fidelity.md), NOT the
authors' code: attention heads each as wide as the token, decoders that flatten all reconstructed
tokens into one dense layer (54 x 128 to 54 x 576 and 24 x 128 to 24 x 1728 in tiny: 215 M + 127 M
weights), AdamW over all of them, fp32. It is plain PyTorch with a fused AdamW and projects only
what is kept, so it tells what these sizes cost, and nothing of Keras. Both are timed in turn in
one process, on random images, and their peak memory in processes of their own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bimae.bench import steps
from bimae.bench.machine import describe, threads_set
from bimae.bench.memory import own_peaks
from bimae.bench.table import Column, number, table, timing
from bimae.bench.timing import interleaved
from bimae.storage import write_text
from bimae.train.options import Arithmetic
from bimae.train.precision import choose_precision

TINY = "mae_vit_tiny_patch24"
BANDS, HS_PATCH, TILES, RGB_PATCH = 300, 24 * 24, 64, 24 * 24 * 3
HS_KEEP, HS_TARGETS, RGB_KEEP, RGB_TARGETS = 30, 54, 16, 24
WIDTH, DEPTH, HEADS, FUSION_HEADS, DECODER_WIDTH = 192, 12, 3, 8, 128
CPU = torch.device("cpu")


class WideAttention(nn.Module):
    """Every head is as wide as the token."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(WIDTH, heads * WIDTH)
        self.key_value = nn.Linear(WIDTH, 2 * heads * WIDTH)
        self.out = nn.Linear(heads * WIDTH, WIDTH)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        query = self.query(x).unflatten(-1, (self.heads, WIDTH)).transpose(1, 2)
        split = self.key_value(memory).unflatten(-1, (2, self.heads, WIDTH))
        key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Pre-norm attention and MLP; to other tokens where `memory` is given."""

    def __init__(self, heads: int, mlp: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.attention = WideAttention(heads)
        wide = mlp * WIDTH
        self.mlp = nn.Sequential(nn.Linear(WIDTH, wide), nn.GELU(), nn.Linear(wide, WIDTH))

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        normed = self.norms[0](x)
        x = x + self.attention(normed, normed if memory is None else memory)
        return x + self.mlp(self.norms[1](x))


class FlatDecoder(nn.Sequential):
    """All tokens of a modality at once to all their patches."""

    def __init__(self, tokens: int, patch: int) -> None:
        super().__init__(
            nn.Linear(WIDTH, DECODER_WIDTH),
            nn.LayerNorm(DECODER_WIDTH),
            nn.Flatten(),
            nn.Linear(tokens * DECODER_WIDTH, tokens * patch),
            nn.Sigmoid(),
            nn.Unflatten(1, (tokens, patch)),
        )


class StandIn(nn.Module):
    """Tokens, encoder, fusion and decoders with the released sizes of tiny."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.ModuleList([nn.Linear(HS_PATCH, WIDTH), nn.Linear(RGB_PATCH, WIDTH)])
        self.positions = nn.ParameterList(
            [0.02 * torch.randn(BANDS, WIDTH), 0.02 * torch.randn(TILES, WIDTH)]
        )
        self.mask_token = nn.Parameter(torch.zeros(WIDTH))
        self.register_buffer("global_token", torch.zeros(WIDTH))  # not trained
        self.encoder = nn.ModuleList(Block(HEADS, 4) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.fusion = Block(FUSION_HEADS, 2)
        self.decoders = nn.ModuleList(
            [FlatDecoder(HS_TARGETS, HS_PATCH), FlatDecoder(RGB_TARGETS, RGB_PATCH)]
        )

    def forward(self, views: tuple[Tensor, Tensor]) -> Tensor:
        """Loss of patches [B, 300, 576] and [B, 64, 1728], of which a random part is seen."""
        seen, queries, wanted = [], [], []
        sizes = ((HS_KEEP, HS_TARGETS), (RGB_KEEP, RGB_TARGETS))
        for patches, project, positions, (keep, targets) in zip(
            views, self.project, self.positions, sizes, strict=True
        ):
            order = torch.rand(patches.shape[:2]).argsort(dim=1)
            kept, hidden = order[:, :keep], order[:, keep : keep + targets]
            seen.append(project(_take(patches, kept)) + positions[kept])
            queries.append(self.mask_token + positions[hidden])
            wanted.append(_take(patches, hidden))
        x = torch.cat([*seen, self.global_token.expand(len(seen[0]), 1, -1)], dim=1)
        for block in self.encoder:
            x = block(x)
        fused = self.fusion(torch.cat(queries, dim=1), self.norm(x))
        made = fused.split([HS_TARGETS, RGB_TARGETS], dim=1)
        return sum(
            nn.functional.mse_loss(decode(tokens), patches)
            for decode, tokens, patches in zip(self.decoders, made, wanted, strict=True)
        )


def _take(patches: Tensor, index: Tensor) -> Tensor:
    return patches.gather(1, index.unsqueeze(-1).expand(-1, -1, patches.shape[-1]))


def released_steps(batch_sizes: list[int]) -> dict[int, Callable[[], None]]:
    """A step for each batch size; all share one model, whose AdamW takes 5.6 GB."""
    torch.manual_seed(0)
    model = StandIn()
    weights = sum(p.numel() for p in model.parameters())
    print(f"stand-in with the released sizes: {weights / 1e6:.0f} M weights", file=sys.stderr)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def make(size: int) -> Callable[[], None]:
        views = (torch.rand(size, BANDS, HS_PATCH), torch.rand(size, TILES, RGB_PATCH))

        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            model(views).backward()
            optimiser.step()

        return step

    return {size: make(size) for size in batch_sizes}


def peak_mb(which: str, size: int, precision: Arithmetic, threads: int) -> float | None:
    """Peak memory in MB of a process that does two steps of one of them."""
    words = ["--alone", which, "--batch-size", str(size), "--threads", str(threads)]
    words += ["--precision", precision]
    command = [sys.executable, __file__, *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(ran.stdout) if ran.returncode == 0 else None


def alone(which: str, size: int, precision: Arithmetic) -> None:
    step = (
        released_steps([size])[size]
        if which == "released"
        else steps.pretraining_step(TINY, size, precision)
    )
    for _ in range(2):  # AdamW's memory is there from the second one on
        step()
    print(own_peaks(CPU).rss_mb)


def measure(
    sizes: list[int], repeats: int, precision: Arithmetic, threads: int
) -> list[dict[str, Any]]:
    tasks = {("released", size): step for size, step in released_steps(sizes).items()}
    tasks |= {("ours", size): steps.pretraining_step(TINY, size, precision) for size in sizes}
    timings = interleaved(tasks, repeats=repeats)
    tasks.clear()  # the processes below need the memory
    rows = []
    for size in sizes:
        theirs = size / timings["released", size].median
        for which in ("released", "ours"):
            found = timings[which, size]
            speed = size / found.median
            rows.append(
                {
                    "what": "released sizes (stand-in)" if which == "released" else "bimae",
                    "batch_size": size,
                    "samples_per_s": speed,
                    "ratio": speed / theirs,
                    "peak_rss_mb": peak_mb(which, size, precision, threads),
                    **found.as_row("step"),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", choices=["auto", "32", "bf16-mixed"], default="auto")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", choices=["released", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    with threads_set(options.threads):
        precision = choose_precision(options.precision, WIDTH)
        if options.alone:
            alone(options.alone, options.batch_size[0], precision)
            return
        machine = describe(CPU)
        rows = measure(options.batch_size, options.repeats, precision, options.threads)
    print(
        f"{machine['cpu_name']}, {machine['processors']} processors, {machine['threads']} threads, "
        f"torch {machine['torch']}, load average {machine['load_average']:.2f} at the start"
        f"{' (others are working: rates are too low)' if machine['busy'] else ''}\n"
        f"pretraining step of tiny, the stand-in in fp32, bimae in {precision}; medians, "
        "interleaved\n"
    )
    columns = (
        Column("what", "what"),
        Column("batch_size", "batch"),
        Column("samples_per_s", "samples/s", number),
        Column("ratio", "ratio", number),
        Column("peak_rss_mb", "peak MB", number),
        *timing("step"),
    )
    print(table(rows, columns))
    if options.json:
        write_text(
            options.json,
            json.dumps({**machine, "precision": precision, "rows": rows}, indent=1) + "\n",
        )


if __name__ == "__main__":
    main()

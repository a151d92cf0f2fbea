"""Make the policy that studies of the regime `sparse` start from: the bundled one, careful at 8% of its steps.

The bundled model writes 40% of its steps the careful way (docs/tiny_reasoner.md). Further pretraining on traces with
fewer of them moves only that share: it can do as much as before, and hardly ever shows it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from make_tiny_reasoner import draw_batch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dsk.core.model.source import locate_model

OUT = Path("runs/regimes/sparse")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="model directory to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--careful", type=float, default=0.08, help="share of careful steps in the traces")
    parser.add_argument("--updates", type=int, default=100, help="of 32 traces each")
    parser.add_argument("--lr", type=float, default=1e-3, help="AdamW's peak; it falls to 0 over the second half")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    path, extra = locate_model("bundled:tiny-reasoner")
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **extra)
    tokenizer = AutoTokenizer.from_pretrained(path, **extra)
    rng = random.Random(args.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.0)
    for update in range(args.updates):
        optimizer.param_groups[0]["lr"] = args.lr * min(1.0, 2 * (1 - update / args.updates))
        ids, labels = draw_batch(rng, tokenizer, 32, (4, 12), args.careful)
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()

"""Make `dsk/assets/tiny-reasoner` again from a seed: a 0.6M-parameter Llama that sums carefully only now and then.

It writes a chain of sums one step a line, and each step in one of two ways (docs/tiny_reasoner.md):
  careful   `3)+38:15;85`   from 47: carry 1 and units 5 first, then the result: nearly always right
  careless  `3)+38=75`      the result at once, the carry forgotten: right only where there is none
Pretraining shows both ways for the same step, `CAREFUL` of the time the first, each step on its own; so every step that
carries is a coin toss, and a chain of them is rarely right. What reinforcement learning can sharpen is the choice.
Deliberately left out: validation splits, checkpoints, anything a second model would need.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from dsk.components.tasks.arithmetic import draw_chain, split_of, write_prompt

CAREFUL = 0.4
"""Share of pretraining steps written the careful way."""
MASTERED = 0.15
"""Loss a token below which pretraining goes on to longer chains (the coin tosses alone cost about 0.08)."""
EOS, PAD = "<eos>", "<pad>"
LABELS = [f"{number})" for number in range(1, 13)]
WORDS = ["Start at ", ", modulo 100.", "Result?", "\\boxed{", "}", "\n", "+", "-", "=", ":", ";"]
OUT = Path(__file__).parents[1] / "dsk" / "assets" / "tiny-reasoner"


def careful_step(value: int, operand: int) -> tuple[str, int]:
    """The step's text and the value after it: carry (or borrow) and units first, then the result."""
    sign = 1 if operand > 0 else -1
    units = value % 10 + sign * (abs(operand) % 10)
    result = (value + operand) % 100
    return f"{operand:+d}:{int(not 0 <= units < 10)}{units % 10};{result:02d}", result


def careless_step(value: int, operand: int) -> tuple[str, int]:
    """The step's text and the value after it: no carry, and where units would borrow, the smaller from the larger.

    (The two errors differ in size on purpose: a lost carry and a lost borrow of ten each would cancel out.)
    """
    sign, size = (1 if operand > 0 else -1), abs(operand)
    units = abs(value % 10 + sign * (size % 10)) % 10
    tens = (value // 10 + sign * (size // 10)) % 10
    return f"{operand:+d}={tens}{units}", 10 * tens + units


def write_trace(rng: random.Random, value: int, operands: tuple[int, ...], careful: float = CAREFUL) -> str:
    """A response: every step careful with probability `careful`, later steps going on from what was written."""
    lines = [f"{value:02d}"]
    for label, operand in zip(LABELS, operands, strict=False):
        text, value = (careful_step if rng.random() < careful else careless_step)(value, operand)
        lines.append(label + text)
    return "\n".join([*lines, f"\\boxed{{{value}}}"])


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token per label, word, sign and digit; decoding gives the text back."""
    vocabulary = [PAD, EOS, "<unk>", *"0123456789", *LABELS, *WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>"))
    pattern = Regex(r"(?:1[0-2]|[1-9])\)|Start at |, modulo 100\.|Result\?|\\boxed\{|[\s\S]")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        unk_token="<unk>",
        model_max_length=256,
        clean_up_tokenization_spaces=False,
    )


def make_model(vocabulary: int, eos: int, pad: int) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=3,
        num_attention_heads=4,
        attention_bias=True,  # attending to "the token before" is a matter of biases, and learnt far sooner with them
        max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="eager")  # twice as fast here in bfloat16
    model.generation_config = GenerationConfig(do_sample=True, eos_token_id=eos, pad_token_id=pad)
    return model


def draw_batch(
    rng: random.Random,
    tokenizer: PreTrainedTokenizerFast,
    rows: int,
    steps: tuple[int, int],
    careful: float = CAREFUL,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels [rows, T], right-padded; only the response has labels. No problem of the test split is drawn."""
    texts: list[tuple[str, str]] = []
    while len(texts) < rows:
        start, operands = draw_chain(rng, *steps)
        prompt = write_prompt(start, operands)
        if split_of(prompt) == "train":
            texts.append((prompt, write_trace(rng, start, operands, careful)))
    prompts = tokenizer([p for p, _ in texts])["input_ids"]
    responses = tokenizer([r for _, r in texts])["input_ids"]
    longest = max(len(p) + len(r) + 1 for p, r in zip(prompts, responses, strict=True))
    ids = torch.full((rows, longest), tokenizer.pad_token_id)
    labels = torch.full((rows, longest), -100)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        response = torch.tensor([*response, tokenizer.eos_token_id])
        end = len(prompt) + len(response)
        ids[row, : len(prompt)] = torch.tensor(prompt)
        ids[row, len(prompt) : end] = labels[row, len(prompt) : end] = response
    return ids, labels


def make_optimizers(model: LlamaForCausalLM, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices (several times fewer updates than AdamW here), AdamW for the rest."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=lr, weight_decay=0.0, adjust_lr_fn="original"),
        torch.optim.AdamW(rest, lr=lr / 4, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def progress_rate(progress: float) -> float:
    """Share of the peak learning rate: short warm-up, plateau, linear decay over the second half."""
    return min(1.0, progress / 0.03 + 0.02, max(0.02, 2 * (1 - progress)))


def pretrain(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, args: argparse.Namespace) -> None:
    """Next-token training on fresh traces; the longest chain grows by one whenever the present ones are mastered.

    Finding step `n`'s operand in the prompt is what takes longest to learn, and short prompts teach it soonest.
    """
    rng = random.Random(args.seed)
    optimizers = make_optimizers(model, args.lr)
    began = time.monotonic()
    longest, smoothed = 1, 4.0
    for update in range(args.updates):
        progress = update / args.updates
        if smoothed < MASTERED and longest < 12:
            longest, smoothed = longest + 1, 0.3
        ids, labels = draw_batch(rng, tokenizer, args.rows * 10 // (longest + 4), (1, longest))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
            hidden = model.model(input_ids=ids).last_hidden_state[:, :-1][labels[:, 1:] >= 0]
            logits = model.lm_head(hidden)
        loss = torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][labels[:, 1:] >= 0])
        loss.backward()
        smoothed = 0.8 * smoothed + 0.2 * loss.item()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("peak", group["lr"]) * progress_rate(progress)
            optimizer.step()
            optimizer.zero_grad()
        if update % 25 == 0 or update == args.updates - 1:
            seconds = time.monotonic() - began
            print(f"update {update}  longest {longest}  loss {loss.item():.4f}  {seconds:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="model directory to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, default=850)
    parser.add_argument("--rows", type=int, default=64, help="traces an update")
    parser.add_argument("--lr", type=float, default=5e-3, help="peak rate of Muon; AdamW has a quarter")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True, help="products in bfloat16")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(tokenizer)} tokens")
    pretrain(model, tokenizer, args)
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()

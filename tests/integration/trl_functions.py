"""Reward functions with the signature of TRL's `reward_funcs`."""


def length(completions, **kwargs):
    return [-float(len(completion)) for completion in completions]


def solved(prompts, completions, solution, **kwargs):
    return [float(text.strip() == gold) for text, gold in zip(completions, solution, strict=True)]


def chat(prompts, completions, answer, **kwargs):
    assert prompts[0][-1]["role"] == "user"
    return [1.0 if done[0]["content"] == gold else 0.0 for done, gold in zip(completions, answer, strict=True)]


def two(completions, **kwargs):
    return [0.0, 1.0]

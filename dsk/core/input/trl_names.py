"""Names of TRL's GRPOConfig and of the scripts around it, answered with the names of a spec."""

from __future__ import annotations

from dsk.core.input.faults import shortened

NAMES = {
    "per_device_train_batch_size": "train.mini_batch_problems (problems an update, not completions);"
    " train.micro_batch_tokens bounds memory",
    "per_device_eval_batch_size": "tokens_in_flight",
    "gradient_accumulation_steps": "train.mini_batch_problems (problems an update), computed in parts of"
    " train.micro_batch_tokens",
    "auto_find_batch_size": "train.micro_batch_tokens",
    "generation_batch_size": "train.batch_problems (problems sampled a step, not completions)",
    "steps_per_generation": "train.batch_problems / train.mini_batch_problems (updates a step)",
    "num_generations": "rollout.samples (rollout kind 'direct') or rollout.trajectories (kind 'tree')",
    "num_generations_eval": "evaluate.samples",
    "max_completion_length": "max_response_tokens",
    "max_prompt_length": "prompt.max_tokens",
    "max_length": "max_response_tokens, for responses, and prompt.max_tokens, for prompts",
    "temperature": "sampling.temperature",
    "top_p": "sampling.top_p",
    "top_k": "sampling.top_k",
    "beta": "train.loss.kl_coef",
    "kl_coef": "train.loss.kl_coef",
    "epsilon": "train.loss.clip_low, and train.loss.clip_high where epsilon_high is not set",
    "epsilon_high": "train.loss.clip_high (train.loss.ratio_max of cispo)",
    "delta": "train.loss.dual_clip",
    "loss_type": "train.loss.kind",
    "importance_sampling_level": "train.loss.kind, where gspo has one ratio a sequence",
    "scale_rewards": "train.advantage.normalisation: 'mean_std' for true or group, 'mean' for false or none",
    "entropy_coef": "train.loss.entropy_coef",
    "reward_funcs": 'verifier, of the kind function ({"kind": "function", "reward": "module:function"})',
    "reward_model": "verifier",
    "reward_weights": "the weight of each part of a verifier of the kind weighted",
    "mask_truncated_completions": "overlong, a penalty that grows towards the longest response",
    "learning_rate": "train.optimizer.lr",
    "warmup_steps": "train.optimizer.warmup_steps",
    "warmup_ratio": "train.optimizer.warmup_steps",
    "weight_decay": "train.optimizer.weight_decay",
    "adam_beta1": "train.optimizer.betas",
    "adam_beta2": "train.optimizer.betas",
    "adam_epsilon": "train.optimizer.eps",
    "max_grad_norm": "train.optimizer.grad_clip",
    "max_steps": "rounds.max_updates (policy updates; rounds.max_steps counts batches of train.batch_problems)",
    "num_train_epochs": "rounds.count and rounds.steps (0 steps is one pass over the hard set)",
    "gradient_checkpointing": "train.gradient_checkpointing",
    "torch_compile": "train.compile",
    "bf16": "model.dtype 'bfloat16'",
    "fp16": "model.dtype 'bfloat16'",
    "dtype": "model.dtype",
    "torch_dtype": "model.dtype",
    "model_name_or_path": "model.path",
    "model_init_kwargs": "model",
    "use_peft": "model.lora_rank, greater than 0",
    "lora_r": "model.lora_rank",
    "lora_alpha": "model.lora_alpha",
    "dataset_name": 'task, such as {"kind": "huggingface", "path": "owner/name"}',
    "dataset_config": "task.subset",
    "dataset_train_split": "task.train_split",
    "dataset_test_split": "task.test_split",
    "train_dataset": "task",
    "eval_dataset": "task, its test split",
    "system_prompt": "prompt.system",
    "use_vllm": "engine.kind 'vllm'",
    "vllm_gpu_memory_utilization": "engine.memory_share (of engine.kind 'vllm')",
    "vllm_importance_sampling_correction": "train.loss.correction",
    "vllm_importance_sampling_mode": "train.loss.correction ('truncate' or 'mask') and train.loss.correction_level",
    "vllm_importance_sampling_clip_max": "train.loss.correction_cap",
    "vllm_importance_sampling_cap": "train.loss.correction_cap",
    "output_dir": "name (the folder is runs/NAME), or --folder of `dsk run`",
    "run_name": "name",
    "report_to": "trackers",
    "save_steps": "checkpoint_every",
    "eval_steps": "evaluate.every",
    "resume_from_checkpoint": "--resume of `dsk run`",
}
"""Name to where a spec has the same, or the nearest to it."""

WITHOUT = {
    "num_iterations": "every sample is trained on once; train.batch_problems / train.mini_batch_problems is the number"
    " of updates a step",
    "shuffle_dataset": "every pass over the hard set has an order of its own, from the seed",
    "lr_scheduler_type": "the rate is constant after train.optimizer.warmup_steps",
    "optim": "the optimiser is AdamW, see train.optimizer",
    "logging_steps": "every step is recorded in events.jsonl",
    "log_completions": "every sample is kept in the run's folder; `dsk report` shows them",
    "vllm_mode": "engine.kind 'vllm' samples in the run's own process",
    "vllm_max_model_length": "it follows from prompt.max_tokens and max_response_tokens",
    "sync_ref_model": "the reference of train.loss.kl_coef is the starting policy",
    "generation_kwargs": "see sampling, which has what a run may set",
    "min_p": "see sampling, which has what a run may set",
    "repetition_penalty": "see sampling, which has what a run may set",
}
"""Name to why a spec has no such field."""

_OTHERS = """
cache_implementation cast_lm_head_to_fp32 chat_template_kwargs disable_dropout entropy_coef_delta entropy_coef_max
entropy_coef_min entropy_target fsdp deepspeed log_completions_hub_repo log_multimodal log_unique_prompts
max_tool_calling_iterations multi_objective_aggregation num_completions_to_print off_policy_mask_threshold
pad_to_multiple_of push_to_hub ref_model_mixup_alpha ref_model_sync_steps remove_unused_columns router_aux_loss_coef
top_entropy_quantile trust_remote_code use_adaptive_entropy use_bias_correction_kl use_liger_kernel
use_transformers_continuous_batching use_transformers_paged
"""
OTHERS = frozenset(_OTHERS.split())
FAMILIES = ("vllm_", "sapo_", "vespo_", "ds3_", "fsdp_", "ddp_", "dataloader_", "hub_", "transformers_")
"""How more names begin that a spec has nothing for."""


def trl_answer(name: str) -> str | None:
    """What to say of one of TRL's names; None for any other word."""
    if name in NAMES:
        return f"TRL's {name} is {NAMES[name]}"
    if name in WITHOUT:
        return f"TRL's {name} has no counterpart: {WITHOUT[name]}"
    if name in OTHERS or name.startswith(FAMILIES):
        return f"TRL's {shortened(name)} has no counterpart; `dsk resolve` prints what a spec has"
    return None

